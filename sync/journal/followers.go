package journal

import (
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices/salvage"
)

// followers knows how far each follower has read, so that nothing is retired
// before it was.
type followers struct {
	mu     sync.Mutex
	byName map[string]follower
}

type follower struct {
	at      Position
	follows [len(chains)]bool
}

// load reads the cursors of all state files in dir. One that cannot be read
// holds back everything.
func (f *followers) load(dir string, log *slog.Logger) error {
	f.byName = map[string]follower{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		name, ok := strings.CutSuffix(entry.Name(), stateSuffix)
		if !ok {
			continue
		}
		known, err := loadFollower(filepath.Join(dir, entry.Name()))
		if err != nil {
			log.Error("cursors are not known, nothing is retired by age", "follower", name, "error", err)
			known = follower{follows: [len(chains)]bool{true, true}}
		}
		f.byName[name] = known
	}
	return nil
}

func loadFollower(path string) (follower, error) {
	var known follower
	if err := sound(path, salvage.Branches); err != nil {
		return known, err
	}
	h, err := openBolt(path, bolt.Options{ReadOnly: true})
	if err != nil {
		return known, err
	}
	err = h.view(func(tx *bolt.Tx) error {
		for _, which := range chains {
			known.at[which], known.follows[which] = readCursor(tx, chainCursor(which))
		}
		return nil
	})
	if closeErr := h.close(); err == nil && closeErr != nil {
		err = fmt.Errorf("close: %w", closeErr)
	}
	return known, err
}

// follow notes that name follows the given chains and has come to at in them.
func (f *followers) follow(name string, order []Chain, at Position) {
	f.mu.Lock()
	defer f.mu.Unlock()
	known := f.byName[name]
	for _, which := range order {
		known.at[which], known.follows[which] = at[which], true
	}
	f.byName[name] = known
}

// slowest is the sequence of a chain that every follower has read.
func (f *followers) slowest(which Chain) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	slowest := uint64(math.MaxUint64)
	for _, known := range f.byName {
		if known.follows[which] {
			slowest = min(slowest, known.at[which])
		}
	}
	return slowest
}

// furthest is the newest sequence of a chain that any follower has read.
func (f *followers) furthest(which Chain) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	var furthest uint64
	for _, known := range f.byName {
		furthest = max(furthest, known.at[which])
	}
	return furthest
}

func (f *followers) all() map[string]follower {
	f.mu.Lock()
	defer f.mu.Unlock()
	return maps.Clone(f.byName)
}
