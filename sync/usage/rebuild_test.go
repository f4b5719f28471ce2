package usage

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices/locker"
)

// week lets parcels come and go for some days, many a day, and returns the
// days.
func (b *box) week(days int) (names []string) {
	for day := range days {
		names = append(names, Day(b.clock().Wall))
		for n := range 20 {
			b.record("l1", locker.Deposited{Compartment: n + 1}, time.Time{})
			if day%2 == 0 || n%2 == 0 { // some stay overnight
				b.pass(time.Minute)
				b.record("l1", locker.PickedUp{Compartment: n + 1}, time.Time{})
			}
		}
		b.settle()
		b.pass(24*time.Hour - 20*time.Minute)
	}
	return names
}

// wreck writes over the middle of the stopped box's statistics.
func (b *box) wreck() {
	b.t.Helper()
	f, err := os.OpenFile(filepath.Join(b.dir, "usage.state"), os.O_WRONLY, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, 12<<10), 4<<10); err != nil {
		b.t.Fatal(err)
	}
}

// listed are the days that Changes tells of, with their figures.
func (b *box) listed() map[string]string {
	b.t.Helper()
	rows, _, err := b.usage.Changes(0, 1<<20)
	if err != nil {
		b.t.Fatal(err)
	}
	slices.SortFunc(rows, func(a, c Row) int { return strings.Compare(a.Indicator, c.Indicator) })
	days := map[string]string{}
	for _, r := range rows {
		if len(r.Day) == monthLength {
			continue
		}
		days[r.Day] += fmt.Sprintln(figure(r))
	}
	return days
}

// A damaged file is made again, to the last figure, under a higher generation.
func TestRebuild(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, dir)
		days := b.week(6)
		before, want := b.listed(), b.figures(days...)
		generation, err := b.usage.Generation()
		if err != nil {
			t.Fatal(err)
		}
		b.stop()
		b.wreck()
		b.set(time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), false) // the new generation is higher all the same
		b.start()
		b.settle()
		if got := b.figures(days...); got != want {
			t.Errorf("made again\n%swant\n%s", got, want)
		}
		after := b.listed()
		for _, day := range days {
			if after[day] != before[day] {
				t.Errorf("%s is listed as\n%swant\n%s", day, after[day], before[day])
			}
		}
		if again, err := b.usage.Generation(); err != nil || again <= generation {
			t.Errorf("generation %d follows %d, %v", again, generation, err)
		}
		b.stop()
	})
}

// onlyOf says whether each line of one text is a line of another.
func onlyOf(these, those string) bool {
	for line := range strings.Lines(these) {
		if !strings.Contains("\n"+those, "\n"+line) {
			return false
		}
	}
	return true
}

// Where the journal no longer has everything, nothing lower is told than was
// told before: what is not surely complete is not told at all.
func TestRebuildOfAPart(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b := newBox(t, dir)
		days := b.week(12)
		before := b.listed()
		b.stop()
		files, err := filepath.Glob(filepath.Join(dir, "ordinary", "*.bolt"))
		if err != nil || len(files) < 2 {
			t.Fatal(files, err)
		}
		if err := os.Remove(files[0]); err != nil {
			t.Fatal(err)
		}
		b.wreck()
		b.start()
		b.settle()
		after := b.listed()
		told := 0
		for _, day := range days {
			if after[day] == "" {
				continue
			}
			told++
			if !onlyOf(after[day], before[day]) || !strings.Contains(after[day], "parcel.pickups") || strings.Contains(after[day], "device.online") {
				t.Errorf("%s is listed as\n%swant\n%s", day, after[day], before[day])
			}
		}
		if told == 0 || told == len(days) || after[days[0]] != "" || after[days[len(days)-1]] == "" {
			t.Errorf("%d of %d days are listed", told, len(days))
		}
		// What happens from now on is told.
		b.record("l1", locker.Deposited{Compartment: 21}, time.Time{})
		b.settle()
		today := Day(b.clock().Wall)
		if got := b.listed()[today]; got == "" {
			t.Error("nothing is told of today")
		}
		b.restart() // and it is over for good
		b.settle()
		if again := b.listed(); len(again) != told+1 {
			t.Errorf("%d days are listed, want %d", len(again), told+1)
		}
		b.stop()
	})
}
