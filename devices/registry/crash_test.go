package registry

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
)

const (
	victimPath = "LINLI_TEST_REGISTRY"
	rounds     = 20
	batch      = 20
)

// actAsVictim makes this process write batches to a registry until it is
// killed, and say after each that it is written.
func actAsVictim() {
	path := os.Getenv(victimPath)
	if path == "" {
		return
	}
	r, err := Open(path, Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for n := len(r.Snapshot().Elders)/batch + 1; ; n++ {
		var elders []Record
		for i := range batch {
			elders = append(elders, Elder{ID: fmt.Sprintf("e-%d-%d", n, i), Name: strconv.Itoa(n)})
		}
		if err := r.Put(elders...); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		fmt.Println(n)
	}
}

// A process killed while it writes leaves whole batches, and every one that
// it said was written.
func TestKilledWhileWriting(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "registry.db")
	said := 0
	for range rounds {
		victim := exec.CommandContext(t.Context(), os.Args[0])
		victim.Env = append(os.Environ(), victimPath+"="+path)
		victim.Stderr = os.Stderr
		out, err := victim.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := victim.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for left := random.IntN(8); left >= 0 && lines.Scan(); left-- {
			if said, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
		}
		for range random.IntN(2000) { // somewhere within the next batch
			os.Getpid()
		}
		if err := victim.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			if said, err = strconv.Atoi(lines.Text()); err != nil {
				t.Fatal(err)
			}
		}
		_ = victim.Wait() // killed
		r, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := r.Snapshot()
		if n := len(s.Elders); n%batch != 0 || n/batch < said || len(s.Damaged) != 0 {
			t.Errorf("%d elders in batches of %d, %d batches were said to be written, damaged: %v", n, batch, said, s.Damaged)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if said == 0 {
		t.Error("nothing was ever written")
	}
}

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
