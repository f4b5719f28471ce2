package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/journal/journaltest"
)

// Each benchmark takes turns between the daemon and what it is set beside, so
// that a neighbour on the machine hits both.
const benchTurns = 3

// bench is the built daemon with a number of lockers that may log in.
type bench struct {
	*box
	*process
	secrets []string
}

func newBench(b *testing.B, lockers int, wait time.Duration) *bench {
	b.Helper()
	x := &bench{box: newBox(b)}
	x.cfg.Journal.Wait, x.cfg.MQTT.Rate = wait, 100_000 // what the gateway is capable of, not what a device may
	records := neighbourhood(x.box)
	for i := range lockers {
		records = append(records, registry.Device{Device: devices.Device{ID: lockerID(i), Kind: locker.Kind, Facility: "east"}, Compartments: 100})
	}
	secrets := x.register(records...)
	for i := range lockers {
		x.secrets = append(x.secrets, secrets[lockerID(i)])
	}
	x.process = x.run()
	b.Cleanup(func() {
		if code := x.end(b, syscall.SIGTERM); code != 0 {
			b.Errorf("exit code %d\n%s", code, x.log)
		}
	})
	eventually(b, "ready", func() bool {
		c, err := http.Get("http://" + x.cfg.Console.Listen + "/readyz")
		return err == nil && c.Body.Close() == nil && c.StatusCode == http.StatusOK
	})
	return x
}

func lockerID(i int) string { return "bench-" + strconv.Itoa(i) }

var benchRun atomic.Int64 // no two runs share an id

// load is messages of about 230 bytes, each a native event with an id of its
// own, which the daemon decodes in full.
func (x *bench) load(connections, window, messages int) mqttload.Load {
	run := benchRun.Add(1)
	return mqttload.Load{
		Address: x.cfg.MQTT.Listen, Connections: connections, Window: window, Messages: messages,
		Login:   func(n int) (string, string, string) { return lockerID(n), lockerID(n), x.secrets[n] },
		Message: func(n, i int) (string, []byte) { return "linli/v1/" + lockerID(n) + "/event", benchEvent(run, n, i) },
	}
}

var padding = strings.Repeat("x", 110)

func benchEvent(run int64, n, i int) []byte {
	typ := "parcel.deposited"
	if i%2 == 1 {
		typ = "parcel.picked_up"
	}
	return fmt.Appendf(nil, `{"id":"%d-%d-%d","type":"%s","data":{"compartment":%d,"note":"%s"},"firmware":"2.4.1"}`, run, n, i, typ, i/2%100+1, padding)
}

