package discovery

import (
	"container/list"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/linli-edge/gateway/devices/clock"
)

// FileName is what the file is called in the data folder. It is no part of a
// backup: devices describe themselves again.
const FileName = "descriptions.json"

// version of the file's form. A file of another is not read: devices describe
// themselves again.
const version = 1

// kept is the file: the descriptions of each bridge by their topics.
type kept struct {
	Version int                                 `json:"version"`
	Bridges map[string]map[string][]Description `json:"bridges"`
}

// settle is how long Run waits for more before it writes: at its start a
// bridge describes all of its devices, one by one. Where it does not end, each
// time twice as long, up to mostSettle: a flash wears by what is written.
const (
	settle     = 5 * time.Second
	mostSettle = time.Hour
)

// New makes a Book with what its file has kept. A file that cannot be read is
// told to the logger and is as none: what is in it will be said again.
func New(c Config) *Book {
	b := &Book{Config: c, changed: make(chan struct{}, 1), bridges: map[string]*bridge{}, order: list.New()}
	if c.File == "" {
		return b
	}
	content, err := os.ReadFile(c.File)
	if errors.Is(err, fs.ErrNotExist) {
		return b
	}
	var k kept
	if err == nil {
		err = json.Unmarshal(content, &k)
	}
	if err == nil && k.Version != version {
		err = fmt.Errorf("is of version %d", k.Version)
	}
	if err != nil {
		c.Logger.Warn("descriptions of devices not read, they will be told again", "file", c.File, "error", err)
		return b
	}
	for id, documents := range k.Bridges {
		for topic, all := range documents {
			if _, err := b.put(id, topic, all); err != nil {
				c.Logger.Warn("descriptions of devices left out", "bridge", id, "error", err)
			}
		}
	}
	select { // what was just read needs no writing
	case <-b.changed:
	default:
	}
	return b
}

// Forget drops what is known of bridges that are not registered any more.
func (b *Book) Forget(registered func(bridge string) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for id, br := range b.bridges {
		if registered(id) {
			continue
		}
		for topic := range br.documents {
			b.remove(br, topic)
		}
		delete(b.bridges, id)
	}
}

// Run keeps the file up to date until ctx ends, and a last time then. What was
// described in the seconds before a crash is described again by the devices.
func (b *Book) Run(ctx context.Context) error {
	pause, saved := settle, time.Now().Add(-settle)
	for {
		select {
		case <-ctx.Done():
			select {
			case <-b.changed:
				return b.save()
			default:
				return nil
			}
		case <-b.changed:
		}
		if time.Since(saved) < pause {
			pause = min(2*pause, mostSettle)
		} else {
			pause = settle
		}
		if !clock.Pause(ctx, pause) {
			return b.save()
		}
		if err := b.save(); err != nil {
			return err
		}
		saved = time.Now()
	}
}

// save writes the file beside itself first, so that there is always a whole
// one.
func (b *Book) save() error {
	if b.File == "" {
		return nil
	}
	k := kept{Version: version, Bridges: map[string]map[string][]Description{}}
	b.mu.Lock()
	for id, br := range b.bridges {
		k.Bridges[id] = map[string][]Description{}
		for topic := range br.documents {
			k.Bridges[id][topic] = br.said(topic)
		}
	}
	b.mu.Unlock()
	content, err := json.Marshal(k) // takes its time
	if err != nil {
		return fmt.Errorf("encode descriptions: %w", err)
	}
	next := b.File + ".next"
	if err := write(next, content); err != nil {
		return fmt.Errorf("keep descriptions: %w", err)
	}
	if err := os.Rename(next, b.File); err != nil {
		return fmt.Errorf("keep descriptions: %w", err)
	}
	folder, err := os.Open(filepath.Dir(b.File))
	if err != nil {
		return fmt.Errorf("keep descriptions: %w", err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		return fmt.Errorf("keep descriptions: %w", err)
	}
	return nil
}

func write(file string, content []byte) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
