package journal_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

const (
	childDir  = "LINLI_JOURNAL_CHILD"
	childRun  = "LINLI_JOURNAL_RUN"
	crashRuns = "LINLI_JOURNAL_CRASHES" // rounds of TestKill; 20 if unset
)

// runChild is the process that TestKill kills: it records without end, follows
// itself, and prints the ID of each event that Record has returned nil for.
func runChild() {
	dir := os.Getenv(childDir)
	if dir == "" {
		return
	}
	if err := child(dir, os.Getenv(childRun)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func child(dir, run string) error {
	o := options()
	o.SegmentBytes = 64 << 10
	j, err := journal.Open(dir, o)
	if err != nil {
		return err
	}
	s, err := j.OpenState("follower")
	if err != nil {
		return err
	}
	failed := make(chan error)
	go func() { failed <- j.Fold(context.Background(), s, counting()) }()
	var mu sync.Mutex
	for worker := range 8 {
		go func() {
			for n := 0; ; n++ {
				e := ordinary(fmt.Sprintf("%s-%d-%d", run, worker, n))
				if worker == 0 {
					e.Urgency = devices.Urgent
				}
				for range 1 + n%3 { // redeliveries
					if err := j.Record(context.Background(), e); err != nil {
						failed <- err
						return
					}
				}
				mu.Lock()
				_, err := fmt.Println(e.ID)
				mu.Unlock()
				if err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

// counting counts each entry under its chain and ID.
func counting() journal.Fold {
	return journal.Fold{
		Chains: []journal.Chain{journal.Urgent, journal.Ordinary},
		Apply: func(tx *journal.Tx, entries []journal.Entry) error {
			for _, e := range entries {
				key := []byte(e.Event.ID)
				n, _ := strconv.Atoi(string(tx.Get("seen", key)))
				tx.Put("seen", key, []byte(strconv.Itoa(n+1)))
			}
			return nil
		},
	}
}

// Whatever was acknowledged before kill -9 is in the journal, exactly once,
// and has been or will be folded exactly once.
func TestKill(t *testing.T) {
	rounds, err := strconv.Atoi(os.Getenv(crashRuns))
	if err != nil {
		rounds = 20
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d, %d rounds", seed, rounds)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range rounds {
		killed(t, dir, strconv.Itoa(round), time.Duration(random.IntN(150))*time.Millisecond, acknowledged)
	}
	j := mustOpen(t, dir, options())
	recorded := map[string]int{}
	for _, which := range []journal.Chain{journal.Ordinary, journal.Urgent} {
		for _, id := range ids(t, j, which) {
			recorded[id]++
		}
	}
	t.Logf("%d acknowledged, %d recorded, %d files", len(acknowledged), len(recorded), j.Stats().Chains[journal.Ordinary].Files)
	if len(acknowledged) == 0 {
		t.Error("nothing was acknowledged")
	}
	for id := range acknowledged {
		if recorded[id] != 1 {
			t.Errorf("%s was acknowledged, and is recorded %d times", id, recorded[id])
		}
	}
	folded := foldAll(t, j)
	for id, n := range recorded {
		if n != 1 || folded[id] != 1 {
			t.Errorf("%s is recorded %d times and folded %d times", id, n, folded[id])
		}
	}
	if len(folded) != len(recorded) {
		t.Errorf("%d folded, %d recorded", len(folded), len(recorded))
	}
}

// killed runs a child, kills it after a time from its first acknowledgement,
// and adds what it acknowledged.
func killed(t *testing.T, dir, run string, after time.Duration, acknowledged map[string]bool) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	if emulator := os.Getenv("LINLI_EMULATOR"); emulator != "" { // of another processor
		cmd = exec.Command(emulator, self)
	}
	cmd.Env = append(os.Environ(), childDir+"="+dir, childRun+"="+run)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	var kill *time.Timer
	for {
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			break // a line cut short was not printed
		}
		if err != nil {
			t.Fatal(err)
		}
		acknowledged[strings.TrimSpace(line)] = true
		if kill == nil {
			kill = time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
	}
	err = cmd.Wait()
	if kill == nil || kill.Stop() || stderr.Len() > 0 {
		t.Fatalf("the child ended by itself: %v: %s", err, stderr.String())
	}
}

// foldAll folds what is left, and returns what has been folded in all.
func foldAll(t *testing.T, j *journal.Journal) map[string]int {
	t.Helper()
	s, err := j.OpenState("follower")
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, s)
	caughtUp(t, j, s, counting())
	seen := map[string]int{}
	if err := s.View(func(tx *journal.Tx) error {
		for k, v := range tx.Ascend("seen", nil) {
			seen[string(k)], _ = strconv.Atoi(string(v))
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return seen
}

// caughtUp runs a fold until it has come to where the journal ends now.
func caughtUp(t testing.TB, j *journal.Journal, s *journal.State, f journal.Fold) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reached := func() bool {
		followers := j.Stats().Followers
		for _, known := range followers {
			for _, which := range f.Chains {
				if !known.Follows[which] || known.Lag[which] > 0 {
					return false
				}
			}
		}
		return len(followers) > 0
	}
	if reached() {
		return
	}
	f.Committed = func() {
		if reached() {
			cancel()
		}
	}
	if err := j.Fold(ctx, s, f); err != nil {
		t.Fatal(err)
	}
}
