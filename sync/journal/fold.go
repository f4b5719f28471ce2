package journal

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"time"
)

// Fold says how a follower turns entries into state.
type Fold struct {
	// Chains to follow, in order of priority: entries of a later one are
	// applied only when there is nothing new in those before it.
	Chains []Chain
	// Every is how long ordinary entries may wait for company before the state
	// is committed, because flash wears by the commit; 0 is not at all. Urgent
	// entries never wait.
	Every time.Duration
	// Apply changes the state by some entries of one chain, in order. It must
	// do nothing else: it is called again for the same entries if the commit
	// fails. An error ends the Fold with nothing changed. The slice, and
	// the Data of its entries, are good only until Apply returns.
	Apply func(*Tx, []Entry) error
	// Committed, which may be nil, is called after each commit: the moment for
	// effects. A crash can come between the two, so what is due must be read
	// from the state and not remembered from Apply.
	Committed func()
}

// foldEntries is how many entries a commit of a Fold covers at most.
const foldEntries = 4096

// Fold applies what the journal holds, and then what comes, to the state,
// until ctx ends: nil then. State and cursors move in one transaction, so each
// entry is applied exactly once, whatever is killed. What was retired or is
// damaged is skipped; a Gap in the urgent chain tells of what was retired
// before its time. After an error, which may be the state's, the journal's or
// Apply's, it can simply be called again.
//
// A state has at most one running Fold.
func (j *Journal) Fold(ctx context.Context, s *State, f Fold) error {
	at, err := s.position(f.Chains)
	if err != nil {
		return fmt.Errorf("fold: %w", err)
	}
	j.followers.follow(s.name, f.Chains, at)
	var due time.Time // for ordinary entries that wait; zero if none do
	var p page
	for {
		if err := j.await(ctx, at, f, &due); err != nil {
			return j.stopped(ctx)
		}
		entries, err := j.readNext(&p, &at, f.Chains, foldEntries)
		if err != nil {
			return fmt.Errorf("fold %s: %w", s.name, err)
		}
		if len(entries) == 0 {
			continue // over a gap, perhaps; saved with the next entries
		}
		if entries[0].Chain == Ordinary {
			due = time.Time{}
		}
		if err := s.apply(f, entries, at); err != nil {
			return err
		}
		j.followers.follow(s.name, f.Chains, at)
		if f.Committed != nil {
			f.Committed()
		}
	}
}

// InTurns gives out the entries of an Apply that is long, and every few of them
// lets others have a core: a call for help waits for no statistic, not even for
// its turn there.
func InTurns(entries []Entry) iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for i, entry := range entries {
			if i%turnEntries == 0 {
				runtime.Gosched()
			}
			if !yield(entry) {
				return
			}
		}
	}
}

// turnEntries take some tenths of a millisecond.
const turnEntries = 16

// stopped is what a Fold returns that was made to stop.
func (j *Journal) stopped(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	return ErrClosed
}

// await returns nil when there is something to apply: urgent entries, or
// ordinary ones that are due or fill a commit.
func (j *Journal) await(ctx context.Context, at Position, f Fold, due *time.Time) error {
	var timer *time.Timer // set when ordinary entries wait
	var company <-chan time.Time
	for ctx.Err() == nil {
		grown := j.growth()
		for _, which := range f.Chains {
			last := j.Last(which)
			switch {
			case last <= at[which]:
				continue
			case which == Urgent || last-at[which] >= foldEntries:
				return nil
			case due.IsZero():
				*due = time.Now().Add(f.Every)
			}
			left := time.Until(*due)
			if left <= 0 {
				return nil
			}
			if timer == nil {
				timer = time.NewTimer(left)
				defer timer.Stop()
				company = timer.C
			}
		}
		if err := grown.wait(ctx, j.closing, company); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// apply moves state and cursors in one transaction.
func (s *State) apply(f Fold, entries []Entry, at Position) error {
	return s.Update(func(t *Tx) error {
		if err := f.Apply(t, entries); err != nil {
			return err
		}
		for _, which := range f.Chains {
			t.setCursor(chainCursor(which), at[which])
		}
		return nil
	})
}

// position reads the cursors of the given chains.
func (s *State) position(order []Chain) (Position, error) {
	var at Position
	err := s.View(func(t *Tx) error {
		for _, which := range order {
			at[which], _ = t.cursor(chainCursor(which))
		}
		return nil
	})
	return at, err
}
