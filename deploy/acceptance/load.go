package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices/clock"
)

// most is the memory in bytes that the gateway may take with 500 busy devices.
// What it has resident holds the pages of its program and of the journal's
// files besides, which the kernel takes back when it needs them.
const most = 80_000_000

// runLoad measures what the gateway's own program for the box takes of the
// box's memory while 500 devices of every kind and make speak to it, rate times
// a second each: the figures are those of the kernel that it runs on, so that
// no emulator's memory is among them.
func runLoad(ctx context.Context, seconds, rate int, seed uint64) (err error) {
	begun := time.Now()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	folder, err := os.MkdirTemp("", "linli-acceptance-")
	if err != nil {
		return err
	}
	o, err := newOutside(folder, []string{"load"})
	if err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	defer func() { err = errors.Join(err, o.close(), os.RemoveAll(folder)) }()
	k, err := newKit(ctx, folder, o, false)
	if err != nil {
		return err
	}
	b, err := newBox(ctx, k, o, folder, "load", "ext4", rand.New(rand.NewPCG(seed, 1)))
	if err != nil {
		return err
	}
	b.watch = true
	p, powered, err := b.powerOn(ctx, false)
	if err != nil {
		return errors.Join(err, b.close(false))
	}
	defer func() { err = errors.Join(err, p.machine.kill(), p.listener.Close(), <-p.served, b.close(false)) }()
	limited, stop := context.WithTimeout(powered, bootLimit)
	err = p.ready(limited)
	stop()
	if err != nil {
		return err
	}
	idle := p.memory(0)
	go p.tell(powered, idle.readings) // ends with powered, when the machine does
	said, err := p.simulate(powered, seconds, rate)
	fmt.Print(said)
	if err != nil {
		return fmt.Errorf("500 devices: %w", err)
	}
	busy := p.memory(0)
	found := b.taken()
	if busy.anonymous > most {
		found = append(found, fmt.Sprintf("more than %d bytes of memory", most))
	}
	fmt.Printf("memory of the gateway on ARM64 (the highest of %d readings): anonymous %.1f MB (before %.1f), resident %.1f MB (before %.1f), aim %.0f MB; %s\n",
		busy.readings, float64(busy.anonymous)/1e6, float64(idle.anonymous)/1e6, float64(busy.resident)/1e6, float64(idle.resident)/1e6, float64(most)/1e6,
		time.Since(begun).Round(time.Second))
	if len(found) > 0 {
		return errors.New(strings.Join(found, "\n"))
	}
	return nil
}

// memory is the most that was on the console, in bytes, and in how many readings.
type memory struct{ anonymous, resident, readings int }

// memory leaves out the first readings, but counts them.
func (p *boot) memory(after int) (m memory) {
	lines, _ := p.machine.lines()
	for _, line := range lines {
		var anonymous, resident int
		if n, _ := fmt.Sscanf(line, "linli: memory %d %d", &resident, &anonymous); n == 2 {
			if m.readings++; m.readings > after {
				m.anonymous, m.resident = max(m.anonymous, anonymous<<10), max(m.resident, resident<<10)
			}
		}
	}
	return m
}

// tell says each minute what the gateway took in it, after the first readings.
func (p *boot) tell(ctx context.Context, after int) {
	begun := time.Now()
	for clock.Pause(ctx, time.Minute) {
		m := p.memory(after)
		fmt.Printf("%-8s anonymous %.1f MB, resident %.1f MB\n", time.Since(begun).Round(time.Minute), float64(m.anonymous)/1e6, float64(m.resident)/1e6)
		after = m.readings
	}
}

// simulate registers 500 devices on the box and lets each say something rate
// times a second, by the gateway's own command; it fails if the journal of the
// box has lost what was acknowledged. It returns what the command says.
func (p *boot) simulate(ctx context.Context, seconds, rate int) (said string, err error) {
	program := filepath.Join(p.folder, "simulate")
	if err := timed("gateway for this machine", func() error {
		return command(ctx, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-o", program, programs["gateway"])
	}); err != nil {
		return "", err
	}
	socket := filepath.Join(p.folder, "gateway.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		return "", err
	}
	defer l.Close()
	go p.carry(l) // ends with l
	config := filepath.Join(p.folder, "simulate.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, "box: {id: load}\ndata: %s\nsocket: %s\n", p.folder, socket), 0o600); err != nil {
		return "", err
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "simulate", "--config", config, "--devices", "500", "--rate", strconv.Itoa(rate), "--keep",
		"--duration", fmt.Sprintf("%ds", seconds), "--broker", "tcp://"+p.mqtt)
	cmd.Env = append(os.Environ(), "LANG=en_US.UTF-8")
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

// carry brings connections to the box's control socket.
func (p *boot) carry(l net.Listener) {
	for {
		from, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer from.Close()
			to, err := net.Dial("tcp", p.control)
			if err != nil {
				return // the command says so
			}
			defer to.Close()
			go func() {
				defer to.Close()
				_, _ = io.Copy(to, from) // whoever is cut off asks again
			}()
			_, _ = io.Copy(from, to)
		}()
	}
}
