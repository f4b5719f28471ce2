package journal

import (
	"context"
	"fmt"
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
	// fails. An error ends the Fold with nothing changed.
	Apply func(*Tx, []Entry) error
	// Committed, which may be nil, is called after each commit: the moment for
	// effects. A crash can come between the two, so what is due must be read
	// from the state and not remembered from Apply.
	Committed func()
}

// Entries per commit of a Fold. The batches of later chains are small, so that
// the first is looked at often.
const (
	foldEntries = readEntries
	foldLater   = 64
)

// Fold applies what the journal holds, and then what comes, to the state,
// until ctx ends: nil then. State and cursors move in one transaction, so each
// entry is applied exactly once, whatever is killed. What was retired or is
// damaged is skipped; a Gap in the urgent chain tells of what was retired
// before its time. After an error, which may be
// the state's, the journal's or Apply's, it can simply be called again.
//
// A state has at most one running Fold.
func (j *Journal) Fold(ctx context.Context, s *State, f Fold) error {
	at, err := s.position(f.Chains)
	if err != nil {
		return fmt.Errorf("fold: %w", err)
	}
	j.followers.follow(s.name, f.Chains, at)
	var due time.Time // for ordinary entries that wait; zero if none do
	for {
		grown := j.growth()
		entries, next, err := j.nextBatch(at, f.Chains)
		if err != nil {
			return fmt.Errorf("fold %s: %w", s.name, err)
		}
		if len(entries) == 0 {
			at = next // over a gap, perhaps; saved with the next entries
			if grown.wait(ctx, j.closing, nil) != nil {
				return j.stopped(ctx)
			}
			continue
		}
		if entries[0].Chain == Ordinary {
			if due.IsZero() {
				due = time.Now().Add(f.Every)
			}
			if left := time.Until(due); left > 0 && len(entries) < foldLater {
				if j.company(ctx, at, f, left) != nil {
					return j.stopped(ctx)
				}
				continue
			}
			due = time.Time{}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := s.apply(f, entries, next); err != nil {
			return err
		}
		at = next
		j.followers.follow(s.name, f.Chains, at)
		if f.Committed != nil {
			f.Committed()
		}
	}
}

// stopped is what a Fold returns that was made to stop.
func (j *Journal) stopped(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	return ErrClosed
}

// nextBatch reads the entries to apply next, and where that leads.
func (j *Journal) nextBatch(at Position, order []Chain) ([]Entry, Position, error) {
	for i := range order {
		most := foldEntries
		if i > 0 {
			most = foldLater
		}
		entries, err := j.readNext(&at, order[i:i+1], most)
		if err != nil || len(entries) > 0 {
			return entries, at, err
		}
	}
	return nil, at, nil
}

// company waits for d, until there is a batch of ordinary entries, or until
// there is an urgent one.
func (j *Journal) company(ctx context.Context, at Position, f Fold, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		grown := j.growth()
		for _, which := range f.Chains {
			enough := uint64(1)
			if which == Ordinary {
				enough = foldLater
			}
			if j.Last(which) >= at[which]+enough {
				return nil
			}
		}
		select {
		case <-timer.C:
			return nil
		case <-grown[Ordinary]:
		case <-grown[Urgent]:
		case <-j.closing:
			return ErrClosed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
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
