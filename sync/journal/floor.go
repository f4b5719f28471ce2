package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
)

const (
	// floorName is the file in a chain's folder that says where the chain
	// begins: without it, the loss of its oldest file would look as if that had
	// been retired, and the loss of its only one as if there had never been any.
	floorName = "floor"
	// floorSlot is the distance of its two slots, which take turns: a torn write
	// costs the one being written, and a full disk none, because both are there.
	floorSlot = 512
)

// readFloor is the first sequence of a chain that has not been retired, 0 if
// that is not known: the chain is new, or the file is damaged. slot is the one
// to be written next.
func readFloor(dir string) (first uint64, slot int) {
	f, err := os.Open(filepath.Join(dir, floorName))
	if err != nil {
		return 0, 0
	}
	defer f.Close() // only read from
	for i := range 2 {
		var b [8 + crcBytes]byte
		if _, err := f.ReadAt(b[:], int64(i)*floorSlot); err != nil {
			continue
		}
		seq := binary.BigEndian.Uint64(b[:8])
		if seq > first && binary.BigEndian.Uint32(b[8:]) == crc32.Checksum(b[:8], castagnoli) {
			first, slot = seq, 1-i
		}
	}
	return first, slot
}

// raiseFloor puts on disk that what is before first has been retired.
func (s *segments) raiseFloor(first uint64) error {
	at, slot := readFloor(s.dir)
	if at >= first {
		return nil
	}
	f, err := os.OpenFile(filepath.Join(s.dir, floorName), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	b := binary.BigEndian.AppendUint64(nil, first)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	if at == 0 { // both slots at once, while there is room
		_, err = f.WriteAt(b, floorSlot)
	}
	if err == nil {
		_, err = f.WriteAt(b, int64(slot)*floorSlot)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil && at == 0 {
		err = syncDir(s.dir)
	}
	if err != nil {
		return fmt.Errorf("floor: %w", err)
	}
	return nil
}

// retire removes the oldest segment. next is the first sequence that stays.
func (c *chain) retire(seg *segment, next uint64) error {
	if err := c.files.raiseFloor(next); err != nil {
		c.log.Warn("where the chain begins is not noted", "error", err) // the space is needed all the same
	}
	return c.files.remove(seg)
}

// lostBefore notices that the oldest files are gone, or all of them, and tells
// it. cursor is as far as any follower has read.
func (c *chain) lostBefore(cursor uint64) {
	floor, _ := readFloor(c.files.dir)
	lost, found := span{max(floor, 1), cursor}, &salvaged{}
	var begins uint64
	switch n := len(c.files.list); {
	case n > 0:
		begins = c.files.list[0].first
		lost.last = begins - 1
		if floor == 0 || floor >= begins {
			break
		}
		c.log.Error("oldest files are gone", "first", lost.first, "last", lost.last)
		c.quarantine.take(Damage{File: c.which.String(), Reason: "the oldest files are gone", Gaps: c.gaps(found, []span{lost}, lost.last)}, false)
	case floor > 0 || cursor > 0:
		// How much was in a file that is gone nobody knows: the chain goes on
		// where it cannot have come.
		lost.last, found.guessed = max(cursor, floor-1), true
		if floor > 0 {
			lost.last = unreached(max(lost.last, floor), 0, c.segmentBytes)
		}
		c.last.Store(lost.last)
		begins = lost.last + 1
		c.log.Error("all files are gone", "first", lost.first, "last", lost.last, "read", cursor)
		c.quarantine.take(Damage{File: c.which.String(), Reason: "all files are gone", Gaps: c.gaps(found, []span{lost}, lost.last)}, false)
	}
	if begins > 0 {
		if err := c.files.raiseFloor(begins); err != nil {
			c.log.Warn("where the chain begins is not noted", "error", err)
		}
	}
}
