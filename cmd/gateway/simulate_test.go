package main

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/cmd/gateway/internal/simulate"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
)

// quietBox is a gateway that reports to no province, so that it may be
// simulated to.
func quietBox(t testing.TB) *box {
	b := newBox(t)
	b.cfg.Province.URL, b.cfg.Province.SecretFile = "", ""
	return b
}

// All kinds and all makes, over real connections: what is acknowledged is in
// the journal, once, nothing is refused, and nothing of them is left behind.
func TestSimulate(t *testing.T) {
	t.Parallel()
	b := quietBox(t)
	config := b.write()
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	devicesBefore := len(g.registry.Snapshot().Devices)
	everything := len(simulate.AllParts())
	code, out, stderr := command(t, "en_US.UTF-8", "simulate", "--devices", strconv.Itoa(2*everything), "--rate", "20", "--duration", "3s", "--config", config)
	if code != 0 {
		t.Fatalf("%d\n%s%s", code, out, stderr)
	}
	m := regexp.MustCompile(`counted again in the journal: (\d+) events, (\d+) doors; 0 lost, 0 twice`).FindStringSubmatch(out)
	if m == nil || m[1] == "0" || m[2] == "0" || !strings.Contains(out, "The devices are removed.") {
		t.Errorf("%s", out)
	}
	if s := g.registry.Snapshot(); len(s.Devices) != devicesBefore || len(s.Facilities) != 0 || len(s.Elders) != 0 {
		t.Errorf("left behind: %d devices, %d facilities", len(s.Devices), len(s.Facilities))
	}
	spoke := map[string]bool{}
	for _, chain := range []journal.Chain{journal.Ordinary, journal.Urgent} {
		for at := uint64(0); ; {
			entries, err := g.journal.Read(chain, at, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if len(entries) == 0 {
				break
			}
			for _, e := range entries {
				at = e.Seq
				spoke[e.Event.Device] = true
				if e.Event.Type == (devices.Rejected{}).EventType() {
					t.Errorf("%s: %s", e.Event.Device, e.Event.Data)
				}
			}
		}
	}
	for _, k := range kinds.All() {
		if !spoke["sim-"+string(k.Name)+"-0001"] {
			t.Errorf("no %s has spoken", k.Name)
		}
	}
	for _, i := range g.alerts.Incidents() {
		if i.Priority == alert.High || i.Kind == alert.Tamper {
			t.Errorf("people were called: %s of %s", i.Kind, i.Device)
		}
	}
}

// Where the broker has no port in clear, the devices come by TLS and know the
// box's own authority.
func TestSimulateOverTLS(t *testing.T) {
	t.Parallel()
	b := quietBox(t)
	b.cfg.MQTT.TLS, b.cfg.MQTT.Listen = freePort(t), ""
	config := b.write()
	b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	code, out, stderr := command(t, "en_US.UTF-8", "simulate", "-n", "2", "--mix", "locker,zigbee2mqtt", "--duration", "1s", "--rate", "5", "--config", config)
	if code != 0 || !strings.Contains(out, "report to ssl://127.0.0.1:") || !strings.Contains(out, "; 0 lost, 0 twice") {
		t.Errorf("%d\n%s%s", code, out, stderr)
	}
}

// From another machine: credentials of a file, the gateway's address, and no
// recount where no gateway runs.
func TestSimulateFromAFile(t *testing.T) {
	t.Parallel()
	b := quietBox(t)
	config := b.write()
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	file := filepath.Join(t.TempDir(), "devices.jsonl")
	code, out, stderr := command(t, "en_US.UTF-8", "simulate", "-n", "3", "--mix", "locker=2,tasmota", "--duration", "1s", "--rate", "5", "--save", file, "--config", config)
	if code != 0 {
		t.Fatalf("%d\n%s%s", code, out, stderr)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	last := g.journal.Last(journal.Ordinary)
	elsewhere := filepath.Join(t.TempDir(), "none.yaml")
	code, out, stderr = command(t, "en_US.UTF-8", "simulate", "--credentials", file, "--broker", "tcp://"+b.cfg.MQTT.Listen, "--duration", "1s", "--rate", "5", "--config", elsewhere)
	if code != 0 || !strings.Contains(out, "not counted again") {
		t.Errorf("%d\n%s%s", code, out, stderr)
	}
	if g.journal.Last(journal.Ordinary) <= last {
		t.Error("nothing was reported")
	}
}

// What is wrong is one message, with its mend.
func TestSimulateRefuses(t *testing.T) {
	b := newBox(t)
	config := b.write()
	bad := filepath.Join(t.TempDir(), "bad.jsonl")
	if err := os.WriteFile(bad, []byte("{\"id\":\"a\",\"kind\":\"locker\"}\n{\"id\":1}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "--anyway"},
		{[]string{"--devices", "0"}, "--devices"},
		{[]string{"--rate", "0"}, "--rate"},
		{[]string{"--duration", "1ms"}, "--duration"},
		{[]string{"--anyway", "--mix", "toaster"}, "toaster"},
		{[]string{"--anyway", "--mix", "locker=0"}, "locker=0"},
		{[]string{"--anyway", "--mix", "locker,locker"}, "写了两次"},
		{[]string{"--credentials", bad}, "--broker"},
		{[]string{"--credentials", bad, "--broker", "tcp://127.0.0.1:1"}, "bad.jsonl 第 2 行"},
	} {
		code, _, stderr := command(t, "zh_CN.UTF-8", append([]string{"simulate", "--config", config}, c.args...)...)
		if code != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: %d %s", c.args, code, stderr)
		}
	}
}

// A recount notices what is lost and what is there twice.
func TestRecountNotices(t *testing.T) {
	b := quietBox(t)
	members, err := simulate.NewFleet(1, []simulate.Part{{Name: "desk", Weight: 1}})
	if err != nil {
		t.Fatal(err)
	}
	desk := members[0].Device
	desk.Facility = ""
	members[0].Secret = b.register(desk)[desk.ID]
	b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	run, err := simulate.NewRun(members, simulate.Load{
		Broker: "tcp://" + b.cfg.MQTT.Listen, Interval: 20 * time.Millisecond, Duration: time.Second, Seed: 1, Clock: b.clock, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Play(t.Context()); err != nil {
		t.Fatal(err)
	}
	said := run.Said()[desk.ID]
	if said.Events < 2 {
		t.Fatalf("said %+v", said)
	}
	received, err := json.Marshal(b.clock())
	if err != nil {
		t.Fatal(err)
	}
	line := func(n int) string {
		return `{"device":"` + desk.ID + `","type":"service.given","id":"i/` + run.Name + "-" + strconv.Itoa(n) + `","received":` + string(received) + "}\n"
	}
	var export strings.Builder
	for n := 2; n <= said.Events; n++ {
		export.WriteString(line(n))
	}
	export.WriteString(line(2) + `{"end":1}` + "\n")
	c, err := run.Recount(strings.NewReader(export.String()))
	if err != nil || c.Lost != 1 || c.Twice != 1 || len(c.Devices) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	if _, err := run.Recount(strings.NewReader(line(1))); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("a cut export: %v", err)
	}
}
