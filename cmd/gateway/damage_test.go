//go:build !race

// The race detector ends the process at a damaged pointer, also where the
// program recovers from it.

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/usage"
)

// spoil damages a file of the stopped box.
func (b *box) spoil(random *rand.Rand, file string) {
	b.t.Helper()
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if err != nil {
		b.t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		b.t.Fatal(err)
	}
	noise := make([]byte, 4096)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	switch random.IntN(4) {
	case 0: // both meta pages
		_, err = f.WriteAt(append(noise, noise...), 0)
	case 1: // one of them, and another page
		_, err = f.WriteAt(noise[:100], 4096*random.Int64N(2))
		if err == nil {
			_, err = f.WriteAt(make([]byte, 512), 2*4096)
		}
	case 2:
		err = f.Truncate(info.Size() - info.Size()%4096 - 3*4096)
		if err == nil {
			_, err = f.WriteAt(noise, 0)
		}
	default: // the heads of all pages
		for at := int64(0); at < info.Size() && err == nil; at += 4096 {
			_, err = f.WriteAt(noise[:12], at)
		}
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// A box whose disk has gone bad while it was off starts, says so, goes on
// calling for whoever was not answered, and tells the platform what it told
// before, each parcel once.
func TestDamageOfTheWholeBox(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	b := newBox(t)
	b.cfg.Alert.Step = 2 * time.Second
	secrets := b.register(neighbourhood(b)...)
	day := usage.Day(b.clock().Wall)
	deposits := 0
	deposit := func() {
		t.Helper()
		d, err := connect(t, b.cfg.MQTT.Listen, 4, "l1", secrets["l1"])
		if err != nil {
			t.Fatal(err)
		}
		defer d.conn.Close()
		for range 20 {
			deposits++
			if err := d.publish("linli/v1/l1/event", fmt.Sprintf(`{"id":"d%d","type":"parcel.deposited","data":{"compartment":%d}}`, deposits, 1+deposits%24)); err != nil {
				t.Fatal(err)
			}
		}
	}
	arrived := func() bool { return b.total(day, usage.Deposits.Code) == int64(deposits) }

	_, stop := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	deposit()
	w, err := connect(t, b.cfg.MQTT.Listen, 4, "w302", secrets["w302"])
	if err != nil {
		t.Fatal(err)
	}
	if err := w.publish("linli/v1/w302/event", `{"id":"sos-1","type":"sos"}`); err != nil {
		t.Fatal(err)
	}
	if err := w.conn.Close(); err != nil {
		t.Error(err)
	}
	pages := b.phone.await(t, "the press", func(p []alert.Page) bool { return len(p) > 0 })
	incident := pages[0].Incident
	eventually(t, "the parcels at the platform", arrived)
	stop()

	journal := filepath.Join(b.cfg.Data, journalFolder)
	segment := func(chain string) string {
		files, err := filepath.Glob(filepath.Join(journal, chain, "*.bolt"))
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		return files[len(files)-1]
	}
	for _, c := range []struct {
		what  string
		files []string
	}{
		{"alert state", []string{filepath.Join(journal, "alert.state")}},
		{"usage state", []string{filepath.Join(journal, "usage.state")}},
		{"province state", []string{filepath.Join(journal, "province.state")}},
		{"all states", []string{filepath.Join(journal, "alert.state"), filepath.Join(journal, "usage.state"), filepath.Join(journal, "province.state")}},
		{"registry", []string{filepath.Join(b.cfg.Data, registryFile)}},
		{"chains", []string{segment("ordinary"), segment("urgent")}},
	} {
		for _, file := range c.files {
			// Of a chain or the registry only the meta pages: what else is lost
			// is told by the tests of these packages.
			if strings.HasSuffix(file, ".state") {
				b.spoil(random, file)
			} else if err := zero(file, 2*4096); err != nil {
				t.Fatal(err)
			}
		}
		before := len(b.phone.await(t, "", func([]alert.Page) bool { return true }))
		g, stop := b.start()
		eventually(t, "ready after damage of "+c.what, func() bool { code, _ := b.get("/readyz"); return code == 200 })
		b.phone.await(t, "the call goes on after damage of "+c.what, func(p []alert.Page) bool {
			for _, page := range p[before:] {
				if page.Incident == incident {
					return true
				}
			}
			return false
		})
		deposit()
		eventually(t, "the parcels at the platform after damage of "+c.what, arrived)
		if len(g.journal.Damage()) == 0 && len(g.registry.Damaged()) == 0 {
			t.Errorf("%s: nobody noticed", c.what)
		}
		stop()
	}

	// It says so, on the command line and in the journal, and a technical
	// incident has been opened.
	g, stop := b.start()
	defer stop()
	var status control.Status
	client := control.Client{HTTP: control.Dial(b.cfg.Socket), Lang: texts.English}
	eventually(t, "status", func() bool { return client.Do(context.Background(), http.MethodGet, "/v1/status", nil, &status) == nil })
	if status.Damaged < 9 || status.Salvaged == 0 {
		t.Errorf("status %+v", status)
	}
	eventually(t, "a technical incident", func() bool {
		for _, i := range g.alerts.Incidents() {
			if i.Kind == alert.Loss {
				return true
			}
		}
		return false
	})
}

func zero(file string, n int) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteAt(make([]byte, n), 0)
	return err
}

// What damage of the disk has cost is a figure at the platform, too.
func TestDamageIsCounted(t *testing.T) {
	b := newBox(t)
	secrets := b.register(neighbourhood(b)...)
	_, stop := b.start()
	d, err := connect(t, b.cfg.MQTT.Listen, 4, "l1", secrets["l1"])
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if err := d.publish("linli/v1/l1/event", fmt.Sprintf(`{"id":"d%d","type":"parcel.deposited","data":{"compartment":%d}}`, i, 1+i%24)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.conn.Close(); err != nil {
		t.Error(err)
	}
	day := usage.Day(b.clock().Wall)
	eventually(t, "the parcels at the platform", func() bool { return b.total(day, usage.Deposits.Code) == 50 })
	stop()
	files, err := filepath.Glob(filepath.Join(b.cfg.Data, journalFolder, "ordinary", "*.bolt"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	noise := make([]byte, 4096)
	for _, file := range files {
		f, err := os.OpenFile(file, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		info, err := f.Stat()
		for at := int64(0); err == nil && at < info.Size(); at += int64(len(noise)) {
			_, err = f.WriteAt(noise, at)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	b.start()
	eventually(t, "the loss at the platform", func() bool {
		return b.total(day, "box.lost")+b.total(usage.Day(b.clock().Wall), "box.lost") > 0
	})
	if n := b.total(day, usage.Deposits.Code); n != 50 {
		t.Errorf("%d deposits at the platform after the loss, 50 before", n)
	}
}
