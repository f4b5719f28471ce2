package usage

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/journal"
)

// Renew readies statistics that were restored from a backup, before anybody
// opens them. Their generation becomes higher than it was and than above, which
// is that of what they replace: so the platform takes their rows for newer than
// those that the box sent after the backup.
//
// What happened between the backup and now is lost, but not at the platform:
// the days from the one to the other are held back, as after a rebuild. made
// tells when the backup was made.
//
// It returns the new generation; 0, and does nothing, if nothing was counted.
func Renew(j *journal.Journal, above uint64, made, now devices.Stamp) (generation uint64, err error) {
	if !slices.ContainsFunc(j.Stats().Followers, func(f journal.FollowerStats) bool { return f.Name == stateName }) {
		return 0, nil
	}
	state, err := j.OpenState(stateName)
	if err != nil {
		return 0, fmt.Errorf("renew usage: %w", err)
	}
	err = state.Update(func(tx *journal.Tx) error {
		before := metaNumber(tx, "generation")
		if before == 0 && above == 0 {
			return nil // nothing was counted: it begins when something is
		}
		generation = max(before+1, above+1, uint64(max(now.Wall.Unix(), 0)))
		tx.Put(bucketMeta, []byte("generation"), number(generation))
		first := string(tx.Get(bucketMeta, []byte("newest")))
		if made.Synced || first == "" {
			first = Day(made.Wall)
		}
		return holdBack(tx, first, max(first, Day(now.Wall)))
	})
	if err != nil {
		err = fmt.Errorf("renew usage: %w", err)
	}
	return generation, errors.Join(err, state.Close())
}

// holdBack holds back all facilities from one day to another.
func holdBack(tx *journal.Tx, first, last string) error {
	day, err := time.Parse(time.DateOnly, first)
	if err != nil {
		return fmt.Errorf("day: %w", err)
	}
	facilities := map[string]bool{}
	for key := range tx.Ascend(bucketRows, nil) {
		_, rest, _ := strings.Cut(string(key), "/")
		facility, _, _ := strings.Cut(rest, "/")
		facilities[facility] = true
	}
	for range keepDays { // rows of more days are not kept
		text := day.Format(time.DateOnly)
		if text > last {
			break
		}
		for facility := range facilities {
			tx.Put(bucketHeld, []byte(text+"/"+facility), nil)
		}
		day = day.AddDate(0, 0, 1)
	}
	return (&batch{tx: tx}).takeBack()
}

// GenerationOf is the generation of the statistics in a journal's folder, 0 if
// there are none or they cannot be read. It changes nothing, and takes no lock.
func GenerationOf(folder string) uint64 {
	if v := journal.Peek(folder, stateName, bucketMeta, []byte("generation")); len(v) == 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

// stateName is that of the follower.
const stateName = "usage"
