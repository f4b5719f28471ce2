package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/sync/journal/journaltest"
	"github.com/linli-edge/gateway/sync/usage"
)

// BenchmarkFrontDoor: 50 devices with 16 messages in flight, flat out and at
// 1,000/s, in turns with three others: Debian's mosquitto, which writes
// nothing to disk; NATS, which syncs each message; and the bare ceiling, which
// does nothing but what is asked of each.
func BenchmarkFrontDoor(b *testing.B) {
	const connections, window, messages = 50, 16, 120_000
	x := newBench(b, connections, 0)
	peer, nats, ceiling := startMosquitto(b), startNATS(b), startCeiling(b)
	file := benchFile(b)
	run := func(address string, window, messages int, rate float64) mqttload.Result {
		l := x.load(connections, window, messages)
		l.Address, l.Rate = address, rate
		r, err := mqttload.Run(b.Context(), l)
		if err != nil {
			b.Fatalf("%s: %v\n%s", address, err, x.log)
		}
		return r
	}
	// calm is 4 s at 1,000/s, two folds of each follower, on a disk that has
	// written what the one before has left to it. It comes after all floods, of
	// which there is work left for those who keep what they are sent.
	calm := func(address string) []time.Duration {
		unix.Sync()
		return run(address, 1, 4000, 1000).Latency
	}
	door := x.cfg.MQTT.Listen
	var ours, theirs, synced, bare, cpu float64
	var slow, bareSlow, peerSlow, sync []time.Duration
	for b.Loop() {
		for range benchTurns {
			before := cpuTime(b, x.cmd.Process.Pid)
			ours += run(door, window, messages, 0).PerSecond()
			cpu += (cpuTime(b, x.cmd.Process.Pid) - before).Seconds() * 1e6 / messages
			theirs += run(peer, window, messages, 0).PerSecond()
			bare += run(ceiling, window, messages, 0).PerSecond()
			synced += run(nats, window, messages/16, 0).PerSecond() // slow
		}
		for range benchTurns {
			slow = append(slow, calm(door)...)
			bareSlow = append(bareSlow, calm(ceiling)...)
			peerSlow = append(peerSlow, calm(peer)...)
			sync = append(sync, journaltest.Fdatasyncs(b, file, 100*time.Millisecond)...)
		}
	}
	turns := float64(benchTurns * b.N)
	b.ReportMetric(ours/turns, "acked/s")
	b.ReportMetric(theirs/turns, "mosquitto/s")
	b.ReportMetric(ours/theirs, "of-mosquitto")
	b.ReportMetric(ours/synced, "of-nats")
	b.ReportMetric(ours/bare, "of-ceiling")
	b.ReportMetric(cpu/turns, "cpu-ms/1000")
	for _, q := range []float64{.5, .99} {
		for name, all := range map[string][]time.Duration{"": slow, "ceiling-": bareSlow, "mosquitto-": peerSlow} {
			b.ReportMetric(milliseconds(quantile(all, q)), fmt.Sprintf("%sp%.0f-ms-at-1000/s", name, 100*q))
		}
	}
	b.ReportMetric(milliseconds(quantile(sync, .5)), "fdatasync-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkReceipt: from the first PUBLISH until the platform has receipted
// figures that hold all of the events, all followers on.
func BenchmarkReceipt(b *testing.B) {
	const messages = 400_000
	x := newBench(b, 50, 0)
	var deposits atomic.Int64
	var rate float64
	for b.Loop() {
		l := x.load(50, 16, messages)
		message := l.Message
		l.Message = func(n, i int) (string, []byte) {
			if i%2 == 0 {
				deposits.Add(1)
			}
			return message(n, i)
		}
		began := time.Now()
		first := usage.Day(began)
		r, err := mqttload.Run(b.Context(), l)
		if err != nil {
			b.Fatalf("%v\n%s", err, x.log)
		}
		eventually(b, "receipts for everything", func() bool {
			n := x.total(first, usage.Deposits.Code)
			if today := usage.Day(time.Now()); today != first {
				n += x.total(today, usage.Deposits.Code)
			}
			return n == deposits.Load()
		})
		rate += float64(r.Acked) / time.Since(began).Seconds()
	}
	b.ReportMetric(rate/float64(b.N), "receipted/s")
	b.ReportMetric(0, "ns/op")
}

// startCeiling runs the least that keeps the promise: it parses a packet and
// its JSON, puts it on disk with a bare bbolt group commit, and acknowledges.
func startCeiling(b *testing.B) (address string) {
	b.Helper()
	disk := journaltest.NewBare(b, filepath.Join(b.TempDir(), "bare"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := l.Close(); err != nil {
			b.Error(err)
		}
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			go serveCeiling(b, conn, disk)
		}
	}()
	return l.Addr().String()
}

func serveCeiling(b *testing.B, conn net.Conn, disk *journaltest.Bare) {
	type kept struct {
		id   []byte
		done <-chan error
	}
	acks := make(chan kept, 16)
	defer close(acks)
	go func() {
		defer conn.Close()
		out := bufio.NewWriter(conn)
		for k := range acks {
			if err := <-k.done; err != nil {
				b.Error(err)
				return
			}
			out.Write(mqttload.Frame(mqttload.Puback, k.id)) // an error stays until Flush
			if len(acks) == 0 && out.Flush() != nil {
				return
			}
		}
	}()
	in := bufio.NewReader(conn)
	if _, _, err := mqttload.ReadFrame(in); err != nil {
		return
	}
	if _, err := conn.Write(mqttload.Frame(mqttload.Connack, []byte{0, 0})); err != nil {
		return
	}
	for {
		_, body, err := mqttload.ReadFrame(in)
		if err != nil {
			return
		}
		topic := int(body[0])<<8 | int(body[1]) // how long it is
		var e struct {
			ID   string          `json:"id"`
			Type devices.Type    `json:"type"`
			Data json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(body[topic+4:], &e); err != nil {
			b.Error(err)
			return
		}
		acks <- kept{body[topic+2 : topic+4], disk.Submit(body)}
	}
}

// startNATS runs a NATS server that speaks MQTT and syncs each message, and
// returns where.
func startNATS(b *testing.B) (address string) {
	b.Helper()
	path, err := exec.Command("go", "tool", "-modfile=../../deploy/tools/go.mod", "-n", "nats-server").Output()
	if err != nil {
		b.Fatalf("build nats-server: %v", err)
	}
	address = freePort(b)
	config := filepath.Join(b.TempDir(), "nats.conf")
	text := fmt.Sprintf("server_name: peer\nlisten: %q\njetstream { store_dir: %q, sync_interval: always }\nmqtt { listen: %q }\n", freePort(b), b.TempDir(), address)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	startPeer(b, address, strings.TrimSpace(string(path)), "-c", config)
	return address
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
	startPeer(b, address, path, "-c", config)
	return address
}

// startPeer runs a broker until the benchmark ends, and returns when it
// listens.
func startPeer(b *testing.B, address, path string, args ...string) {
	b.Helper()
	broker := exec.Command(path, args...)
	if err := broker.Start(); err != nil {
		b.Fatalf("%v: run make deps", err)
	}
	b.Cleanup(func() {
		if err := broker.Process.Kill(); err != nil {
			b.Error(err)
		}
		_ = broker.Wait() // killed, it says so
	})
	eventually(b, path+" listens", func() bool {
		c, err := net.Dial("tcp", address)
		return err == nil && c.Close() == nil
	})
}
