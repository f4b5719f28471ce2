package registry

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

func TestADamagedRecordCostsOnlyItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	r := open(t, path)
	if err := r.Put(community()...); err != nil {
		t.Fatal(err)
	}
	secret, err := r.Issue("bank-1")
	if err != nil {
		t.Fatal(err)
	}
	damage := func(tx *bolt.Tx) error {
		flip := func(t Table, id string) error {
			b := tx.Bucket([]byte(t))
			value := append([]byte(nil), b.Get([]byte(id))...)
			value[len(value)-1] ^= 1
			return b.Put([]byte(id), value)
		}
		elders := tx.Bucket([]byte(Elders))
		return errors.Join(flip(Facilities, "f-1"), flip(Secrets, "bank-1"),
			elders.Put([]byte("short"), []byte{1}),
			elders.Put([]byte("misplaced"), elders.Get([]byte("e-1"))))
	}
	if err := errors.Join(r.db.Update(damage), r.Close()); err != nil {
		t.Fatal(err)
	}
	r = open(t, path)
	var got []string
	for _, d := range r.Snapshot().Damaged {
		got = append(got, fmt.Sprintf("%s/%s", d.Table, d.ID))
	}
	if want := "elders/misplaced elders/short facilities/f-1 secrets/bank-1"; strings.Join(got, " ") != want {
		t.Errorf("damaged: %v, want %s", got, want)
	}
	if _, ok := r.Login("bank-1", []byte(secret)); ok {
		t.Error("let in with a damaged hash")
	}
	if _, ok := r.Snapshot().ElderOf("sos-1"); !ok {
		t.Error("a good record was left out")
	}
	// What damage broke holds no other write back, and can be mended.
	if err := r.Put(Caregiver{ID: "c-3", Name: "x"}); err != nil {
		t.Errorf("put beside damage: %v", err)
	}
	if err := errors.Join(r.Put(Facility{ID: "f-1", Name: "东门快递柜"}), r.Remove(Elders, "short"), r.Remove(Elders, "misplaced")); err != nil {
		t.Errorf("mend: %v", err)
	}
	if _, err := r.Issue("bank-1"); err != nil {
		t.Error(err)
	}
	if left := r.Snapshot().Damaged; len(left) != 0 {
		t.Errorf("still damaged: %v", left)
	}
}
