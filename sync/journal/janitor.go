package journal

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// tidyInterval is how often the janitor looks without being asked.
	tidyInterval = time.Minute
	// gapTimeout is how long a gap may take to be journaled before the space
	// is freed all the same.
	gapTimeout = 5 * time.Second
	// A file is closed for good after this part of Options.Keep, so that a
	// chain with little traffic is retired in time too.
	rotations = 6
)

// janitor is how the rest of the journal asks for space.
type janitor struct {
	work     chan struct{} // capacity 1
	fullDisk [len(chains)]atomic.Bool
	unsaid   []Gap // files are gone, but the gap is not journaled yet
}

// look makes the janitor look soon.
func (n *janitor) look() {
	select {
	case n.work <- struct{}{}:
	default: // it is going to look anyway
	}
}

// full tells that a chain found no space on the disk.
func (n *janitor) full(which Chain) {
	n.fullDisk[which].Store(true)
	n.look()
}

// tidyUp retires files until the journal closes.
func (j *Journal) tidyUp() {
	tick := time.NewTicker(tidyInterval)
	defer tick.Stop()
	for {
		select {
		case <-j.closing:
			return
		case <-tick.C:
			for _, c := range j.chains {
				if err := c.files.closeUnused(); err != nil {
					c.log.Warn("file does not close", "error", err)
				}
			}
		case <-j.janitor.work:
		}
		j.sayGaps()
		for _, which := range chains {
			j.retireOld(j.chains[which])
		}
		j.retireOverBudget()
		j.retireOnFullDisk()
		j.reserve()
	}
}

// retireOld retires what is older than Keep and has been read by everyone.
func (j *Journal) retireOld(c *chain) {
	all := c.files.all()
	old, rotate := j.aged(c, all, j.options.Clock(), j.options.Keep)
	if rotate {
		c.rotateNow.Store(true)
	}
	read := j.followers.slowest(c.which)
	for i, seg := range all[:old] {
		if all[i+1].first-1 > read {
			return
		}
		if err := c.retire(seg, all[i+1].first); err != nil {
			c.log.Error("old file stays", "file", seg.path, "error", err)
			return
		}
		c.log.Info("old file retired", "first", seg.first, "last", all[i+1].first-1)
	}
}

// survey reads the whole of seg, in steps.
func (c *chain) survey(seg *segment, last uint64, fn func(Entry)) {
	var p page
	for at := seg.first - 1; at < last; {
		entries, upto, err := c.readUpto(&p, at, last)
		if err != nil {
			c.log.Warn("file cannot be read", "file", seg.path, "error", err)
			return
		}
		for _, e := range entries {
			fn(e)
		}
		at = upto
	}
}

// readUpto is read for what is not beyond last.
func (c *chain) readUpto(p *page, after, last uint64) ([]Entry, uint64, error) {
	entries, upto, err := c.read(p, after, int(min(readEntries, last-after)))
	for len(entries) > 0 && entries[len(entries)-1].Seq > last {
		entries = entries[:len(entries)-1]
	}
	return entries, upto, err
}

// retireOverBudget gives up ordinary events, oldest first, as far as they take
// more than the budget leaves them, then urgent ones beyond their reserve.
func (j *Journal) retireOverBudget() {
	ordinary, urgent := j.chains[Ordinary], j.chains[Urgent]
	for !j.isClosing() {
		ordinaryBytes, urgentBytes := ordinary.files.size(), urgent.files.size()
		switch {
		case ordinaryBytes > j.options.Budget-max(j.options.Reserve, urgentBytes) && j.giveUp(ordinary, false):
		case ordinaryBytes+urgentBytes > j.options.Budget && urgentBytes > j.options.Reserve && j.giveUp(urgent, false):
		default:
			return
		}
	}
}

// retireOnFullDisk makes room when others have filled the disk: for urgent
// events whatever ordinary ones there are, for ordinary events those that have
// been read.
func (j *Journal) retireOnFullDisk() {
	urgent := j.janitor.fullDisk[Urgent].Swap(false)
	if j.janitor.fullDisk[Ordinary].Swap(false) || urgent {
		j.giveUp(j.chains[Ordinary], !urgent)
		// Journaling the gap may have found the disk full once more.
		j.janitor.fullDisk[Urgent].Store(false)
		j.sayGaps()
	}
}

// giveUp retires the oldest sealed file of a chain before its time, and
// journals the gap. It reports false if there is none, or none that onlyRead
// allows.
func (j *Journal) giveUp(c *chain, onlyRead bool) bool {
	all := c.files.all()
	if len(all) < 2 {
		return false
	}
	seg, last, read := all[0], all[1].first-1, j.followers.slowest(c.which)
	if onlyRead && last > read {
		return false
	}
	gap := Gap{Chain: c.which.String(), First: seg.first, Last: last, Devices: map[string]int{}}
	c.survey(seg, last, func(e Entry) { gap.count(e, read) })
	// Journaled first, so that a crash in between repeats it under the same ID.
	// If that cannot be, the space is what is needed to do it.
	if err := j.sayGap(gap); err != nil {
		c.log.Warn("gap is not journaled yet", "first", gap.First, "last", gap.Last, "error", err)
		j.janitor.unsaid = append(j.janitor.unsaid, gap)
	}
	if err := c.retire(seg, last+1); err != nil {
		c.log.Error("file over budget stays", "file", seg.path, "error", err)
		return false
	}
	c.metrics.lost.Add(float64(gap.Count))
	c.log.Warn("events given up for space", "first", gap.First, "last", gap.Last, "events", gap.Count, "unread", gap.Unread)
	return true
}

func (j *Journal) sayGap(gap Gap) error {
	e, err := gap.event(j.options.Clock())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), gapTimeout)
	defer cancel()
	return j.Record(ctx, e)
}

// sayGaps journals the gaps that could not be journaled when they came.
func (j *Journal) sayGaps() {
	for len(j.janitor.unsaid) > 0 {
		if err := j.sayGap(j.janitor.unsaid[0]); err != nil {
			return
		}
		j.janitor.unsaid = j.janitor.unsaid[1:]
	}
}

func (j *Journal) isClosing() bool {
	select {
	case <-j.closing:
		return true
	default:
		return false
	}
}
