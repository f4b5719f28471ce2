//go:build !race

// The race detector ends the process at a damaged pointer, also where the
// program recovers from it.

package registry

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// A file with random damage opens with what is left of it, or fails in words.
// It never ends the process.
func TestRandomDamage(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	path := filepath.Join(dir, "registry.db")
	r := open(t, path)
	for range 30 { // more pages than one
		if err := r.Put(community()...); err != nil {
			t.Fatal(err)
		}
	}
	whole := len(r.Snapshot().Elders)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	refused := 0
	for round := range 40 {
		bad := slices.Clone(good)
		for range 1 + random.IntN(40) {
			bad[random.IntN(len(bad))] ^= byte(1 + random.IntN(255))
		}
		if random.IntN(4) == 0 {
			bad = bad[:random.IntN(len(bad))]
		}
		path := filepath.Join(dir, fmt.Sprint("damaged-", round))
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path, Options{})
		if err != nil {
			refused++
			continue
		}
		if s := r.Snapshot(); len(s.Elders) > whole {
			t.Errorf("elders out of nowhere: %+v", s.Elders)
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d of 40 damaged files were refused whole", refused)
}
