package registry

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/linli-edge/gateway/devices"
)

// history is a journal that forgets nothing, and fails while it is broken. A
// second record of an identity is a redelivery.
type history struct {
	mu    sync.Mutex
	after int // records until it breaks; negative for never
	ids   map[string]bool
	lines []string
	wrote chan struct{}
}

func newHistory(after int) *history {
	return &history{after: after, ids: map[string]bool{}, wrote: make(chan struct{}, 100)}
}

func (h *history) Record(_ context.Context, e devices.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.after == 0 {
		return errors.New("disk full")
	}
	h.after--
	if !h.ids[e.Device+e.ID] {
		h.ids[e.Device+e.ID] = true
		h.lines = append(h.lines, string(e.Data))
	}
	h.wrote <- struct{}{}
	return nil
}

// Every change is journaled once, with who made it, whenever the journal or
// the power fails; and without what it was.
func TestChangesAreJournaled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	r := open(t, path)
	if err := r.UpdateAs(Author{By: "li", How: "page"}, func(tx *Tx) error { return tx.Put(community()...) }); err != nil {
		t.Fatal(err)
	}
	// The journal fails in the middle of it, and the process ends.
	kept := newHistory(3)
	if err := r.Run(t.Context(), kept); err == nil {
		t.Fatal("nothing failed")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, path)
	kept.after = -1
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- r.Run(ctx, kept) }()
	want := 3 + len(community())
	for range want {
		<-kept.wrote
	}
	secret := ""
	if err := r.UpdateAs(Author{By: "zhang", How: "command"}, func(tx *Tx) (err error) {
		secret, err = tx.Issue("bank-1")
		return errors.Join(err, tx.Put(Elder{ID: "e-1", Name: "新名字", Building: "3 号楼", Room: "302", Caregivers: []string{"c-2", "c-1"}}))
	}); err != nil {
		t.Fatal(err)
	}
	<-kept.wrote
	<-kept.wrote
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if len(kept.lines) != len(community())+2 {
		t.Errorf("%d lines", len(kept.lines))
	}
	all := strings.Join(kept.lines, "\n")
	for _, line := range []string{
		`{"table":"elders","id":"e-1","what":"added","fields":["building","caregivers","name","room"],"by":"li","how":"page"}`,
		`{"table":"elders","id":"e-1","what":"changed","fields":["name"],"by":"zhang","how":"command"}`,
		`{"table":"devices","id":"bank-1","what":"changed","fields":["secret"],"by":"zhang","how":"command"}`,
	} {
		if !strings.Contains(all, line) {
			t.Errorf("%s is missing in\n%s", line, all)
		}
	}
	for _, word := range append(private, "新名字", secret) {
		if strings.Contains(all, word) {
			t.Errorf("%s is in the journal", word)
		}
	}
	// What changes nothing is no change.
	if err := r.Put(community()[1]); err != nil || len(r.pending) > 0 {
		t.Errorf("%v, %+v", err, r.pending)
	}
}

// What a preview says is what happens, and the preview does not.
func TestPreview(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "registry.db"))
	var after *Snapshot
	var what []Changed
	err := r.Preview(func(tx *Tx) (err error) {
		if err = tx.Put(Caregiver{ID: "c", Name: "李"}); err == nil {
			after, what, err = tx.Changes()
		}
		return err
	})
	if err != nil || fmt.Sprint(what) != "[{caregivers c added [name] { }}]" || after.Caregivers["c"].Name != "李" {
		t.Errorf("%v, %v", what, err)
	}
	if len(r.Snapshot().Caregivers) != 0 {
		t.Error("it has happened")
	}
	err = r.Preview(func(tx *Tx) error { return tx.Put(Elder{ID: "e", Name: "王", Caregivers: []string{"c"}}) })
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Table != Elders || refusal.ID != "e" || refusal.Field != "caregivers" {
		t.Errorf("%+v, %v", refusal, err)
	}
}
