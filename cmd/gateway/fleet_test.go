package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/cmd/gateway/internal/simulate"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
)

// most is the memory that the daemon may take with 500 busy devices, in bytes.
const most = 80_000_000

// mostStacks is what of it stacks may take, most of them of connections: 6.1 to
// 6.3 MB as long as almost all messages do with 8 KiB, 8.1 to 8.3 once they do
// not, and the collector lets as much again lie about.
const mostStacks = 7_200_000

// fleet is a daemon of its own process, with the devices that will speak to it.
type fleet struct {
	*box
	*process
	members []simulate.Member
}

// newFleet registers n devices of every kind and make, and starts the daemon.
func newFleet(t testing.TB, n int, wait time.Duration, binary ...string) *fleet {
	t.Helper()
	f := &fleet{box: quietBox(t)}
	f.cfg.Journal.Wait = wait
	var err error
	if f.members, err = simulate.NewFleet(n, simulate.AllParts()); err != nil {
		t.Fatal(err)
	}
	records := []registry.Record{registry.Facility{ID: simulate.FleetFacility, Name: "模拟设施"}, registry.Elder{ID: simulate.FleetElder, Name: "模拟"}}
	for _, m := range f.members {
		records = append(records, m.Device)
	}
	secrets := f.register(records...)
	for i := range f.members {
		f.members[i].Secret = secrets[f.members[i].ID]
	}
	f.process = f.runAs(binary...)
	t.Cleanup(func() {
		if code := f.end(t, syscall.SIGTERM); code != 0 {
			t.Errorf("exit code %d\n%s", code, f.log)
		}
	})
	eventually(t, "ready", func() bool {
		r, err := http.Get("http://" + f.cfg.Console.Listen + "/readyz")
		return err == nil && r.Body.Close() == nil && r.StatusCode == http.StatusOK
	})
	return f
}

// outcomes of a fleet's load: what was acknowledged and counted again, and the
// most memory that the daemon took meanwhile, in bytes: as the kernel counts it,
// what its Go runtime had of the kernel, in which no emulator's is, and what of
// that the stacks had.
type outcomes struct {
	simulate.Progress
	simulate.Recount
	resident, anonymous, runtime, stacks int64
}

// play lets the fleet speak, and counts again what the journal has of it.
func (f *fleet) play(t testing.TB, l simulate.Load) (o outcomes) {
	t.Helper()
	l.Broker, l.Seed, l.Clock, l.Logger = "tcp://"+f.cfg.MQTT.Listen, 1, f.clock, slog.New(slog.DiscardHandler)
	run, err := simulate.NewRun(f.members, l)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- run.Play(context.WithoutCancel(t.Context())) }()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for n, playing := 0, true; playing; n++ {
		select {
		case err = <-ended:
			playing = false
		case <-tick.C:
		}
		if n%10 == 0 {
			o.stacks = max(o.stacks, int64(f.metric("go_memstats_stack_inuse_bytes")))
			o.runtime = max(o.runtime, int64(f.metric("go_memstats_sys_bytes")-f.metric("go_memstats_heap_released_bytes")))
		}
		o.resident = max(o.resident, memoryOf(t, f.cmd.Process.Pid, "VmRSS"))
		o.anonymous = max(o.anonymous, memoryOf(t, f.cmd.Process.Pid, "RssAnon"))
	}
	if o.runtime <= 0 {
		t.Error("/metrics does not tell what the runtime has of the kernel")
	}
	o.Progress = run.Progress()
	if err != nil {
		t.Fatalf("%v\n%s", err, f.log)
	}
	client := control.Client{HTTP: control.Dial(f.cfg.Socket), Lang: texts.English}
	export, err := client.Stream(t.Context(), http.MethodGet, "/v1/journal/export?since="+began.Add(-time.Minute).UTC().Format(time.RFC3339), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer export.Close()
	if o.Recount, err = run.Recount(export); err != nil {
		t.Fatal(err)
	}
	return o
}

// 500 devices of every kind and make at once, a message a second each, on the
// daemon as it is built: nothing that was acknowledged is lost or there twice,
// and memory stays within its bound. BenchmarkFiveHundred has an hour's worth.
func TestFiveHundredDevices(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 500, 50*time.Millisecond, gatewayBinary(t))
	o := f.play(t, simulate.Load{Interval: time.Second, Messages: 8, Duration: patience})
	t.Logf("%d acknowledged in %s, slowest %s; %d events and %d doors counted again; %.1f MB resident, %.1f MB anonymous",
		o.Acknowledged, o.Elapsed.Round(time.Millisecond), o.Slowest.Round(time.Millisecond), o.Events, o.Doors, float64(o.resident)/1e6, float64(o.anonymous)/1e6)
	if o.Lost > 0 || o.Recount.Twice > 0 || o.Acknowledged != 8*o.Progress.Devices || o.Events == 0 || o.Doors == 0 {
		t.Errorf("%+v", o)
	}
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", f.cmd.Process.Pid)); err != nil || !strings.Contains(string(status), "THP_enabled:\t0") {
		t.Errorf("huge pages are used: %v\n%s", err, status)
	}
	if o.anonymous > most || o.resident > most {
		t.Errorf("%d bytes resident, %d anonymous, want at most %d", o.resident, o.anonymous, most)
	}
	if o.stacks > mostStacks {
		t.Errorf("%d bytes of stacks, want at most %d", o.stacks, mostStacks)
	}
}

// BenchmarkFiveHundred: an hour's worth of a message a second from each of 500
// devices, as fast as they are acknowledged, and the memory that it takes.
func BenchmarkFiveHundred(b *testing.B) {
	for b.Loop() {
		f := newFleet(b, 500, 50*time.Millisecond, gatewayBinary(b))
		hour(b, f, 3600)
	}
}

// BenchmarkFiveHundredOnARM: the same as an ARM64 program, run by qemu-user,
// whose own memory is in what the kernel counts.
func BenchmarkFiveHundredOnARM(b *testing.B) {
	for b.Loop() {
		f := newFleet(b, 500, 50*time.Millisecond, "qemu-aarch64-static", armBinary(b))
		hour(b, f, 3600)
	}
}

func hour(b *testing.B, f *fleet, messages int) {
	o := f.play(b, simulate.Load{Interval: time.Millisecond, Messages: messages, Duration: 12 * time.Hour})
	if o.Lost > 0 || o.Recount.Twice > 0 || o.Acknowledged != messages*o.Progress.Devices {
		b.Errorf("%+v", o)
	}
	b.ReportMetric(float64(o.Acknowledged), "acked")
	b.ReportMetric(float64(o.Lost+o.Recount.Twice), "lost-or-twice")
	b.ReportMetric(float64(o.Acknowledged)/o.Elapsed.Seconds(), "acked/s")
	b.ReportMetric(float64(o.runtime)/1e6, "runtime-MB")
	b.ReportMetric(float64(o.anonymous)/1e6, "anonymous-MB")
	b.ReportMetric(float64(o.resident)/1e6, "resident-MB")
	b.ReportMetric(0, "ns/op")
}

// armBinary builds the daemon for the box.
func armBinary(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway-arm64")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", file, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatal(fmt.Errorf("build: %w\n%s", err, out))
	}
	return file
}