// BenchmarkIntake: acknowledged events a second, and how long a PUBACK takes,
// beside the broker without storage, a bare bbolt group commit by as many
// writers, and the disk's bare fdatasync.
func BenchmarkIntake(b *testing.B) {
	for _, window := range []int{1, 16} {
		for _, connections := range []int{1, 10, 50, 500} {
			b.Run(fmt.Sprintf("connections=%d/window=%d", connections, window), func(b *testing.B) {
				x := newBench(b, connections, 0)
				memory := newMemoryBroker(b)
				bare := journaltest.NewBare(b, filepath.Join(b.TempDir(), "bare"))
				file := benchFile(b)
				value := make([]byte, len(benchEvent(1, 1, 1))+60)
				var ours, empty, group float64
				var p50, p99, sync []time.Duration
				messages := min(4000*connections, 40_000)
				for b.Loop() {
					for range benchTurns {
						r, err := mqttload.Run(b.Context(), x.load(connections, window, messages))
						if err != nil {
							b.Fatalf("%v\n%s", err, x.log)
						}
						ours += r.PerSecond()
						p50, p99 = append(p50, r.Quantile(.5)), append(p99, r.Quantile(.99))
						l := x.load(connections, window, messages)
						l.Address = memory
						if r, err = mqttload.Run(b.Context(), l); err != nil {
							b.Fatal(err)
						}
						empty += r.PerSecond()
						n, _ := journaltest.Flood(b, connections*window, 300*time.Millisecond, func(int, int) error { return bare.Record(value) })
						group += n
						sync = append(sync, journaltest.Quantile(journaltest.Fdatasyncs(b, file, 100*time.Millisecond), .5))
					}
				}
				b.ReportMetric(ours/float64(benchTurns*b.N), "acked/s")
				b.ReportMetric(ours/group, "of-bare-group")
				b.ReportMetric(ours/empty, "of-no-storage")
				b.ReportMetric(milliseconds(quantile(p50, .5)), "p50-ms")
				b.ReportMetric(milliseconds(quantile(p99, .5)), "p99-ms")
				b.ReportMetric(float64(quantile(p50, .5))/float64(quantile(sync, .5)), "p50-in-fdatasyncs")
				b.ReportMetric(milliseconds(quantile(sync, .5)), "fdatasync-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// cpuTime is what a process has used so far, in user and kernel mode.
func cpuTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks int64
	for _, f := range fields[11:13] { // utime and stime, in hundredths of a second
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// BenchmarkWear: bytes written to disk an event by the whole daemon, at 100
// events a second from 50 devices.
func BenchmarkWear(b *testing.B) {
	const rate, lockers, events = 100, 50, 1500
	for _, wait := range []time.Duration{0, journal.DefaultWait} {
		b.Run("wait="+wait.String(), func(b *testing.B) {
			x := newBench(b, lockers, wait)
			pid := strconv.Itoa(x.cmd.Process.Pid)
			var acks errgroup.Group
			devices := make([]*device, lockers)
			for i := range devices {
				var err error
				if devices[i], err = connect(b, x.cfg.MQTT.Listen, 4, lockerID(i), x.secrets[i]); err != nil {
					b.Fatal(err)
				}
				defer devices[i].conn.Close()
			}
			var bytes, n int64
			for b.Loop() {
				before, run := journaltest.Written(b, pid), benchRun.Add(1)
				for _, d := range devices {
					acks.Go(func() error {
						for range events / lockers {
							if err := d.acked(); err != nil {
								return err
							}
						}
						return nil
					})
				}
				tick := time.NewTicker(time.Second / rate)
				for i := range events {
					<-tick.C
					n := i % lockers
					if err := devices[n].send("linli/v1/"+lockerID(n)+"/event", string(benchEvent(run, n, i))); err != nil {
						b.Fatal(err)
					}
				}
				tick.Stop()
				if err := acks.Wait(); err != nil {
					b.Fatal(err)
				}
				bytes, n = bytes+journaltest.Written(b, pid)-before, n+events
			}
			b.ReportMetric(float64(bytes)/float64(n), "bytes/event")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkSOS: from the PUBLISH of a press to the webhook, alone and while 50
// lockers publish as fast as they are acknowledged.
func BenchmarkSOS(b *testing.B) {
	for _, flood := range []bool{false, true} {
		b.Run(fmt.Sprintf("flood=%t", flood), func(b *testing.B) {
			x := newBench(b, 50, 0)
			line := newHelpline(b, func(http.ResponseWriter, *http.Request) {})
			x.command(b, "caregiver", "add", "li", "--name", "李敏", "--channel", "webhook="+line.url)
			stop := func() {}
			if flood {
				stop = x.besides(b, x.load(50, 16, 100_000))
			}
			x.measureSOS(b, line)
			stop()
		})
	}
}

// BenchmarkSOSBehindPages: the same while 500 notices wait for the very
// telephone that is to ring, which takes its time over them or refuses them,
// and 1,000 events a second come in. The bound is that of the SOS alone.
func BenchmarkSOSBehindPages(b *testing.B) {
	const notices = 500
	for _, provider := range []struct {
		name string
		take http.HandlerFunc
	}{
		{"slow", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }},
		{"refusing", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }},
	} {
		b.Run("provider="+provider.name, func(b *testing.B) {
			x := newBench(b, notices, 0)
			line := newHelpline(b, provider.take)
			x.command(b, "caregiver", "add", "li", "--name", "李敏", "--channel", "webhook="+line.url)
			for i := range notices {
				d, err := connect(b, x.cfg.MQTT.Listen, 4, lockerID(i), x.secrets[i])
				if err != nil {
					b.Fatal(err)
				}
				if err := errors.Join(d.publish("linli/v1/"+lockerID(i)+"/event", `{"id":"t","type":"fault","data":{"code":"tamper"}}`), d.conn.Close()); err != nil {
					b.Fatal(err)
				}
			}
			eventually(b, "all notices wait", func() bool { return x.waiting(b) >= notices })
			load := x.load(50, 16, 1_000_000)
			load.Rate = 1000
			stop := x.besides(b, load)
			x.measureSOS(b, line)
			stop()
			b.ReportMetric(float64(x.waiting(b)), "notices-waiting")
		})
	}
}

// besides publishes a load again and again until the returned stop is called,
// which reports how much a second that was.
func (x *bench) besides(b *testing.B, load mqttload.Load) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	var running sync.WaitGroup
	var published atomic.Int64
	message, began := load.Message, time.Now()
	load.Message = func(n, i int) (string, []byte) {
		published.Add(1)
		return message(n, i)
	}
	running.Go(func() {
		for ctx.Err() == nil {
			if _, err := mqttload.Run(ctx, load); err != nil && ctx.Err() == nil {
				b.Error(err)
				return
			}
		}
	})
	return func() {
		b.ReportMetric(float64(published.Load())/time.Since(began).Seconds(), "published/s")
		cancel()
		running.Wait()
	}
}

// measureSOS presses 60 times a turn, each time the button of somebody else,
// and reports how long it took until the telephone rang.
func (x *bench) measureSOS(b *testing.B, line helpline) {
	file := benchFile(b)
	var latencies, bareSync []time.Duration
	for b.Loop() {
		for range 60 {
			id, secret := x.newWearer(b)
			d, err := connect(b, x.cfg.MQTT.Listen, 4, id, secret)
			if err != nil {
				b.Fatal(err)
			}
			pressed := time.Now()
			if err := d.publish("linli/v1/"+id+"/event", `{"id":"1","type":"sos"}`); err != nil {
				b.Fatal(err)
			}
			call := <-line.calls
			for call.page.Device != id || call.page.Step != 1 { // of an earlier press, before it was acknowledged
				call = <-line.calls
			}
			latencies = append(latencies, call.at.Sub(pressed))
			x.command(b, "incident", "acknowledge", call.page.Incident, "--by", "li")
			if err := d.conn.Close(); err != nil {
				b.Fatal(err)
			}
		}
		bareSync = append(bareSync, journaltest.Fdatasyncs(b, file, 300*time.Millisecond)...)
	}
	slices.Sort(latencies)
	slices.Sort(bareSync)
	fdatasync := milliseconds(journaltest.Quantile(bareSync, .5))
	b.ReportMetric(milliseconds(journaltest.Quantile(latencies, .5)), "p50-ms")
	b.ReportMetric(milliseconds(journaltest.Quantile(latencies, .99)), "p99-ms")
	b.ReportMetric(fdatasync, "fdatasync-ms")
	b.ReportMetric(8*fdatasync+20, "bound-ms")
	b.ReportMetric(0, "ns/op")
}

// helpline is a webhook that tells of calls for help as they come.
type helpline struct {
	url   string
	calls chan helpCall
}

type helpCall struct {
	page alert.Page
	at   time.Time
}

// newHelpline makes one that does with notices what take does.
func newHelpline(b *testing.B, take http.HandlerFunc) helpline {
	line := helpline{calls: make(chan helpCall, 1000)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := helpCall{at: time.Now()}
		if err := json.NewDecoder(r.Body).Decode(&call.page); err != nil {
			b.Errorf("page: %v", err)
		}
		if call.page.Priority != alert.High {
			take(w, r)
			return
		}
		line.calls <- call
	}))
	b.Cleanup(server.Close)
	line.url = server.URL
	return line
}

// waiting counts the notices that the telephone has not taken.
func (x *bench) waiting(b *testing.B) (n int) {
	client := control.Client{HTTP: control.Dial(x.cfg.Socket), Lang: texts.English}
	var all []alert.Incident
	if err := client.Do(b.Context(), http.MethodGet, "/v1/incidents", nil, &all); err != nil {
		b.Fatal(err)
	}
	for _, i := range all {
		for _, d := range i.Deliveries {
			if d.Recipient != "" && d.Result != alert.Accepted && i.Priority != alert.High {
				n++
			}
		}
	}
	return n
}

// newWearer registers another elder with a button, so that each press is an
// incident of its own.
func (x *bench) newWearer(b *testing.B) (id, secret string) {
	b.Helper()
	id = "w" + strconv.FormatInt(benchRun.Add(1), 10)
	x.command(b, "elder", "add", "e-"+id, "--name", "某", "--caregivers", "li")
	_, secret, _ = strings.Cut(x.command(b, "device", "add", id, "--kind", "wearable", "--elder", "e-"+id), "MQTT secret: ")
	secret, _, _ = strings.Cut(secret, "\n")
	return id, secret
}

// command runs one of the command line on the daemon, and returns what it says.
func (x *bench) command(b *testing.B, args ...string) (stdout string) {
	b.Helper()
	var out, errs strings.Builder
	if code := execute(b.Context(), texts.English, append(args, "--config", x.write()), &out, &errs); code != 0 {
		b.Fatalf("%v: %s", args, errs.String())
	}
	return out.String()
}

// newMemoryBroker is the broker alone: it acknowledges at once what it hears.
func newMemoryBroker(b *testing.B) (address string) {
	b.Helper()
	login := func(c mqtt.Credentials) (devices.Account, bool) {
		return devices.Account{ID: c.User, Publish: []string{"linli/v1/" + c.User + "/event"}}, true
	}
	broker, err := mqtt.NewBroker(mqtt.BrokerConfig{Listeners: []mqtt.Listener{{Address: "127.0.0.1:0"}}}, login, func(_ context.Context, _ devices.Message, done func(error)) { done(nil) }, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- broker.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	return broker.Addrs()[0].String()
}

func benchFile(b *testing.B) *os.File {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "sync"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := f.Close(); err != nil {
			b.Error(err)
		}
	})
	return f
}

// quantile sorts all.
func quantile(all []time.Duration, q float64) time.Duration {
	slices.Sort(all)
	return journaltest.Quantile(all, q)
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
