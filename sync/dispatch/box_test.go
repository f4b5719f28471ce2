package dispatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// acme is a make of bridge whose locks cannot tell one order from the next,
// and whose buttons never answer.
const acme = `name: acme
title: {zh: 某某, en: ACME}
topics: [acme/#]
commands: [acme/+/set]
messages:
  - topic: acme/{rest...}
outgoing:
  - name: open
    kinds: [locker]
    action: open
    topic: acme/{address}/set
    payload: '{"open": data.compartment, "order": command.id}'
  - name: ring
    kinds: [wearable]
    action: ring
    silent: true
    topic: acme/{address}/set
    payload: '{"ring": true, "order": command.id}'
`

// registered is who the commands are for.
var registered = []registry.Record{
	registry.Facility{ID: "east", Name: "东门快递柜"},
	registry.Elder{ID: "e1", Name: "王秀英"},
	registry.Device{Device: devices.Device{ID: "native", Kind: locker.Kind, Facility: "east"}, Compartments: 24},
	registry.Device{Device: devices.Device{ID: "band", Kind: wearable.Kind, Elder: "e1"}},
	registry.Device{Device: devices.Device{ID: "acme", Kind: devices.KindBridge, Profile: "acme"}},
	registry.Device{Device: devices.Device{ID: "bank", Kind: locker.Kind, Facility: "east", Bridge: "acme", Address: "bank"}, Compartments: 24},
	registry.Device{Device: devices.Device{ID: "relay", Kind: locker.Kind, Facility: "east", Compartment: 31, Bridge: "acme", Address: "relay"}},
	registry.Device{Device: devices.Device{ID: "bell", Kind: wearable.Kind, Elder: "e1", Bridge: "acme", Address: "bell"}},
	registry.Device{Device: devices.Device{ID: "contact", Kind: locker.Kind, Facility: "east", Compartment: 12, Bridge: "acme", Address: "contact"}},
	registry.Device{Device: devices.Device{ID: "wired", Kind: locker.Kind, Facility: "east"}, Compartments: 24},
	registry.Device{Device: devices.Device{ID: "old", Kind: locker.Kind, Facility: "east", Retired: true}},
}

// message is what left the box.
type message struct {
	topic, payload string
	qos            byte
	at             devices.Stamp
}

// box is a dispatcher with a real journal and registry, whose time is that of
// the bubble it runs in.
type box struct {
	dir  string
	boot devices.BootID
	born time.Time

	mu      sync.Mutex
	fate    error // of what is published
	offline map[string]bool
	left    []message
	leaving func(message) // called while it leaves
	struck  int           // how often the strike of the device "wired" was energised

	journal    *journal.Journal
	registry   *registry.Registry
	dispatcher *Dispatcher
	stop       context.CancelFunc
	stopped    chan error
}

func newBox(dir string) (*box, error) {
	b := &box{dir: dir, born: time.Now(), offline: map[string]bool{}, leaving: func(message) {}}
	return b, b.start()
}

func (b *box) clock() devices.Stamp {
	return devices.Stamp{Boot: b.boot, Mono: time.Since(b.born), Wall: time.Now().UTC(), Synced: true}
}

func (b *box) publish(_ context.Context, topic string, payload []byte, qos byte, retain bool) error {
	if retain {
		return errors.New("a command is retained")
	}
	m := message{topic, string(payload), qos, b.clock()}
	b.leaving(m)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left = append(b.left, m)
	return b.fate
}

func (b *box) sent() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]message(nil), b.left...)
}

func (b *box) start() (err error) {
	if b.registry, err = registry.Open(filepath.Join(b.dir, "registry.db"), registry.Options{Kinds: kinds.Names()}); err != nil {
		return err
	}
	if err := b.registry.Put(registered...); err != nil {
		return err
	}
	if b.journal, err = journal.Open(filepath.Join(b.dir, "journal"), journal.Options{Clock: b.clock}); err != nil {
		return err
	}
	profiles, err := profile.Load(fstest.MapFS{"acme.yaml": {Data: []byte(acme)}}, kinds.Vocabulary())
	if err != nil {
		return err
	}
	b.dispatcher, err = Open(b.journal, b.registry, Options{
		Clock: b.clock, Profiles: profiles, Publish: b.publish, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Wired: func(device string, _ int) bool { return device == "wired" },
		Strike: func(context.Context, string, int) error {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.struck++
			return nil
		},
		Online: func(device string) (bool, bool) {
			b.mu.Lock()
			defer b.mu.Unlock()
			return !b.offline[device], b.offline[device]
		},
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(context.Background())
	b.stop, b.stopped = stop, make(chan error, 1)
	dispatcher, stopped := b.dispatcher, b.stopped
	go func() { stopped <- dispatcher.Run(ctx) }()
	return nil
}

func (b *box) halt() error {
	b.stop()
	return errors.Join(<-b.stopped, b.dispatcher.Close(), b.journal.Close(), b.registry.Close())
}

func (b *box) reboot() error {
	b.boot[0]++
	b.born = time.Now()
	return b.start()
}

// report records what a device says.
func (b *box) report(device, id string, p devices.Payload) error {
	e, err := devices.New(device, p)
	if err != nil {
		return err
	}
	e.ID, e.Received = id, b.clock()
	return b.journal.Record(context.Background(), e)
}

// pass lets time go by, and waits until everything has been done.
func pass(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

// bubble runs a test in virtual time.
func bubble(t *testing.T, test func(t *testing.T, b *box)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		b, err := newBox(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := b.halt(); err != nil {
				t.Error(err)
			}
		}()
		synctest.Wait()
		test(t, b)
	})
}

func (b *box) ask(t *testing.T, o command.Order) command.Command {
	t.Helper()
	if o.By == "" {
		o.By = "li"
	}
	c, err := b.dispatcher.Ask(t.Context(), o, 0)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Wait()
	return c
}

// expect looks at a command.
func (b *box) expect(t *testing.T, id string, phase command.Phase, how string) {
	t.Helper()
	c, ok := b.dispatcher.Command(id)
	if !ok || c.Phase != phase || c.Confirmed+c.Reason != how {
		t.Errorf("command is %s by %q, want %s by %q", c.Phase, c.Confirmed+c.Reason, phase, how)
	}
}

// told lists the types of what the journal has of a command, in order.
func (b *box) told(id string) (types []devices.Type, err error) {
	entries, err := b.journal.Read(journal.Ordinary, 0, 100_000)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.Event.Device == devices.GatewayDevice && len(e.Event.ID) > len(id) && e.Event.ID[:len("command/"+id+"/")] == "command/"+id+"/" {
			types = append(types, e.Event.Type)
		}
	}
	return types, nil
}

// copyFiles copies a folder as a power cut would leave it.
func copyFiles(from, to string) error {
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		return fmt.Errorf("copy the disk: %w", err)
	}
	return nil
}
