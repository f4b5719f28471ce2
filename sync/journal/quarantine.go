package journal

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// Damage says that a file was found damaged, and what became of it. It is the
// payload of an urgent event of devices.GatewayDevice, with the ID
// "damage/<name of the report>".
//
//	{"file":"ordinary/00000000000000061441.bolt","reason":"damaged file: …",
//	 "kept":"ordinary-00000000000000061441.1","salvaged":61424,
//	 "gaps":[{"chain":"ordinary","first":70001,"last":70016,"count":0,"unread":0,"from":"…","to":"…"}]}
type Damage struct {
	// File is its path in the journal's folder.
	File string `json:"file"`
	// Reason is what was noticed, in English, for the one who looks into it.
	Reason string `json:"reason"`
	// Kept is the name under which the file is in the quarantine, "" if it is
	// not there.
	Kept string `json:"kept,omitempty"`
	// Salvaged is how many records were rescued from it: all whose checksum is
	// right. It is 0 for a follower's state, which is made again.
	Salvaged int `json:"salvaged"`
	// Gaps are the sequences that are lost, at most maxGaps of them; then the
	// last one also spans some that are not. Their Count is 0: nobody knows
	// what they were. From and To are when their neighbours were received.
	Gaps []Gap `json:"gaps,omitempty"`
}

const maxGaps = 64

// TypeDamage is the type of a Damage.
const TypeDamage devices.Type = "journal.damage"

// EventType is TypeDamage.
func (Damage) EventType() devices.Type { return TypeDamage }

// Validate wants to know which file it was.
func (d Damage) Validate() error {
	if d.File == "" {
		return errors.New("file: must be set")
	}
	return nil
}

// Lost is how many sequences are lost, and whether that is only the most that
// it can be: how long a chain was whose end is lost, nobody knows.
func (d Damage) Lost() (most uint64, uncertain bool) {
	for _, g := range d.Gaps {
		most += g.Last - g.First + 1
		uncertain = uncertain || g.Uncertain
	}
	return most, uncertain
}

// What the quarantine holds at most, besides Options.Budget.
const (
	quarantineFiles   = 16
	quarantineBytes   = 64 << 20
	quarantineReports = 64
)

const reportSuffix = ".json"

// quarantine is the folder of the damaged files, <dir>/quarantine: each under
// the name of its report, beside that. Somebody may look into them, and may
// remove them; nothing else reads them.
type quarantine struct {
	root, dir string
	clock     devices.Clock
	log       *slog.Logger
	news      chan struct{} // capacity 1: a report is to be journaled

	mu      sync.Mutex
	unsaved []report // could not be written
}

// report is what the quarantine keeps of a Damage.
type report struct {
	Name   string        `json:"name"`
	At     devices.Stamp `json:"at"`
	Damage Damage        `json:"damage"`
	// Journaled is set when the journal has it.
	Journaled bool `json:"journaled"`
}

func newQuarantine(root string, o *Options) *quarantine {
	return &quarantine{root: root, dir: filepath.Join(root, "quarantine"), clock: o.Clock, log: o.Logger, news: make(chan struct{}, 1)}
}

// take puts another link to a damaged file into the quarantine and writes the
// report; d.File may be gone. The caller then replaces the file. What cannot
// be done is left undone: the disk may be full, and the rest matters more.
func (q *quarantine) take(d Damage, keep bool) Damage {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := report{At: q.clock()}
	err := os.MkdirAll(q.dir, 0o700)
	if err == nil {
		r.Name, err = q.link(d.File, keep)
	}
	if err == nil && keep {
		d.Kept = r.Name
	}
	r.Name = cmp.Or(r.Name, q.name(d.File, 1))
	r.Damage = d
	if err := errors.Join(err, q.write(r), syncDir(q.root)); err != nil {
		q.log.Error("quarantine", "file", d.File, "error", err)
		q.unsaved = append(q.unsaved, r)
	}
	q.bound()
	select {
	case q.news <- struct{}{}:
	default: // it is going to be looked at anyway
	}
	return d
}

func (q *quarantine) name(file string, n int) string {
	base := strings.TrimSuffix(file, segmentSuffix)
	return fmt.Sprintf("%s.%d", strings.ReplaceAll(base, string(filepath.Separator), "-"), n)
}

// link finds a name that is not taken and links the file to it. Where a crash
// came between this and the replacement, the file is there already.
func (q *quarantine) link(file string, keep bool) (name string, err error) {
	path := filepath.Join(q.root, file)
	original, err := os.Stat(path)
	if err != nil {
		keep = false
	}
	for n := 1; ; n++ {
		name = q.name(file, n)
		target := filepath.Join(q.dir, name)
		if there, err := os.Stat(target); err == nil {
			if keep && os.SameFile(there, original) {
				return name, nil
			}
			continue
		}
		if _, err := os.Stat(target + reportSuffix); err == nil {
			continue
		}
		if keep {
			return name, os.Link(path, target)
		}
		return name, nil
	}
}

