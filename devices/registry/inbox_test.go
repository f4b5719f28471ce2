package registry

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
)

// hall is a registry with a clock that somebody turns.
type hall struct {
	*Registry
	now  devices.Stamp
	path string
}

func newHall(t interface {
	Helper()
	Fatal(...any)
}, path string) *hall {
	t.Helper()
	h := &hall{path: path, now: devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour, Wall: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)}}
	h.reopen(t)
	return h
}

// openHall opens one for the length of a test.
func openHall(t *testing.T) *hall {
	t.Helper()
	h := newHall(t, filepath.Join(t.TempDir(), "registry.db"))
	t.Cleanup(func() {
		if err := h.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *hall) reopen(t interface {
	Helper()
	Fatal(...any)
}) {
	t.Helper()
	var err error
	if h.Registry != nil {
		err = h.Close()
	}
	if err == nil {
		h.Registry, err = Open(h.path, Options{Clock: func() devices.Stamp { return h.now }})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (h *hall) pass(d time.Duration) { h.now.Mono, h.now.Wall = h.now.Mono+d, h.now.Wall.Add(d) }

func (h *hall) heard(bridge, address string, l devices.Looks) string {
	c := devices.Contact{Bridge: bridge, Address: address, Topic: "t/" + address, Payload: []byte(`{"a":1}`), Received: h.now}
	h.Inbox().Heard(c, func() devices.Looks { return l })
	return c.Sender()
}

// 10,000 strangers in an hour, each with a name of its own, and one that goes
// on speaking: the inbox stays as small as it is, on disk too, and has the one
// that goes on speaking, also after a restart.
func TestAFloodOfStrangers(t *testing.T) {
	h := openHall(t)
	var faithful string
	for i := range 10_000 {
		if i%1000 == 0 { // every six minutes
			faithful = h.heard("z2m", "faithful", devices.Looks{Kinds: []devices.Kind{"wearable"}})
		}
		h.heard("", fmt.Sprintf("new-%d", i), devices.Looks{})
		h.pass(360 * time.Millisecond)
		if i%800 == 0 {
			if err := h.saveInbox(false); err != nil {
				t.Fatal(err)
			}
		}
	}
	newest := h.heard("", "newest", devices.Looks{})
	h.reopen(t)
	if n := h.Inbox().Len(); n != MaxUnknown {
		t.Errorf("%d in the inbox", n)
	}
	for _, id := range []string{faithful, newest} {
		if _, ok := h.Inbox().Find(id); !ok {
			t.Errorf("%s is gone", id)
		}
	}
	if u, _ := h.Inbox().Find(faithful); u.Count != 9 || u.Spells != 10 || len(u.Kinds) != 1 || u.Kinds[0] != "wearable" {
		t.Errorf("%+v", u)
	}
	info, err := os.Stat(h.path)
	if err != nil || info.Size() > 2<<20 {
		t.Errorf("the file has %d bytes, %v", info.Size(), err)
	}
}

// What a stranger says is kept without what may be personal, and not in clear.
func TestASampleIsMasked(t *testing.T) {
	for said, want := range map[string]string{
		`{"name":"王秀英","phone":"139 1234 5678","id":"32010619500101123X"}`:      `{"name":"***","phone":"***","id":"***"}`,
		`{"lat":32.06123,"lon":118.79876,"t":21.5,"mail":"li.min@example.org"}`: `{"lat":***,"lon":***,"t":21.5,"mail":"***"}`,
		`{"action":"emergency","battery":100,"linkquality":87}`:                 `{"action":"emergency","battery":100,"linkquality":87}`,
		strings.Repeat("x", 255) + "13912345678":                                strings.Repeat("x", 255) + "*",
		"\xff\x00a":                                                             "\uFFFD a",
	} {
		if got := sample([]byte(said)); got != want {
			t.Errorf("%q became %q, want %q", said, got, want)
		}
	}
}

func FuzzSample(f *testing.F) {
	f.Add([]byte(`{"name":"王秀英","phone":"13912345678"}`))
	f.Add([]byte(strings.Repeat("1", 600)))
	f.Add([]byte("\xe7\x8e"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		s := sample(payload)
		if len(s) > maxSample || personalText.MatchString(s) || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' }) {
			t.Fatalf("%q became %q", payload, s)
		}
	})
}

// A device that was registered any way is no stranger any more; one that was
// retired becomes one again. Who was ignored stays away, for as long as
// somebody wants.
func TestWhoLeavesTheInbox(t *testing.T) {
	h := openHall(t)
	bridge := device(devices.Device{ID: "z2m", Kind: devices.KindBridge, Profile: "p"})
	if err := h.Put(bridge); err != nil {
		t.Fatal(err)
	}
	in := h.Inbox()
	h.heard("z2m", "a", devices.Looks{})
	if err := h.Put(device(devices.Device{ID: "d", Kind: "wearable", Bridge: "z2m", Address: "a"})); err != nil || in.Len() != 0 {
		t.Errorf("%d in the inbox, %v", in.Len(), err)
	}
	if _, err := h.Change(Author{}, "d", []byte(`{"retired":true}`)); err != nil {
		t.Fatal(err)
	}
	id := h.heard("z2m", "a", devices.Looks{})
	if in.Len() != 1 {
		t.Error("a retired device is no stranger")
	}
	if err := h.Decide(Author{By: "li"}, id, false); err != nil || in.Len() != 0 {
		t.Errorf("%d in the inbox, %v", in.Len(), err)
	}
	h.heard("z2m", "a", devices.Looks{})
	h.reopen(t)
	in = h.Inbox()
	if h.heard("z2m", "a", devices.Looks{}); in.Len() != 0 {
		t.Error("an ignored one is back")
	}
	if err := h.Remove(Verdicts, id); err != nil {
		t.Fatal(err)
	}
	if h.heard("z2m", "a", devices.Looks{}); in.Len() != 1 {
		t.Error("nobody hears it any more")
	}
}

// A device that is not registered gets in only in its time, with a secret that
// is one, and keeps that secret if it is registered.
func TestPairing(t *testing.T) {
	h := openHall(t)
	const secret = "a-secret-of-its-own"
	in := func(id, secret string) bool { _, ok := h.Knock(id, []byte(secret)); return ok }
	if in("l1", secret) {
		t.Error("let in unasked")
	}
	h.Pair(false)
	if in("l1", "short") || in("L 1", secret) || in("gateway", secret) {
		t.Error("let in with a bad name or secret")
	}
	if !in("l1", secret) || in("l1", secret+"x") {
		t.Error("the first secret is the device's, and no other")
	}
	for i := range 100 {
		in(fmt.Sprint("flood-", i), secret)
	}
	if len(h.pairing.guests) != maxPaired {
		t.Errorf("%d guests", len(h.pairing.guests))
	}
	h.pass(PairingTime)
	if in("l2", secret) || !in("l1", secret) || h.Pairing() != 0 {
		t.Error("after its time")
	}
	h.heard("", "l1", devices.Looks{Kinds: []devices.Kind{"locker"}})
	a, err := h.Adopt(Author{}, "l1", Device{})
	if err != nil || a.Secret != "" || a.Device.Kind != "locker" {
		t.Fatalf("%+v, %v", a, err)
	}
	if _, ok := h.Login("l1", []byte(secret)); !ok || in("l1", secret) {
		t.Error("a device that is registered logs in like any other")
	}
	h.pass(pairedTime)
	if in("flood-0", secret) {
		t.Error("a guest for ever")
	}
}

// A blocked sender neither pairs nor is registered, by whatever way, until that
// is taken back; an ignored one is only out of sight.
func TestWhoIsBlocked(t *testing.T) {
	h := openHall(t)
	if err := h.Put(device(devices.Device{ID: "z2m", Kind: devices.KindBridge, Profile: "p"})); err != nil {
		t.Fatal(err)
	}
	h.Pair(false)
	button := device(devices.Device{ID: "b", Kind: "wearable", Bridge: "z2m", Address: "a"})
	for _, block := range []bool{true, false} {
		native, behind := h.heard("", "l1", devices.Looks{}), h.heard("z2m", "a", devices.Looks{})
		if err := errors.Join(h.Decide(Author{}, native, block), h.Decide(Author{}, behind, block)); err != nil {
			t.Fatal(err)
		}
		if _, in := h.Knock("l1", []byte("a-secret-of-its-own")); in == block {
			t.Errorf("blocked: %t, let in: %t", block, in)
		}
		for d, sender := range map[*Device]string{{Device: devices.Device{ID: "l1", Kind: "locker"}}: native, &button: behind} {
			err := h.Put(*d)
			if block != (err != nil) || block && !strings.Contains(err.Error(), "linli device undo "+sender) {
				t.Errorf("blocked: %t, registered: %v", block, err)
			}
		}
		if block {
			if err := errors.Join(h.Remove(Verdicts, native), h.Remove(Verdicts, behind)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// notes is the inbox as a person would keep it.
type notes struct {
	heard  map[string]int
	gone   map[string]bool // ignored
	device map[string]string
}

// Random strangers, decisions, registrations and restarts leave what the notes
// say.
func TestInboxModel(t *testing.T) {
	dir, run := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		h := newHall(t, filepath.Join(dir, fmt.Sprint(run, ".db")))
		defer func() { h.Close() }()
		if err := h.Put(device(devices.Device{ID: "z2m", Kind: devices.KindBridge, Profile: "p"})); err != nil {
			t.Fatal(err)
		}
		n := notes{map[string]int{}, map[string]bool{}, map[string]string{}}
		names := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		for range rapid.IntRange(1, 25).Draw(t, "steps") {
			who := names.Draw(t, "who")
			contact := devices.Contact{Bridge: "z2m", Address: who}
			switch rapid.IntRange(0, 6).Draw(t, "step") {
			case 0, 1, 2:
				_, registered := h.Behind("z2m", who)
				if registered {
					continue // the intake knows it
				}
				h.heard("z2m", who, devices.Looks{Kinds: []devices.Kind{"wearable"}})
				if !n.gone[who] {
					n.heard[who]++
				}
			case 3:
				err := h.Decide(Author{}, contact.Sender(), rapid.Bool().Draw(t, "block"))
				if (err == nil) != (n.heard[who] > 0) {
					t.Fatalf("decide %s: %v", who, err)
				}
				if err == nil {
					n.gone[who] = true
					delete(n.heard, who)
				}
			case 4:
				a, err := h.Adopt(Author{}, contact.Sender(), Device{})
				if (err == nil) != (n.heard[who] > 0) {
					t.Fatalf("adopt %s: %v", who, err)
				}
				if err == nil {
					n.device[who] = a.Device.ID
					delete(n.heard, who)
				}
			case 5:
				err := h.Remove(Verdicts, contact.Sender())
				if (err == nil) != n.gone[who] {
					t.Fatalf("undo %s: %v", who, err)
				}
				delete(n.gone, who)
			case 6:
				h.reopen(t)
			}
			h.pass(time.Second)
			got := map[string]int{}
			for _, u := range h.Inbox().List() {
				got[u.Address] = int(u.Count)
			}
			if !maps.Equal(got, n.heard) {
				t.Fatalf("inbox %v, the notes say %v", got, n.heard)
			}
			for who, id := range n.device {
				if d, ok := h.Behind("z2m", who); !ok || d.ID != id {
					t.Fatalf("%s is %+v, the notes say %s", who, d, id)
				}
			}
			if len(h.Snapshot().Verdicts) != len(n.gone) {
				t.Fatalf("verdicts %v, the notes say %v", h.Snapshot().Verdicts, n.gone)
			}
		}
	})
}

// Whoever has the inbox may read it while others speak.
func TestTheInboxMayBeReadMeanwhile(t *testing.T) {
	h := newHall(t, filepath.Join(t.TempDir(), "registry.db"))
	done := make(chan error)
	go func() {
		var err error
		for range 50 {
			for _, u := range h.Inbox().List() {
				if !slices.Contains(u.Kinds, "wearable") {
					err = errors.New("half a sender")
				}
			}
			err = errors.Join(err, h.saveInbox(true))
		}
		done <- err
	}()
	stamp := h.now
	for i := range 2000 {
		c := devices.Contact{Address: fmt.Sprint("d-", i%7), Received: stamp}
		h.Inbox().Heard(c, func() devices.Looks {
			return devices.Looks{Kinds: []devices.Kind{"wearable"}, Types: []devices.Type{devices.Type(fmt.Sprint("t-", i%20))}}
		})
	}
	if err := errors.Join(<-done, h.Close()); err != nil {
		t.Error(err)
	}
}
