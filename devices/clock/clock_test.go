package clock

import (
	"testing"
	"time"
)

func TestSystem(t *testing.T) {
	now, err := System()
	if err != nil {
		t.Fatal(err)
	}
	a, b := now(), now()
	if a.Boot != b.Boot || a.Boot.String() == "00000000000000000000000000000000" {
		t.Errorf("boot IDs %s, %s", a.Boot, b.Boot)
	}
	if elapsed, ok := b.Since(a); !ok || elapsed < 0 || a.Mono <= 0 {
		t.Errorf("monotonic time %s, then %s", a.Mono, b.Mono)
	}
	if a.Wall.Location() != time.UTC {
		t.Errorf("wall time in %s", a.Wall.Location())
	}
}

func TestTheKernelIsAskedOnceASecond(t *testing.T) {
	var c cached
	c.asked.Store(int64(time.Hour))
	c.synced.Store(true)
	if !c.synchronised(time.Hour + time.Second/2) {
		t.Error("asked again within a second")
	}
	want := synchronised()
	if got := c.synchronised(time.Hour + 2*time.Second); got != want || c.asked.Load() != int64(time.Hour+2*time.Second) {
		t.Errorf("not asked again: %t", got)
	}
}
