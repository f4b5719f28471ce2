package supervision

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/wholefile"
)

// kept is the content of the file.
type kept struct {
	Format int `json:"format"`
	// Ended is when the supervisor did; zero while it runs, or was killed.
	Ended   devices.Stamp     `json:"ended,omitzero"`
	Watches map[string]*watch `json:"devices"`
}

// format is the version of the file.
const format = 1

// load reads the file. One that cannot be read is set aside.
func (s *Supervisor) load() {
	content, err := os.ReadFile(s.File)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	var k kept
	if err == nil {
		err = json.Unmarshal(content, &k)
	}
	if err == nil && k.Format != format {
		err = fmt.Errorf("format %d is not %d", k.Format, format)
	}
	if err != nil {
		s.Logger.Error("what was found of the devices is not remembered; the file is set aside", "file", s.File, "error", errors.Join(err, os.Rename(s.File, s.File+".damaged")))
		return
	}
	ago, same := s.started.Since(k.Ended)
	s.continued = same && ago <= restartGrace
	for id, w := range k.Watches {
		if w == nil {
			continue
		}
		for t, d := range w.Found {
			if d == nil {
				delete(w.Found, t)
			}
		}
		w.prepare()
		s.watches[id] = w
	}
}

// save writes the file, ended at the end. What cannot be written is remembered
// until it can.
func (s *Supervisor) save(ended devices.Stamp) {
	s.mu.Lock()
	content, err := json.Marshal(kept{format, ended, s.watches})
	s.mu.Unlock()
	if err == nil {
		err = wholefile.Write(s.File, content)
	}
	if err != nil {
		s.Logger.Warn("what was found of the devices is not on disk", "file", s.File, "error", err)
	}
}
