package registry

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
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

// A process killed while it writes leaves whole batches, every one that it said
// was written, and of each what is to be journaled.
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
		// Each batch has left behind what is to be journaled of it, and no other.
		if n := len(s.Elders) / batch; len(r.pending) != n {
			t.Errorf("%d batches, and %d changes to journal", n, len(r.pending))
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if said == 0 {
		t.Error("nothing was ever written")
	}
}