// write puts a report on disk.
func (q *quarantine) write(r report) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	path := filepath.Join(q.dir, r.Name+reportSuffix)
	f, err := os.OpenFile(path+newSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path+newSuffix))
	}
	return errors.Join(os.Rename(path+newSuffix, path), syncDir(q.dir))
}

// reports are those on disk and those that could not be written, oldest first.
func (q *quarantine) reports() []report {
	q.mu.Lock()
	defer q.mu.Unlock()
	reports := slices.Clone(q.unsaved)
	entries, err := os.ReadDir(q.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		q.log.Error("quarantine", "error", err)
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), reportSuffix) {
			continue
		}
		var r report
		b, err := os.ReadFile(filepath.Join(q.dir, entry.Name()))
		if err != nil || json.Unmarshal(b, &r) != nil || r.Name+reportSuffix != entry.Name() {
			continue // damaged itself
		}
		reports = append(reports, r)
	}
	slices.SortStableFunc(reports, func(a, b report) int { return a.At.Wall.Compare(b.At.Wall) })
	return reports
}

// journaled notes that the journal has a report.
func (q *quarantine) journaled(r report) {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.unsaved)
	q.unsaved = slices.DeleteFunc(q.unsaved, func(u report) bool { return u.Name == r.Name })
	r.Journaled = true
	if err := q.write(r); err != nil && len(q.unsaved) == n {
		q.log.Error("quarantine", "report", r.Name, "error", err) // it is journaled once more, under the same ID
	}
}

// bound removes the oldest files and reports beyond the bounds.
func (q *quarantine) bound() {
	entries, err := os.ReadDir(q.dir)
	if err != nil {
		return // there is none
	}
	type item struct {
		name string
		info os.FileInfo
	}
	var items []item
	for _, entry := range entries {
		if info, err := entry.Info(); err == nil {
			items = append(items, item{entry.Name(), info})
		}
	}
	slices.SortFunc(items, func(a, b item) int { return b.info.ModTime().Compare(a.info.ModTime()) })
	files, bytes, reports := 0, int64(0), 0
	for _, i := range items { // newest first
		remove := false
		if strings.HasSuffix(i.name, reportSuffix) {
			reports++
			remove = reports > quarantineReports
		} else {
			files++
			bytes += onDisk(i.info)
			remove = files > quarantineFiles || bytes > quarantineBytes
		}
		if remove {
			if err := os.Remove(filepath.Join(q.dir, i.name)); err != nil {
				q.log.Warn("quarantine", "error", err)
			}
		}
	}
}

// empty gives up the files, for the space; the reports stay.
func (q *quarantine) empty() {
	q.mu.Lock()
	defer q.mu.Unlock()
	entries, err := os.ReadDir(q.dir)
	if err != nil {
		return // there is none
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), reportSuffix) {
			if err := os.Remove(filepath.Join(q.dir, entry.Name())); err != nil {
				q.log.Warn("quarantine", "error", err)
			}
		}
	}
}

// Damage lists what was found damaged, oldest first, for as long as the
// reports are in the quarantine.
func (j *Journal) Damage() []Damage {
	if j.quarantine == nil {
		return nil
	}
	var all []Damage
	for _, r := range j.quarantine.reports() {
		all = append(all, r.Damage)
	}
	return all
}

// tellDamage journals the reports until the journal closes.
func (j *Journal) tellDamage() {
	tick := time.NewTicker(tidyInterval)
	defer tick.Stop()
	for {
		for _, r := range j.quarantine.reports() {
			if r.Journaled {
				continue
			}
			if err := j.record(r); err != nil {
				j.log.Warn("damage is not journaled yet", "file", r.Damage.File, "error", err)
				continue
			}
			j.quarantine.journaled(r)
		}
		select {
		case <-j.closing:
			return
		case <-tick.C:
		case <-j.quarantine.news:
		}
	}
}

func (j *Journal) record(r report) error {
	e, err := devices.New(devices.GatewayDevice, r.Damage)
	if err != nil {
		return err
	}
	e.ID, e.Received, e.Urgency = "damage/"+r.Name, r.At, devices.Urgent
	ctx, cancel := context.WithTimeout(context.Background(), gapTimeout)
	defer cancel()
	return j.Record(ctx, e)
}

// mostAbandoned is how many files may be given up by bbolt, each with the
// memory map that it has of one, before a restart is better: a 32-bit process
// has room for a hundred or so.
const mostAbandoned = 32

// Sound returns an error if the journal would be better off opened anew: a
// state was damaged while it was in use, and its follower stands still, or
// damaged files have cost much memory. It goes on working all the same.
func (j *Journal) Sound() error {
	for _, s := range j.states.all() {
		if s.handle.dead.Load() {
			return fmt.Errorf("state %s: %w", s.name, ErrDamaged)
		}
	}
	for _, c := range j.chains {
		if n := c.files.abandoned(); n > mostAbandoned {
			return fmt.Errorf("%s chain: %d memory maps are lost", c.which, n)
		}
	}
	return nil
}
