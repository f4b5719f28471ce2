package journal

import (
	"time"

	"github.com/linli-edge/gateway/devices"
)

// aged tells how many of the oldest files hold only what is older than keep,
// and whether the newest has been written to for so long that it is time for
// another.
//
// Age is the time that is proved to have passed: file by file, from the newest
// back, between their last records. Within a boot the monotonic clock proves
// it, whatever the wall clock says. Across boots, synchronised clocks are
// believed, but for no more than a file may take: a clock that is ten years
// wrong ages the journal by that much once. Where there is no proof the age is
// too low, and the files stay.
func (j *Journal) aged(c *chain, all []*segment, now devices.Stamp, keep time.Duration) (old int, rotate bool) {
	most := keep / rotations
	var age time.Duration
	for i := len(all) - 1; i >= 0 && !j.isClosing(); i-- {
		at, ok := j.milestone(c, all, i)
		if !ok {
			continue
		}
		age += passed(at, now, most)
		now = at
		if i == len(all)-1 {
			rotate = age >= most
		} else if age > keep {
			return i + 1, rotate
		}
	}
	return 0, rotate
}

// passed is how much time has gone by at least between two stamps. What
// synchronised clocks of different boots say is believed up to most.
func passed(from, to devices.Stamp, most time.Duration) time.Duration {
	if elapsed, ok := to.Since(from); ok {
		return max(0, elapsed)
	}
	proved := to.Mono // the later boot has lasted so long
	if from.Synced && to.Synced {
		proved = max(proved, min(to.Wall.Sub(from.Wall), most))
	}
	return proved
}

// milestone is the stamp of the last record of a file that is full, which is
// looked up once, or of the first of the one being written. ok is false if it
// cannot be read.
func (j *Journal) milestone(c *chain, all []*segment, i int) (at devices.Stamp, ok bool) {
	seg := all[i]
	switch {
	case i == len(all)-1:
		return j.stampOf(c, seg.first)
	case !seg.surveyed:
		seg.ended, seg.surveyed = j.stampOf(c, all[i+1].first-1)
	}
	return seg.ended, seg.surveyed
}

func (j *Journal) stampOf(c *chain, seq uint64) (at devices.Stamp, ok bool) {
	entries, err := j.Read(c.which, seq-1, 1)
	if err != nil || len(entries) == 0 || entries[0].Seq != seq {
		return at, false
	}
	return entries[0].Event.Received, true
}
