package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/sync/journal"
)

func mustState(t testing.TB, j *journal.Journal, name string) *journal.State {
	t.Helper()
	s, err := j.OpenState(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mustClose(t, s) })
	return s
}

func TestStateTransactions(t *testing.T) {
	j := mustOpen(t, t.TempDir(), options())
	s := mustState(t, j, "s")
	put := func(tx *journal.Tx, keys ...string) {
		for _, k := range keys {
			tx.Put("b", []byte(k), []byte("v"+k))
		}
	}
	keys := func(tx *journal.Tx, from string) (found string) {
		for k, v := range tx.Ascend("b", []byte(from)) {
			if string(v) != "v"+string(k) {
				t.Errorf("%s has the value %s", k, v)
			}
			found += string(k)
		}
		return found
	}
	if err := s.Update(func(tx *journal.Tx) error {
		put(tx, "a", "b", "c", "d", "e")
		// Deleting and putting in the loop loses nothing and repeats nothing.
		var seen string
		for k := range tx.Ascend("b", []byte("b")) {
			seen += string(k)
			tx.Delete("b", k)
			if string(k) == "c" {
				put(tx, "a", "dd")
			}
		}
		if seen != "bcddde" {
			t.Errorf("saw %q", seen)
		}
		put(tx, "x", "y")
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("refused")
	if err := s.Update(func(tx *journal.Tx) error {
		put(tx, "z")
		return refused
	}); err != refused {
		t.Errorf("got %v", err)
	}
	if err := s.Update(func(tx *journal.Tx) error {
		put(tx, "z")
		tx.Put("b", nil, nil) // a key must not be empty
		return nil
	}); err == nil {
		t.Error("an empty key was accepted")
	}
	if err := s.View(func(tx *journal.Tx) error {
		if got := keys(tx, ""); got != "axy" {
			t.Errorf("holds %q", got)
		}
		if got := keys(tx, "b"); got != "xy" {
			t.Errorf("from b: %q", got)
		}
		if tx.Get("b", []byte("z")) != nil || tx.Get("nowhere", []byte("z")) != nil {
			t.Error("found what was refused")
		}
		for k := range tx.Ascend("nowhere", nil) {
			t.Errorf("found %q", k)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.View(func(tx *journal.Tx) error { put(tx, "z"); return nil }); err == nil {
		t.Error("wrote in a View")
	}
	if _, err := j.OpenState("../s"); err == nil {
		t.Error("opened a state outside of the folder")
	}
	mustClose(t, s)
	if err := s.View(func(*journal.Tx) error { return nil }); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
}

func TestFoldDrainsUrgentFirstAndResumes(t *testing.T) {
	dir := t.TempDir()
	j := mustOpen(t, dir, options())
	var wanted []string
	for i := range 1200 {
		mustRecord(t, j, urgent(fmt.Sprint("u", i)))
		wanted = append(wanted, fmt.Sprint("u", i))
	}
	for i := range 200 {
		mustRecord(t, j, ordinary(fmt.Sprint("o", i)))
		wanted = append(wanted, fmt.Sprint("o", i))
	}
	var got []string
	broken := errors.New("broken")
	fold := counting()
	fold.Apply = func(tx *journal.Tx, entries []journal.Entry) error {
		for _, e := range entries {
			if e.Event.ID == "o100" && len(got) < 10_000 {
				got = append(got, make([]string, 10_000)...) // once
				return broken
			}
		}
		for _, e := range entries {
			got = append(got, e.Event.ID)
		}
		return nil
	}
	s := mustState(t, j, "s")
	if err := j.Fold(t.Context(), s, fold); err != broken {
		t.Fatalf("got %v", err)
	}
	mustClose(t, s)
	mustClose(t, j)
	j = mustOpen(t, dir, options())
	caughtUp(t, j, mustState(t, j, "s"), fold)
	got = slices.DeleteFunc(got, func(s string) bool { return s == "" })
	if !slices.Equal(got, wanted) {
		t.Errorf("applied %d in another order than the %d wanted", len(got), len(wanted))
	}
}

// Ordinary entries wait for company, urgent ones do not, and nothing is
// written while nothing comes.
func TestFoldEvery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := mustOpen(t, t.TempDir(), options())
		s := mustState(t, j, "s")
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		var log []string
		start := time.Now()
		fold := journal.Fold{
			Chains: []journal.Chain{journal.Urgent, journal.Ordinary},
			Every:  time.Second,
			Apply: func(_ *journal.Tx, entries []journal.Entry) error {
				mu.Lock()
				defer mu.Unlock()
				line := time.Since(start).String()
				for _, e := range entries {
					line += " " + e.Event.ID
				}
				log = append(log, line)
				return nil
			},
		}
		var all sync.WaitGroup
		all.Go(func() {
			if err := j.Fold(ctx, s, fold); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		mustRecord(t, j, ordinary("a"))
		time.Sleep(400 * time.Millisecond)
		mustRecord(t, j, ordinary("b"))
		time.Sleep(5 * time.Second)
		mustRecord(t, j, ordinary("c"))
		time.Sleep(100 * time.Millisecond)
		mustRecord(t, j, urgent("u"))
		time.Sleep(time.Hour)
		cancel()
		all.Wait()
		mu.Lock()
		defer mu.Unlock()
		want := "1s a b\n5.5s u\n6.4s c"
		if got := strings.Join(log, "\n"); got != want {
			t.Errorf("applied\n%s\nwant\n%s", got, want)
		}
		mustClose(t, s)
		mustClose(t, j)
	})
}
