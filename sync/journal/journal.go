package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"github.com/linli-edge/gateway/devices"
)

// Options of a journal. The zero value of each field but Clock has a meaning.
type Options struct {
	// Clock stamps what the journal itself reports, and tells how old a file
	// is. Required.
	Clock devices.Clock
	// Wait is how long ordinary events may wait for company. With 0 a commit
	// begins as soon as the last one has ended.
	Wait time.Duration
	// SegmentBytes is the size at which a file is full; 0 is 16 MiB.
	SegmentBytes int64
	// Budget is how many bytes the files of both chains may take on disk; 0 is
	// 4 GiB.
	Budget int64
	// Reserve is the part of Budget that ordinary events never use, and within
	// which urgent events are never given up; 0 is a sixteenth of Budget.
	Reserve int64
	// Keep is how long events are kept when there is room; 0 is 90 days.
	Keep time.Duration
	// Logger may be nil.
	Logger *slog.Logger
	// Registerer takes the metrics; it may be nil.
	Registerer prometheus.Registerer
}

// DefaultWait is the Options.Wait for a box that writes to flash. At 100
// events of 230 bytes a second it writes 5.3 KB an event, where 0 writes 33 KB,
// 20 ms 13 KB and 100 ms 3.5 KB (BenchmarkWear). It is too short for a person
// to notice, and no urgent event waits.
const DefaultWait = 60 * time.Millisecond

func (o *Options) setDefaults() error {
	if o.Clock == nil {
		return errors.New("options: Clock must be set")
	}
	if o.SegmentBytes == 0 {
		o.SegmentBytes = 16 << 20
	}
	if o.Budget == 0 {
		o.Budget = 4 << 30
	}
	if o.Reserve == 0 {
		o.Reserve = o.Budget / 16
	}
	if o.Keep == 0 {
		o.Keep = 90 * 24 * time.Hour
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	switch {
	case o.Wait < 0:
		return fmt.Errorf("options: Wait must not be negative (got %s)", o.Wait)
	case o.SegmentBytes < 32<<10 || o.SegmentBytes > 256<<20:
		return fmt.Errorf("options: SegmentBytes must be 32 KiB to 256 MiB (got %d)", o.SegmentBytes)
	case o.Reserve < 0 || o.Reserve >= o.Budget:
		return fmt.Errorf("options: Reserve must be less than Budget, %d (got %d)", o.Budget, o.Reserve)
	case o.Keep < 0:
		return fmt.Errorf("options: Keep must not be negative (got %s)", o.Keep)
	}
	return nil
}

// Journal is an open journal. All its methods may be called at once from many
// goroutines.
type Journal struct {
	dir     string
	options Options
	log     *slog.Logger
	metrics *metrics
	lock    *os.File
	chains  [len(chains)]*chain
	faults  faults

	followers  followers
	states     openStates
	quarantine *quarantine // nil if nothing may be written
	janitor    janitor
	closing    chan struct{} // closed when Close begins
	closeOnce  sync.Once
	closed     error          // what Close returned
	writers    sync.WaitGroup // of the chains
	owned      sync.WaitGroup // the janitor
}

// Open opens the journal in dir, which it makes if need be. It fails if
// another process has it open, or if the disk cannot be read; damage is no
// reason to fail.
func Open(dir string, options Options) (*Journal, error) {
	return open(dir, options, faults{})
}

func open(dir string, options Options, f faults) (_ *Journal, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("open journal: %w", err)
		}
	}()
	if err := options.setDefaults(); err != nil {
		return nil, err
	}
	j := &Journal{
		dir: dir, options: options, log: options.Logger, faults: f,
		janitor: janitor{work: make(chan struct{}, 1)}, closing: make(chan struct{}),
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if j.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.closeFiles())
		}
	}()
	j.metrics = newMetrics(j)
	j.quarantine = newQuarantine(dir, &j.options)
	if err := j.followers.load(dir, j.log); err != nil {
		return nil, err
	}
	for _, which := range chains {
		if j.chains[which], err = j.openChain(which); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(syncDir(dir), syncDir(filepath.Dir(filepath.Clean(dir)))); err != nil {
		return nil, err
	}
	if err := j.metrics.register(options.Registerer); err != nil {
		return nil, err
	}
	j.reserve()
	for _, c := range j.chains {
		j.writers.Go(c.write)
	}
	j.owned.Go(j.tidyUp)
	j.owned.Go(j.patrol)
	j.owned.Go(j.tellDamage)
	return j, nil
}

// lockFile is in the folder of every journal.
const lockFile = "lock"

// lockDir keeps other processes out for as long as this one lives.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("%s is in use by another process: %w", dir, err)
	}
	return f, nil
}

// Record returns nil when e, or an earlier event of the same Device and ID, is
// on disk. It waits for the commit as long as ctx lasts; after an error, that
// of ctx included, the event may or may not be recorded.
func (j *Journal) Record(ctx context.Context, e devices.Event) error {
	b, err := j.chains[chainOf(&e)].enqueue(ctx, &e, identify(&e), nil)
	if err != nil {
		return err
	}
	select {
	case <-b.settled:
		return b.err
	case <-ctx.Done():
		return fmt.Errorf("journal: commit is under way: %w", context.Cause(ctx))
	}
}

// Submit is Record for callers that have more to do than wait: done is called
// with what Record would have returned. It is called once for each Submit that
// returned nil, in the order of the calls within a chain, by the goroutine
// that writes the chain, which it must not hold up. After an error done is
// never called. Submit itself waits, as long as ctx lasts, only while more
// than a full batch is under way.
func (j *Journal) Submit(ctx context.Context, e devices.Event, done func(error)) error {
	_, err := j.chains[chainOf(&e)].enqueue(ctx, &e, identify(&e), done)
	return err
}

// Close writes what was accepted, lets go of the files, and makes everything
// that still follows the journal return ErrClosed. State files are closed by
// those who opened them.
func (j *Journal) Close() error {
	j.closeOnce.Do(func() {
		close(j.closing)
		j.owned.Wait() // before the chains close: it may be journaling a gap
		for _, c := range j.chains {
			c.close()
		}
		j.writers.Wait()
		j.metrics.unregister(j.options.Registerer)
		if err := j.closeFiles(); err != nil {
			j.closed = fmt.Errorf("close journal: %w", err)
		}
	})
	return j.closed
}

func (j *Journal) closeFiles() error {
	var errs []error
	for _, c := range j.chains {
		if c != nil {
			errs = append(errs, c.files.closeAll())
		}
	}
	return errors.Join(append(errs, j.lock.Close())...)
}
