package alert

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/journal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// box is a gateway with a real journal and registry, whose time is that of the
// bubble it runs in.
type box struct {
	dir   string
	boot  devices.BootID
	born  time.Time // when the boot was
	phone *phone
	siren *siren
	disk  disk
	modem modem
	lines lines
	skew  atomic.Int64 // of the wall clock

	metrics  *prometheus.Registry
	journal  *journal.Journal
	registry *registry.Registry
	engine   *Engine
	guard    devices.Submitter
	stop     context.CancelFunc
	stopped  chan error
}

// newBox starts a box; the test must stop it.
func newBox(dir string) (*box, error) {
	b := &box{dir: dir, born: time.Now(), phone: &phone{moods: map[string][]Result{}}, siren: &siren{}}
	return b, b.start()
}

func (b *box) clock() devices.Stamp {
	return devices.Stamp{Boot: b.boot, Mono: time.Since(b.born), Wall: time.Now().UTC().Add(time.Duration(b.skew.Load())), Synced: true}
}

func (b *box) start() (err error) {
	if b.registry, err = registry.Open(filepath.Join(b.dir, "registry.db"), registry.Options{}); err != nil {
		return err
	}
	people := community()
	err = b.registry.Update(func(tx *registry.Tx) error {
		return tx.Put(slices.Concat(records(people.Facilities), records(people.Caregivers), records(people.Elders), records(people.Devices))...)
	})
	if err != nil {
		return err
	}
	if b.journal, err = journal.Open(filepath.Join(b.dir, "journal"), journal.Options{Clock: b.clock}); err != nil {
		return err
	}
	b.metrics = prometheus.NewRegistry()
	b.engine, err = Open(b.journal, b.registry, Options{
		Clock: b.clock, Senders: map[string]Sender{"phone": b.phone, "modem": &b.modem, LogChannel: &b.lines}, Siren: b.siren,
		Logger: slog.New(slog.DiscardHandler), Registerer: b.metrics,
	})
	if err != nil {
		return err
	}
	b.disk.next = b.journal
	b.engine.recorder = &b.disk
	b.engine.disk = b.disk.work
	b.guard = b.engine.Guard(&b.disk)
	ctx, stop := context.WithCancel(context.Background())
	b.stop, b.stopped = stop, make(chan error, 1)
	engine, stopped := b.engine, b.stopped
	go func() { stopped <- engine.Run(ctx) }()
	return nil
}

func records[R registry.Record](m map[string]R) []registry.Record {
	var list []registry.Record
	for _, r := range registry.Sorted(m) {
		list = append(list, r)
	}
	return list
}

// halt stops the box as a SIGTERM does.
func (b *box) halt() error {
	b.stop()
	b.disk.mend()
	return errors.Join(<-b.stopped, b.engine.Close(), b.journal.Close(), b.registry.Close())
}

// kill stops the box as a SIGKILL does: what is not on disk is lost.
func (b *box) kill() error {
	b.disk.fail()
	b.stop()
	err := <-b.stopped
	b.disk.mend()
	return errors.Join(err, b.engine.Close(), b.journal.Close(), b.registry.Close())
}

// reboot starts the halted box in another boot.
func (b *box) reboot() error {
	b.boot[0]++
	b.born = time.Now()
	return b.start()
}

