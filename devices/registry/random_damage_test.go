//go:build !race

// The race detector ends the process at a damaged pointer, also where the
// program recovers from it.

package registry

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// A file with random damage opens, with every record that is whole somewhere
// in it. It never ends the process.
func TestRandomDamage(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	dir := t.TempDir()
	path := filepath.Join(dir, "registry.db")
	r := open(t, path)
	everybody := community()
	for i := range 300 { // more pages than one, all written once
		everybody = append(everybody, Caregiver{ID: fmt.Sprint("more-", i), Name: "李敏"})
	}
	if err := r.Put(everybody...); err != nil {
		t.Fatal(err)
	}
	whole := len(r.Snapshot().Elders)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	records := map[string][]byte{} // by table and ID: key and value as in the file
	db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	err = db.View(func(tx *bolt.Tx) error {
		return tx.ForEach(func(table []byte, bucket *bolt.Bucket) error {
			return bucket.ForEach(func(k, v []byte) error {
				records[string(table)+"/"+string(k)] = slices.Concat(k, v)
				return nil
			})
		})
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	lost, mended := 0, 0
	for round := range 40 {
		bad := slices.Clone(good)
		for range 1 + random.IntN(40) {
			bad[random.IntN(len(bad))] ^= byte(1 + random.IntN(255))
		}
		switch random.IntN(4) {
		case 0:
			bad = bad[:random.IntN(len(bad))]
		case 1:
			clear(bad[:4096*random.IntN(4)])
		}
		path := filepath.Join(dir, fmt.Sprint("damaged-", round))
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		s := r.Snapshot()
		if len(s.Elders) > whole {
			t.Errorf("elders out of nowhere: %+v", s.Elders)
		}
		mended += len(r.Damaged())
		for name, record := range records {
			table, id, _ := strings.Cut(name, "/")
			if !bytes.Contains(bad, record) {
				lost++
			} else if Table(table) == changesTable {
				if len(r.pending) != 1 || r.pending[0].ID != id {
					t.Errorf("round %d: change %s is in the file and will not be journaled", round, id)
				}
			} else if _, secret := s.secrets[id]; !s.has(Table(table), id) && !(Table(table) == Secrets && secret) {
				t.Errorf("round %d: %s is in the file and not registered", round, name)
			}
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("40 damaged files, %d mended; %d of %d records destroyed, all others registered", mended, lost, 40*len(records))
}
