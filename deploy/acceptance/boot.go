package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/linli-edge/gateway/deploy/acceptance/disk"
	"github.com/linli-edge/gateway/devices/devicetest"
)

// box is one virtual box and its disk, through all its boots.
type box struct {
	kit     *kit
	outside *outside
	folder  string
	name    string // its ID towards the platform
	fs      string // ext4 or f2fs
	random  *rand.Rand
	image   *os.File

	// watch has the box tell what the gateway takes of its memory.
	watch bool
	// pins is how the pull-cord is said to be wired, "" for a box without
	// pins.
	pins                 string
	mqtt, control, lines string // addresses on this machine
	ledger               *ledger
	begin                func()        // closes begun
	begun, enough        chan struct{} // the load: closed when it begins, and when no more is needed
	load                 sync.WaitGroup
	stop                 func() // ends the load
	pressed              int
	buttons              []*teller
	ringing              string          // an incident that nobody has answered
	resolved             map[string]bool // incidents whose closing was confirmed

	mu       sync.Mutex
	findings []string
	lost     int // acknowledged events that were not in the journal
}

// imageBytes is the size of a disk. What is not written takes no room.
const imageBytes = 2 << 30

// flushLatency is that of a good memory card.
const flushLatency = 3 * time.Millisecond

// newBox makes an empty disk, and devices that wait for the load to begin.
func newBox(ctx context.Context, k *kit, o *outside, folder, name, fs string, random *rand.Rand) (*box, error) {
	b := &box{
		kit: k, outside: o, folder: folder, name: name, fs: fs, random: random,
		ledger: newLedger(), begun: make(chan struct{}), enough: make(chan struct{}), resolved: map[string]bool{},
	}
	b.begin = sync.OnceFunc(func() { close(b.begun) })
	var err error
	for _, address := range []*string{&b.mqtt, &b.control, &b.lines} {
		if *address, err = devicetest.FreeAddress(); err != nil {
			return nil, err
		}
	}
	path := filepath.Join(folder, name+".img")
	if b.image, err = os.Create(path); err != nil {
		return nil, err
	}
	mkfs := map[string][]string{"ext4": {"mkfs.ext4", "-q", "-F", path}, "f2fs": {"mkfs.f2fs", "-q", "-f", path}}[fs]
	err = b.image.Truncate(imageBytes)
	if err == nil {
		err = command(ctx, []string{"PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin"}, mkfs[0], mkfs[1:]...)
	}
	if err != nil {
		return nil, errors.Join(err, b.image.Close())
	}
	ctx, b.stop = context.WithCancel(ctx)
	for i := range lockers {
		b.start(ctx, lockerID(i))
	}
	b.start(ctx, alarm)
	for i := range buttons {
		b.buttons = append(b.buttons, &teller{box: b, id: buttonID(i), secret: o.secrets[buttonID(i)]})
	}
	return b, nil
}

func (b *box) start(ctx context.Context, device string) {
	t := &teller{box: b, id: device, secret: b.outside.secrets[device]}
	b.load.Go(func() { t.tell(ctx) })
}

// close ends the load. The disk is removed unless it is of further interest.
func (b *box) close(keepDisk bool) error {
	b.stop()
	b.load.Wait()
	err := b.image.Close()
	if keepDisk {
		return err
	}
	return errors.Join(err, os.Remove(b.image.Name()))
}

// found notes what must not be.
func (b *box) found(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.findings = append(b.findings, fmt.Sprintf(format, args...))
}

// taken returns the findings since it was last asked.
func (b *box) taken() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	f := b.findings
	b.findings = nil
	return f
}

// boot is a box from the moment its power comes on until it goes.
type boot struct {
	*box
	on       time.Time
	disk     *disk.Disk
	machine  *machine
	listener net.Listener
	served   chan error
	chip     *pl061   // of a box with pins, else nil
	promised []string // acknowledged before, and not seen yet
	before   parcels  // in the platform's books
}

// powerOn starts the box. The context that it returns ends when the power is
// gone, or the box has ended by itself.
func (b *box) powerOn(ctx context.Context, lies bool) (*boot, context.Context, error) {
	p := &boot{box: b, on: time.Now(), promised: b.ledger.promised(), served: make(chan error, 1)}
	var err error
	if p.before, err = b.outside.platform.books(b.name); err != nil {
		return nil, nil, err
	}
	if p.disk, err = disk.New(b.image, disk.Options{Size: imageBytes, Latency: flushLatency, Lies: lies}); err != nil {
		return nil, nil, err
	}
	if p.listener, err = net.Listen("unix", filepath.Join(b.folder, "disk")); err != nil {
		return nil, nil, err
	}
	go func() { p.served <- disk.Serve(p.listener, p.disk) }()

	ctx, cancel := context.WithCancelCause(ctx)
	var forwards [][2]string
	for _, f := range [][2]string{{b.mqtt, "1883"}, {b.control, "7000"}, {b.lines, "7001"}} {
		_, port, _ := net.SplitHostPort(f[0])
		forwards = append(forwards, [2]string{port, f[1]})
	}
	var more []string
	if b.pins != "" {
		if p.chip, err = newPL061(b.folder); err != nil {
			cancel(err)
			return nil, nil, errors.Join(err, p.listener.Close(), <-p.served)
		}
		more = p.chip.words()
	}
	p.machine, err = b.kit.start(b.words(), filepath.Join(b.folder, "disk"), forwards, p.notice, more...)
	if err != nil {
		cancel(err)
		return nil, nil, errors.Join(err, p.listener.Close(), <-p.served)
	}
	go func() {
		select {
		case <-p.disk.Gone():
			cancel(disk.ErrOff)
		case <-p.machine.read:
			cancel(errors.New("the box has ended"))
		}
	}()
	return p, ctx, nil
}

// words are those of init.
func (b *box) words() string {
	third := b.pins
	if b.watch {
		third = fmt.Sprint("memory ", time.Now().Unix())
	}
	return strings.TrimSpace(b.fs + " " + b.name + " " + third)
}

// off takes the power from the box, unless it is gone, and tells what the disk
// has lost.
func (p *boot) off(f disk.Fate) (disk.Damage, error) {
	p.disk.Cut(f)
	err := errors.Join(p.machine.kill(), p.listener.Close(), <-p.served)
	damage, failed := p.disk.Damage()
	return damage, errors.Join(err, failed)
}

// notice looks for what must not be on the console. Once the power has gone,
// the box sees a disk that fails.
func (p *boot) notice(line string) {
	select {
	case <-p.disk.Gone():
		return
	default:
	}
	if strings.Contains(line, "the disk is late") {
		return // on a machine that is busy it may be
	}
	if p.pins != "" && (strings.Contains(line, `msg="gpio`) || strings.Contains(line, `msg="siren cannot`)) {
		return // lines are taken away, and that is to be said
	}
	for _, bad := range []string{"linli: broken", "linli: ended", "EXT4-fs error", "EXT4-fs warning", "F2FS-fs error", "inconsistent", "Kernel panic", "level=ERROR", "panic:"} {
		if strings.Contains(line, bad) {
			p.found("console: %s", line)
		}
	}
}

// said waits for a line of init's, and returns the rest of it.
func (p *boot) said(ctx context.Context, what string) (string, error) {
	for {
		lines, more := p.machine.lines()
		for _, line := range lines {
			if rest, ok := strings.CutPrefix(line, "linli: "+what+" "); ok {
				return rest, nil
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return "", fmt.Errorf("not %s: %w", what, context.Cause(ctx))
		}
	}
}
