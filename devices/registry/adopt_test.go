package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// What cannot be adopted, replaced or changed is refused in words that name the
// mend, and nothing of it is done.
func TestAdoptionIsRefusedInWords(t *testing.T) {
	h := openHall(t)
	if err := h.Put(community()...); err != nil {
		t.Fatal(err)
	}
	looks := devices.Looks{Kinds: []devices.Kind{"locker"}}
	native, behind := h.heard("", "box-9", looks), h.heard("z2m", "阳台", devices.Looks{})
	h.heard("z2m", "twice", looks)
	h.heard("other", "twice", looks)
	before := h.Snapshot()
	for what, c := range map[string]struct {
		do   func() error
		want string
	}{
		"nobody":          {func() error { _, err := h.Adopt(Author{}, "u-nobody", Device{}); return err }, "linli device list --unknown"},
		"one of two":      {func() error { _, err := h.Adopt(Author{}, "twice", Device{}); return err }, "linli device list --unknown"},
		"of no kind":      {func() error { _, err := h.Adopt(Author{}, behind, Device{}); return err }, `nothing tells what "阳台" is, say its kind`},
		"by another name": {func() error { _, err := h.Adopt(Author{}, native, device(devices.Device{ID: "x"})); return err }, `the device calls itself "box-9"`},
		"under a taken ID": {func() error {
			_, err := h.Adopt(Author{}, behind, device(devices.Device{ID: "bank-1", Kind: "bed"}))
			return err
		}, "replace a broken device with linli device replace"},
		"at no facility": {func() error {
			_, err := h.Adopt(Author{}, native, device(devices.Device{Facility: "west"}))
			return err
		}, `facility "west" is not registered`},
		"nobody ignored":       {func() error { return h.Decide(Author{}, "u-nobody", false) }, "linli device list --unknown"},
		"replaced by nobody":   {func() error { _, err := h.Replace(Author{}, "bank-1", "u-nobody"); return err }, "linli device list --unknown"},
		"replaced by a native": {func() error { _, err := h.Replace(Author{}, "bank-1", native); return err }, "run linli device replace bank-1"},
		"replaced by what":     {func() error { _, err := h.Replace(Author{}, "sos-1", ""); return err }, `behind bridge "z2m", name the new device with --with`},
		"nothing replaced":     {func() error { _, err := h.Replace(Author{}, "nothing", ""); return err }, "not registered"},
		"another ID":           {func() error { _, err := h.Change(Author{}, "bank-1", []byte(`{"id":"bank-2"}`)); return err }, "change the name instead"},
		"nothing changed":      {func() error { _, err := h.Change(Author{}, "nothing", []byte(`{}`)); return err }, "not registered"},
	} {
		var words *texts.Error
		if err := c.do(); !errors.As(err, &words) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
	}
	if h.Snapshot() != before || h.Inbox().Len() != 4 {
		t.Error("something was done")
	}
	verdicts := make([]Record, maxVerdicts)
	for i := range verdicts {
		verdicts[i] = Verdict{ID: fmt.Sprintf("u-%d", i)}
	}
	if err := errors.Join(h.Put(verdicts...), h.Decide(Author{}, behind, true)); err == nil || !strings.Contains(err.Error(), "take some of these back first") {
		t.Errorf("one verdict too many: %v", err)
	}
}

// New hardware gets the ID, the next number and a login of its own, and is in
// use again; a bridge of somebody else's broker is adopted with its make.
func TestNewHardware(t *testing.T) {
	h := openHall(t)
	if err := h.Put(community()...); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Change(Author{}, "bank-1", []byte(`{"retired":true}`)); err != nil {
		t.Fatal(err)
	}
	a, err := h.Replace(Author{}, "bank-1", "")
	if d, in := h.Login("bank-1", []byte(a.Secret)); err != nil || !in || d.Unit != 1 || d.Retired || d.Facility != "f-1" {
		t.Errorf("%+v, %t, %v", d, in, err)
	}
	if a, err = h.Replace(Author{}, "bank-1", h.heard("z2m", "new", devices.Looks{})); err != nil || a.Secret != "" || a.Device.Unit != 2 || a.Device.Address != "new" || a.Device.Compartments != 24 {
		t.Errorf("%+v, %v", a, err)
	}
	h.Inbox().Heard(devices.Contact{Address: "tasmota", Profile: "tasmota", Received: h.now}, func() devices.Looks { return devices.Looks{} })
	if a, err = h.Adopt(Author{}, "tasmota", Device{}); err != nil || a.Device.Kind != devices.KindBridge || a.Device.Profile != "tasmota" || a.Device.ID != "bridge-1" {
		t.Errorf("%+v, %v", a, err)
	}
}

// when is a journal that keeps when something was changed.
type when []devices.Stamp

func (w *when) Record(_ context.Context, e devices.Event) error {
	*w = append(*w, e.Received)
	return nil
}

// A change is journaled with the moment at which it was made, however much
// later.
func TestWhenSomethingWasChanged(t *testing.T) {
	h := openHall(t)
	made := h.now
	if err := h.Put(Facility{ID: "f", Name: "x"}); err != nil {
		t.Fatal(err)
	}
	h.pass(time.Hour)
	var kept when
	if err := h.journal(t.Context(), &kept); err != nil || len(kept) != 1 || kept[0] != made {
		t.Errorf("%+v, %v, want %+v", kept, err, made)
	}
}
