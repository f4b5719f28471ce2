package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
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

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
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
				messages := min(4000*connections, 40_000) * min(window, 4) / 4
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
				b.ReportMetric(milliseconds(middle(p50)), "p50-ms")
				b.ReportMetric(milliseconds(middle(p99)), "p99-ms")
				b.ReportMetric(float64(middle(p50))/float64(middle(sync)), "p50-in-fdatasyncs")
				b.ReportMetric(milliseconds(middle(sync)), "fdatasync-ms")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

// BenchmarkFrontDoor: 50 devices with 16 messages in flight, flat out and at
// 1,000/s, beside Debian's mosquitto, which writes nothing to disk, in turns.
// The ceiling is a bare bbolt group commit of as many writers.
func BenchmarkFrontDoor(b *testing.B) {
	const connections, window, messages = 50, 16, 40_000
	x := newBench(b, connections, 0)
	peer := startMosquitto(b)
	bare := journaltest.NewBare(b, filepath.Join(b.TempDir(), "bare"))
	value := make([]byte, len(benchEvent(1, 1, 1))+60)
	file := benchFile(b)
	var ours, theirs, group, cpu float64
	var p50, p99, peer50, peer99, sync []time.Duration
	for b.Loop() {
		for range benchTurns {
			before := cpuTime(b, x.cmd.Process.Pid)
			r, err := mqttload.Run(b.Context(), x.load(connections, window, messages))
			if err != nil {
				b.Fatalf("%v\n%s", err, x.log)
			}
			ours, cpu = ours+r.PerSecond(), cpu+(cpuTime(b, x.cmd.Process.Pid)-before).Seconds()*1e6/messages
			l := x.load(connections, window, messages)
			l.Address = peer
			if r, err = mqttload.Run(b.Context(), l); err != nil {
				b.Fatal(err)
			}
			theirs += r.PerSecond()
			n, _ := journaltest.Flood(b, connections*window, 300*time.Millisecond, func(int, int) error { return bare.Record(value) })
			group += n

			l = x.load(connections, 1, 2000)
			l.Rate = 1000
			if r, err = mqttload.Run(b.Context(), l); err != nil {
				b.Fatal(err)
			}
			p50, p99 = append(p50, r.Quantile(.5)), append(p99, r.Quantile(.99))
			l.Address = peer
			if r, err = mqttload.Run(b.Context(), l); err != nil {
				b.Fatal(err)
			}
			peer50, peer99 = append(peer50, r.Quantile(.5)), append(peer99, r.Quantile(.99))
			sync = append(sync, journaltest.Quantile(journaltest.Fdatasyncs(b, file, 100*time.Millisecond), .5))
		}
	}
	turns := float64(benchTurns * b.N)
	b.ReportMetric(ours/turns, "acked/s")
	b.ReportMetric(theirs/turns, "mosquitto/s")
	b.ReportMetric(ours/theirs, "of-mosquitto")
	b.ReportMetric(ours/group, "of-bare-group")
	b.ReportMetric(cpu/turns, "cpu-ms/1000")
	b.ReportMetric(milliseconds(middle(p50)), "p50-ms-at-1000/s")
	b.ReportMetric(milliseconds(middle(p99)), "p99-ms-at-1000/s")
	b.ReportMetric(milliseconds(middle(peer50)), "mosquitto-p50-ms")
	b.ReportMetric(milliseconds(middle(peer99)), "mosquitto-p99-ms")
	b.ReportMetric(milliseconds(middle(sync)), "fdatasync-ms")
	b.ReportMetric(0, "ns/op")
}

// startMosquitto runs Debian's broker without persistence, and returns where.
func startMosquitto(b *testing.B) (address string) {
	b.Helper()
	path, err := exec.LookPath("mosquitto")
	if err != nil {
		path = "/usr/sbin/mosquitto"
	}
	address = freePort(b)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		b.Fatal(err)
	}
	config := filepath.Join(b.TempDir(), "mosquitto.conf")
	text := "listener " + port + " 127.0.0.1\nallow_anonymous true\npersistence false\nmax_inflight_messages 0\nlog_type error\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	broker := exec.Command(path, "-c", config)
	if err := broker.Start(); err != nil {
		b.Fatalf("%v: run make deps", err)
	}
	b.Cleanup(func() {
		if err := broker.Process.Kill(); err != nil {
			b.Error(err)
		}
		_ = broker.Wait() // killed, it says so
	})
	eventually(b, "mosquitto to listen", func() bool {
		c, err := net.Dial("tcp", address)
		return err == nil && c.Close() == nil
	})
	return address
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
			file := benchFile(b)
			rang := make(chan time.Time, 100)
			phone := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { rang <- time.Now() }))
			b.Cleanup(phone.Close)
			if code, _, stderr := benchCommand(b, "caregiver", "add", "li", "--name", "李敏", "--channel", "webhook="+phone.URL, "--config", x.write()); code != 0 {
				b.Fatal(stderr)
			}
			ctx, stop := context.WithCancel(b.Context())
			defer stop()
			var flooding sync.WaitGroup
			if flood {
				flooding.Go(func() {
					for ctx.Err() == nil {
						if _, err := mqttload.Run(ctx, x.load(50, 16, 100_000)); err != nil && ctx.Err() == nil {
							b.Error(err)
							return
						}
					}
				})
			}
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
					latencies = append(latencies, (<-rang).Sub(pressed))
					if err := d.conn.Close(); err != nil {
						b.Fatal(err)
					}
				}
				bareSync = append(bareSync, journaltest.Fdatasyncs(b, file, 300*time.Millisecond)...)
			}
			stop()
			flooding.Wait()
			slices.Sort(latencies)
			slices.Sort(bareSync)
			fdatasync := milliseconds(journaltest.Quantile(bareSync, .5))
			b.ReportMetric(milliseconds(journaltest.Quantile(latencies, .5)), "p50-ms")
			b.ReportMetric(milliseconds(journaltest.Quantile(latencies, .99)), "p99-ms")
			b.ReportMetric(fdatasync, "fdatasync-ms")
			b.ReportMetric(8*fdatasync+20, "bound-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// newWearer registers another elder with a button, so that each press is an
// incident of its own, and resolves what was open.
func (x *bench) newWearer(b *testing.B) (id, secret string) {
	b.Helper()
	id = "w" + strconv.FormatInt(benchRun.Add(1), 10)
	config := x.write()
	for _, args := range [][]string{
		{"elder", "add", "e-" + id, "--name", "某", "--caregivers", "li"},
		{"device", "add", id, "--kind", "wearable", "--elder", "e-" + id},
	} {
		code, stdout, stderr := benchCommand(b, append(args, "--config", config)...)
		if code != 0 {
			b.Fatal(stderr)
		}
		if _, after, ok := strings.Cut(stdout, "MQTT secret: "); ok {
			secret, _, _ = strings.Cut(after, "\n")
		}
	}
	return id, secret
}

func benchCommand(b *testing.B, args ...string) (code int, stdout, stderr string) {
	b.Helper()
	var out, errs strings.Builder
	code = execute(b.Context(), texts.English, args, &out, &errs)
	return code, out.String(), errs.String()
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

func middle(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
