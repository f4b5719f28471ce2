package alert

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

// A lost state file is made again of the urgent chain: what is open comes back,
// acknowledged or not, what is closed does not, and the pages that go out once
// more have keys that nobody has seen.
func TestDamageOfTheState(t *testing.T) {
	for name, harm := range map[string]func(string) error{
		"zeroed": func(path string) error {
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			defer f.Close()
			_, err = f.WriteAt(make([]byte, 16<<10), 0)
			return err
		},
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"gone":    os.Remove,
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				b, err := newBox(dir)
				if err != nil {
					t.Fatal(err)
				}
				for _, device := range []string{"w-zhao", "w-qian", "w-sun"} {
					if err := b.press(device, "1"); err != nil {
						t.Fatal(err)
					}
				}
				pass(150 * time.Second)
				all := b.engine.Incidents()
				if len(all) != 3 {
					t.Fatalf("%d incidents", len(all))
				}
				if err := b.engine.Resolve(t.Context(), all[0].ID, "c-1", CauseAccidental); err != nil {
					t.Fatal(err)
				}
				if err := b.engine.Acknowledge(t.Context(), all[1].ID, "c-1", "page"); err != nil {
					t.Fatal(err)
				}
				pass(time.Second)
				keys := map[string]bool{}
				for _, c := range b.phone.take() {
					keys[c.page.Key] = true
				}
				if err := b.halt(); err != nil {
					t.Fatal(err)
				}
				if err := harm(filepath.Join(dir, "journal", "alert.state")); err != nil {
					t.Fatal(err)
				}
				if err := b.reboot(); err != nil {
					t.Fatal(err)
				}
				pass(10 * time.Second)
				phases := map[string]Phase{}
				for _, i := range b.engine.Incidents() {
					if i.Priority == High {
						phases[i.ID] = i.Phase
					}
				}
				if len(phases) != 3 || phases[all[0].ID] != PhaseResolved || phases[all[1].ID] != PhaseAcknowledged || phases[all[2].ID] != PhaseRaised {
					t.Errorf("came back as %v", phases)
				}
				called := false
				for _, c := range b.phone.take() {
					p := c.page
					called = called || p.Incident == all[2].ID
					if p.Incident == all[0].ID || p.Incident == all[1].ID {
						t.Errorf("called again for %+v", p)
					}
					if keys[p.Key] {
						t.Errorf("a key again: %+v", p)
					}
				}
				if !called {
					t.Error("nobody was called for what is still open")
				}
				if err := b.halt(); err != nil {
					t.Fatal(err)
				}
			})
		})
	}
}