// pass lets time go by, and waits until everything has been done.
func pass(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

func (b *box) press(device, id string) error {
	e := press(device, id, wearable.TypeSOS)
	e.Received = b.clock()
	return b.guard.Record(context.Background(), e)
}

// disk is a disk that can fail, or hang until it is mended.
type disk struct {
	next devices.Submitter

	mu      sync.Mutex
	failure error
	hung    chan struct{}
	slow    time.Duration // of the journal alone
	records bool          // only the journal is affected, not the state file
	writes  int           // that were begun
	dies    int           // the write that fails, as all after it; 0 for none
	died    chan struct{} // closed then
}

func (d *disk) Record(ctx context.Context, e devices.Event) error {
	d.mu.Lock()
	slow := d.slow
	d.mu.Unlock()
	time.Sleep(slow)
	if err := d.fault(ctx); err != nil {
		return err
	}
	return d.next.Record(ctx, e)
}

func (d *disk) Submit(ctx context.Context, e devices.Event, done func(error)) error {
	go func() { done(d.Record(ctx, e)) }()
	return nil
}

func (d *disk) work() error {
	d.mu.Lock()
	spared := d.records
	d.mu.Unlock()
	if spared {
		return nil
	}
	return d.fault(context.Background())
}

func (d *disk) fault(ctx context.Context) error {
	d.mu.Lock()
	if d.writes++; d.writes == d.dies {
		d.failure = errors.New("no power")
		close(d.died)
	}
	failure, hung := d.failure, d.hung
	d.mu.Unlock()
	if hung != nil {
		select {
		case <-hung:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return failure
}

func (d *disk) fail() { d.set(errors.New("no space left on device"), nil) }
func (d *disk) hang() { d.set(nil, make(chan struct{})) }
func (d *disk) mend() { d.set(nil, nil) }

func (d *disk) crawl(pause time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.slow = pause
}

func (d *disk) set(failure error, hung chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hung != nil {
		close(d.hung)
	}
	d.failure, d.hung, d.slow = failure, hung, 0
}

// phone is a provider that remembers its calls. Each address has a list of
// moods that it goes through, staying with the last; without any it accepts.
type phone struct {
	mu    sync.Mutex
	moods map[string][]Result
	calls []call
}

type call struct {
	at      time.Time
	address string
	page    Page
	result  Class
}

// Moods besides results.
const (
	hangs Class = "hangs" // until the context ends
	stuck Class = "stuck" // for a minute, whatever the context says
	tardy Class = "tardy" // answers in the moment in which it is given up
)

func (f *phone) Send(ctx context.Context, address string, p Page) Result {
	f.mu.Lock()
	result := Result{Class: Accepted}
	if moods := f.moods[address]; len(moods) > 0 {
		result = moods[0]
		if len(moods) > 1 {
			f.moods[address] = moods[1:]
		}
	}
	f.calls = append(f.calls, call{time.Now(), address, p, result.Class})
	f.mu.Unlock()
	switch result.Class {
	case hangs:
		<-ctx.Done()
		return Result{Class: Unknown, Detail: "timeout"}
	case stuck:
		time.Sleep(time.Minute)
		return Result{Class: Unknown, Detail: "very late"}
	case tardy:
		time.Sleep(deadline + grace)
		return Result{Class: Temporary, RetryAfter: time.Second}
	}
	return result
}

func (f *phone) mood(address string, results ...Result) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moods[address] = results
}

// take returns the calls since it was last asked.
func (f *phone) take() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

// addresses are those of the calls, sorted, in one string.
func addresses(calls []call) string {
	var list []string
	for _, c := range calls {
		list = append(list, c.address)
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// siren is a siren that can be broken.
type siren struct {
	mu     sync.Mutex
	plays  Sound
	broken bool
}

func (s *siren) Set(_ context.Context, sound Sound) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return errors.New("no current")
	}
	s.plays = sound
	return nil
}

func (s *siren) sounds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plays != Quiet
}

func (s *siren) breakDown(broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = broken
}

// story runs a test on a box in a bubble.
func story(t *testing.T, tell func(t *testing.T, b *box)) {
	t.Helper()
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
		tell(t, b)
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// expect compares the addresses called since the last time.
func (b *box) expect(t *testing.T, when, want string) []call {
	t.Helper()
	calls := b.phone.take()
	if got := addresses(calls); got != want {
		t.Fatalf("%s: called %q, want %q", when, got, want)
	}
	return calls
}

func (b *box) only(t *testing.T) Incident {
	t.Helper()
	list := b.engine.Incidents()
	if len(list) != 1 {
		t.Fatalf("%d incidents, want 1", len(list))
	}
	return list[0]
}

const (
	own      = "li, li's other"
	everyone = "li, li's other, wang"
)
