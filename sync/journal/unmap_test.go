package journal_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/linli-edge/gateway/sync/journal"
)

// mappedOf is how much of the files in a folder this process has mapped and in
// memory, in KiB.
func mappedOf(t *testing.T, dir string) (total int) {
	t.Helper()
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer smaps.Close()
	inside := false
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		if addresses, _, _ := strings.Cut(lines.Text(), " "); strings.Contains(addresses, "-") {
			inside = strings.Contains(lines.Text(), " "+dir+"/")
		}
		var n int
		if _, err := fmt.Sscanf(lines.Text(), "Rss: %d kB", &n); err == nil && inside {
			total += n
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return total
}

// What is mapped of the files goes, and comes again as it was. Those who write
// and read meanwhile notice nothing.
func TestUnmap(t *testing.T) {
	dir, o := t.TempDir(), options()
	o.SegmentBytes = 64 << 10 // a few files
	j := mustOpen(t, dir, o)
	s := mustState(t, j, "books")
	const events = 200
	long := json.RawMessage(`"` + strings.Repeat("x", 3000) + `"`)
	var writers, unmapper sync.WaitGroup
	writers.Go(func() {
		for n := range events {
			e := ordinary(fmt.Sprint(n))
			e.Data = long
			mustRecord(t, j, e)
		}
	})
	writers.Go(func() {
		for n := range events {
			mustRecord(t, j, urgent(fmt.Sprint(n)))
		}
	})
	writers.Go(func() {
		for n := range events {
			if err := s.Update(func(tx *journal.Tx) error { tx.Put("b", fmt.Append(nil, n), long); return nil }); err != nil {
				t.Error(err)
			}
		}
	})
	done, written := make(chan struct{}), make(chan struct{})
	unmapper.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			if err := j.Unmap(); err != nil {
				t.Error(err)
			}
		}
	})
	go func() { writers.Wait(); close(written) }()
	for last := false; !last; {
		select {
		case <-written:
			last = true // and once more
		default:
		}
		for _, which := range []journal.Chain{journal.Ordinary, journal.Urgent} {
			found := ids(t, j, which)
			for i, id := range found {
				if id != fmt.Sprint(i) {
					t.Errorf("%s: %d is %q", which, i, id)
				}
			}
			if last && len(found) != events {
				t.Errorf("%s: %d events", which, len(found))
			}
		}
		kept := 0
		if err := s.View(func(tx *journal.Tx) error {
			for _, value := range tx.Ascend("b", nil) {
				if kept++; string(value) != string(long) {
					t.Errorf("the state has %.20q", value)
				}
			}
			return nil
		}); err != nil || last && kept != events {
			t.Errorf("the state has %d, %v", kept, err)
		}
	}
	close(done)
	unmapper.Wait()
	ids(t, j, journal.Ordinary)
	before := mappedOf(t, dir)
	if err := j.Unmap(); err != nil {
		t.Error(err)
	}
	if after := mappedOf(t, dir); before == 0 || after >= before/2 {
		t.Errorf("of %d KiB %d are still mapped", before, after)
	}
}
