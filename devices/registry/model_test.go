package registry

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
)

// model is the registry as a person would keep it in a notebook.
type model struct {
	elders     map[string][]string // caregivers
	caregivers map[string]bool
	worn       map[string]string // device -> elder
}

func (m *model) sound() bool {
	for _, caregivers := range m.elders {
		for _, c := range caregivers {
			if !m.caregivers[c] {
				return false
			}
		}
	}
	for _, e := range m.worn {
		if _, ok := m.elders[e]; e != "" && !ok {
			return false
		}
	}
	return true
}

func (m *model) clone() *model {
	next := &model{map[string][]string{}, map[string]bool{}, map[string]string{}}
	for k, v := range m.elders {
		next.elders[k] = v
	}
	for k, v := range m.caregivers {
		next.caregivers[k] = v
	}
	for k, v := range m.worn {
		next.worn[k] = v
	}
	return next
}

var errMissing = errors.New("missing")

// Random batches of random changes, with the file closed and opened in
// between, leave what the notebook says.
func TestModel(t *testing.T) {
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		path := filepath.Join(dir, fmt.Sprint(run))
		r, err := Open(path, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { r.Close() }()
		notebook := &model{map[string][]string{}, map[string]bool{}, map[string]string{}}
		id := rapid.SampledFrom([]string{"a", "b", "c"})
		for range rapid.IntRange(1, 12).Draw(t, "batches") {
			if rapid.IntRange(0, 5).Draw(t, "reopen") == 0 {
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				if r, err = Open(path, Options{}); err != nil {
					t.Fatal(err)
				}
			}
			next := notebook.clone()
			complete := true
			err := r.Update(func(tx *Tx) error {
				for range rapid.IntRange(1, 4).Draw(t, "changes") {
					if err := step(t, tx, next, id); err != nil {
						complete = false
						return err
					}
				}
				return nil
			})
			if want := complete && next.sound(); (err == nil) != want {
				t.Fatalf("accepted: %v (%v), by the notebook: %v", err == nil, err, want)
			}
			if err == nil {
				notebook = next
			}
			compare(t, r.Snapshot(), notebook)
		}
	})
}

func step(t *rapid.T, tx *Tx, m *model, id *rapid.Generator[string]) error {
	a, b := id.Draw(t, "id"), id.Draw(t, "other")
	switch rapid.IntRange(0, 5).Draw(t, "change") {
	case 0:
		m.elders[a] = []string{b}
		return tx.Put(Elder{ID: a, Name: a, Caregivers: []string{b}})
	case 1:
		m.caregivers[a] = true
		return tx.Put(Caregiver{ID: a, Name: a})
	case 2:
		m.worn[a] = b
		return tx.Put(device(devices.Device{ID: a, Kind: "wearable", Elder: b}))
	case 3:
		_, known := m.elders[a]
		delete(m.elders, a)
		return removed(t, tx, Elders, a, known)
	case 4:
		known := m.caregivers[a]
		delete(m.caregivers, a)
		return removed(t, tx, Caregivers, a, known)
	default:
		_, known := m.worn[a]
		delete(m.worn, a)
		return removed(t, tx, Devices, a, known)
	}
}

func removed(t *rapid.T, tx *Tx, table Table, id string, known bool) error {
	if err := tx.Remove(table, id); (err == nil) != known {
		t.Fatalf("remove %s %s: %v, known to the notebook: %v", table, id, err, known)
	}
	if !known {
		return errMissing
	}
	return nil
}

func compare(t *rapid.T, s *Snapshot, m *model) {
	if len(s.Elders) != len(m.elders) || len(s.Caregivers) != len(m.caregivers) || len(s.Devices) != len(m.worn) || len(s.Damaged) != 0 {
		t.Fatalf("%+v, the notebook says %+v", s, m)
	}
	for id, caregivers := range m.elders {
		if !slices.Equal(s.Elders[id].Caregivers, caregivers) {
			t.Fatalf("elder %s: %+v, the notebook says %v", id, s.Elders[id], caregivers)
		}
	}
	for id := range m.caregivers {
		if s.Caregivers[id].ID != id {
			t.Fatalf("caregiver %s is missing", id)
		}
	}
	for id, elder := range m.worn {
		if s.Devices[id].Elder != elder {
			t.Fatalf("device %s: %+v, the notebook says %q", id, s.Devices[id], elder)
		}
	}
}
