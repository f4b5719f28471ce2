package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/devices/supervision"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
)

// findings are those in the journal, device by device in their order, as
// "device finding on".
func findings(t testing.TB, j *journal.Journal) []string {
	t.Helper()
	entries, err := j.Read(journal.Ordinary, 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		f, ok, err := supervision.Read(e.Event)
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			found = append(found, fmt.Sprintf("%s %s %t", e.Event.Device, strings.TrimPrefix(string(f.Type), "device."), !f.Cleared))
		}
	}
	slices.SortStableFunc(found, func(a, b string) int {
		return strings.Compare(strings.Fields(a)[0], strings.Fields(b)[0])
	})
	return found
}

// A wearable that falls silent is on the page, in the list and in the status, and
// its elder's caregiver is told within 180 s, until it speaks again; its battery
// as well.
func TestSilentDevice(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	var ahead atomic.Int64
	system := b.clock
	b.clock = func() devices.Stamp {
		s := system()
		d := time.Hour + time.Duration(ahead.Load())
		s.Mono, s.Wall = s.Mono+d, s.Wall.Add(d)
		return s
	}
	secrets := b.register(neighbourhood(b)...)
	config := b.write()
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	run := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := command(t, "en_US.UTF-8", append(args, "--config", config)...)
		if code != 0 {
			t.Fatalf("%v: %d %s", args, code, stderr)
		}
		return stdout
	}
	run("device", "interval", "w302", "30m")
	d, err := connect(t, b.cfg.MQTT.Listen, 4, "w302", secrets["w302"])
	if err != nil {
		t.Fatal(err)
	}
	defer d.conn.Close()
	say := func(typ, data string) {
		t.Helper()
		if err := d.publish("linli/v1/w302/event", fmt.Sprintf(`{"type":%q,"data":%s}`, typ, data)); err != nil {
			t.Fatal(err)
		}
	}
	say("battery", `{"percent":9}`)
	if list := run("device", "list"); !strings.Contains(list, "9%") || !strings.Contains(list, "s ago") {
		t.Errorf("list\n%s", list)
	}
	ahead.Store(int64(31 * time.Minute))
	found := func(n int) func() bool { return func() bool { return len(findings(t, g.journal)) == n } }
	eventually(t, "silent, and its battery low", found(2))
	ahead.Add(int64(time.Minute))
	b.phone.await(t, "the elder is unprotected", func(pages []alert.Page) bool {
		return slices.ContainsFunc(pages, func(p alert.Page) bool { return p.Kind == alert.Unprotected && p.Room == "302" })
	})
	for _, where := range []string{run("device", "list"), run("status"), page(t, b, g)} {
		if !strings.Contains(where, "silent") || !strings.Contains(where, "battery has to be changed") {
			t.Errorf("not told in\n%s", where)
		}
	}
	// A ping is a word as well.
	if _, err := d.conn.Write(mqttload.Frame(0xc0)); err != nil {
		t.Fatal(err)
	}
	if header, _, err := mqttload.ReadFrame(d.in); err != nil || header != 0xd0 {
		t.Fatalf("no answer to a ping but %x, %v", header, err)
	}
	eventually(t, "heard again", found(3))
	say("battery", `{"percent":100}`)
	ahead.Store(int64(95 * time.Minute))
	say("vitals", `{"heart_rate":70}`)
	eventually(t, "a good battery", found(4))
	got := strings.Join(findings(t, g.journal), ", ")
	if want := "w302 silent false, w302 battery_low false"; !strings.HasSuffix(got, want) {
		t.Errorf("found %q", got)
	}
	if list := run("device", "list"); strings.Contains(list, "silent") {
		t.Errorf("still silent in\n%s", list)
	}
	run("device", "add", "w303", "--kind", "wearable", "--interval", "12h")
	if d := g.registry.Snapshot().Devices["w303"]; d.Interval != 12*60*60 {
		t.Errorf("%+v", d)
	}
	for _, bad := range []string{"soon", "1.5s", "1s", "99999h"} {
		if code, _, _ := command(t, "en_US.UTF-8", "device", "interval", "w302", bad, "--config", config); code != 2 {
			t.Errorf("an interval of %s: %d", bad, code)
		}
	}
}

// page is the web page as somebody sees it who is logged in.
func page(t testing.TB, b *box, g *gateway) string {
	t.Helper()
	token, err := g.console.Session("li")
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+b.cfg.Console.Listen+"/?lang=en", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// With a real journal: each finding is journaled once, through kills of the
// gateway and a start of the box.
func TestFindingsInTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, began := t.TempDir(), time.Now()
		boot, booted := byte(1), began.Add(-time.Hour)
		clock := func() devices.Stamp {
			return devices.Stamp{Boot: devices.BootID{boot}, Mono: time.Since(booted), Wall: time.Now().UTC(), Synced: true}
		}
		j, err := journal.Open(filepath.Join(dir, "journal"), journal.Options{Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := j.Close(); err != nil {
				t.Error(err)
			}
		}()
		var s *supervision.Supervisor
		start := func() (stop func()) {
			s = supervision.New(supervision.Options{
				File: filepath.Join(dir, "supervision.json"), Recorder: j, Clock: clock, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
				Devices: func() []supervision.Device {
					return []supervision.Device{{ID: "band", Kind: "wearable", Interval: 20 * time.Minute}, {ID: "mat", Kind: "bed"}}
				},
			})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() { defer close(done); _ = s.Run(ctx) }()
			return func() { cancel(); <-done }
		}
		expect := func(want ...string) {
			t.Helper()
			synctest.Wait()
			if got := findings(t, j); strings.Join(got, ", ") != strings.Join(want, ", ") {
				t.Errorf("found %q, want %q", got, want)
			}
		}
		stop := start()
		s.Heard("band", clock())
		time.Sleep(19 * time.Minute)
		expect()
		time.Sleep(4 * time.Minute) // within 180 s of its time
		expect("band silent true")
		for range 5 {
			stop()
			time.Sleep(time.Minute)
			stop = start()
			time.Sleep(7 * time.Minute)
		}
		expect("band silent true")
		stop()
		boot, booted = 2, time.Now() // the power was off
		stop = start()
		time.Sleep(5 * time.Minute)
		s.Heard("band", clock())
		s.Reported("mat", "fault", []byte(`{"code":"tamper"}`), clock())
		time.Sleep(4 * time.Minute)
		expect("band silent true") // nothing in the first ten minutes
		time.Sleep(2 * time.Minute)
		expect("band silent true", "band silent false", "mat tampered true")
		time.Sleep(20 * time.Minute)
		expect("band silent true", "band silent false", "band silent true", "mat tampered true")
		stop()
	})
}
