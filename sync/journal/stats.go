package journal

import (
	"cmp"
	"slices"
	"time"
)

// Stats is what the journal holds, for people to look at.
type Stats struct {
	Chains    [len(chains)]ChainStats // indexed by Chain
	Followers []FollowerStats         // by name
	// Reserve is the room on disk that only urgent events can use, beside what
	// is left in their newest file, in bytes.
	Reserve int64
	Wear    Wear
}

// ChainStats is what one chain holds.
type ChainStats struct {
	First  uint64    // oldest sequence that can be read, 0 if none
	Last   uint64    // newest sequence, 0 if there never was one
	Oldest time.Time // wall time at which First was received
	Files  int
	Bytes  int64 // on disk
}

// FollowerStats is how far a follower has come.
type FollowerStats struct {
	Name    string
	Follows [len(chains)]bool // indexed by Chain
	At      Position
	Lag     [len(chains)]uint64 // sequences not read yet, in the chains it follows
}

// Stats looks up what the journal holds. What cannot be read is left zero.
func (j *Journal) Stats() Stats {
	var s Stats
	for _, which := range chains {
		c := j.chains[which]
		chain := &s.Chains[which]
		chain.Last = c.last.Load()
		chain.Bytes = c.files.size()
		all := c.files.all()
		chain.Files = len(all)
		if len(all) == 0 {
			continue
		}
		if oldest, err := j.Read(which, all[0].first-1, 1); err == nil && len(oldest) > 0 {
			chain.First, chain.Oldest = oldest[0].Seq, oldest[0].Event.Received.Wall
		}
	}
	s.Wear = j.metrics.wear.read(j.options.Clock().Mono)
	s.Reserve = j.chains[Urgent].files.reserved()
	for name, known := range j.followers.all() {
		f := FollowerStats{Name: name, Follows: known.follows, At: known.at}
		for _, which := range chains {
			if last := s.Chains[which].Last; f.Follows[which] && last > f.At[which] {
				f.Lag[which] = last - f.At[which]
			}
		}
		s.Followers = append(s.Followers, f)
	}
	slices.SortFunc(s.Followers, func(a, b FollowerStats) int { return cmp.Compare(a.Name, b.Name) })
	return s
}
