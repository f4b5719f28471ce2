package journal

import (
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/salvage"
)

// Verified is what Verify found in one file.
type Verified struct {
	// Name is the file's path in the journal's folder, Bytes its size.
	Name  string `json:"name"`
	Bytes int64  `json:"bytes"`
	// Chain is that of a file of events, "" for the state of a follower.
	Chain string `json:"chain,omitempty"`
	// Records are those whose checksum is right, in a file of events, with the
	// sequences from First to Last; all three are 0 if there are none.
	Records int    `json:"records"`
	First   uint64 `json:"first,omitempty"`
	Last    uint64 `json:"last,omitempty"`
	// Sealed says that the file is full and has the block of its identities.
	Sealed bool `json:"sealed,omitempty"`
	// Cursors are how far a follower has come, by chain, in its state.
	Cursors map[string]uint64 `json:"cursors,omitempty"`
	// Faults counts what is wrong; Problems are the first few of them, in
	// English, for the one who mends it.
	Faults   int      `json:"faults"`
	Problems []string `json:"problems,omitempty"`

	from uint64  // the sequence that its name promises
	told []Range // losses that are known: journaled in it, or marked when it was mended
}

const maxProblems = 5

func (v *Verified) fault(err error) {
	v.Faults++
	if len(v.Problems) < maxProblems {
		v.Problems = append(v.Problems, err.Error())
	}
}

// Verify reads the whole of a file of a journal, under its name in the
// journal's folder, and believes nothing: every page, every checksum, the
// order of the sequence, the seal. It is safe on any content. The file must
// not be written meanwhile; what Backup gives out is not.
func Verify(name string, file io.ReaderAt, size int64) Verified {
	v := Verified{Name: name, Bytes: size}
	if strings.HasSuffix(name, stateSuffix) {
		v.state(file)
		return v
	}
	for _, which := range chains {
		if path.Dir(name) == which.String() {
			v.Chain = which.String()
		}
	}
	first, ok := firstOf(path.Base(name))
	if v.Chain == "" || !ok {
		v.fault(errors.New("not a file of a journal"))
		return v
	}
	v.from = first
	v.events(file)
	return v
}

// events verifies a file of a chain.
func (v *Verified) events(file io.ReaderAt) {
	var dec decoder
	var ids []identity
	var jumps, holes []span
	next, found := v.from, false
	v.pages(file, func(bucket string, k, value []byte) {
		switch bucket {
		case string(bucketEvents):
			found = true
			seq := sequence(k)
			var e devices.Event
			if err := dec.decode(&e, k, value); err != nil {
				v.fault(fmt.Errorf("sequence %d: %w", seq, err))
			} else {
				v.Records++
				if v.First == 0 {
					v.First = seq
				}
				v.Last = seq
				ids = append(ids, identify(&e))
				v.hear(&e)
			}
			if seq < next {
				v.fault(fmt.Errorf("sequence %d comes after %d", seq, next-1))
			} else if seq > next {
				jumps = append(jumps, span{next, seq - 1})
			}
			next = seq + 1
		case string(bucketSeal):
			v.Sealed = true
			if string(k) == string(keyHoles) {
				holes = decodeHoles(value)
			} else if block, ok := decodeIdentities(value); !ok || string(k) != string(keyIDs) {
				v.fault(errors.New("the seal is damaged"))
			} else if len(block) > len(ids) || !slices.Equal(block, ids[len(ids)-len(block):]) {
				// A file of very small records has more than a seal holds.
				v.fault(errors.New("the seal is not that of the records"))
			}
		default:
			v.fault(fmt.Errorf("strange bucket %.20q", bucket))
		}
	})
	for _, j := range jumps {
		if !covered(holes, j.first, j.last) {
			v.fault(fmt.Errorf("sequences %d to %d are not there", j.first, j.last))
		}
	}
	for _, h := range holes {
		v.told = append(v.told, Range{v.Chain, h.first, h.last})
	}
	if !found && v.Sealed && len(holes) == 0 {
		v.fault(errors.New("no events"))
	}
}

// hear notes what an event tells of losses.
func (v *Verified) hear(e *devices.Event) {
	if e.Device != devices.GatewayDevice {
		return
	}
	var gaps []Gap
	if gap, err := devices.Decode[Gap](*e); err == nil {
		gaps = []Gap{gap}
	} else if damage, err := devices.Decode[Damage](*e); err == nil {
		gaps = damage.Gaps
	}
	for _, gap := range gaps {
		v.told = append(v.told, Range{gap.Chain, gap.First, gap.Last})
	}
}

// state verifies the state of a follower: its pages, and the checksum of each
// value. What the values mean only the follower knows.
func (v *Verified) state(file io.ReaderAt) {
	v.Cursors = map[string]uint64{}
	v.pages(file, func(bucket string, k, sealed []byte) {
		value, ok := openValue(bucket, k, sealed)
		if !ok {
			v.fault(fmt.Errorf("value of %.40q in %.20q: wrong checksum", k, bucket))
			return
		}
		if which, ok := strings.CutPrefix(string(k), "chain/"); ok && bucket == bucketCursors {
			v.Cursors[which] = sequence(value)
		}
	})
}

// pages checks the structure of a file, and visits its entries.
func (v *Verified) pages(file io.ReaderAt, visit func(bucket string, key, value []byte)) {
	pages := salvage.New(file, v.Bytes)
	if err := pages.Check(salvage.Everything); err != nil {
		v.fault(err)
	}
	pages.Entries(visit)
}

// Range is a part of a chain, both ends included.
type Range struct {
	Chain string `json:"chain"`
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Missing tells which sequences no file of a whole journal holds, between the
// oldest file of each chain and the furthest cursor. What a Gap or a Damage has
// told of is not among them. The files of a chain are given in the order of their names.
func Missing(files []Verified) []Range {
	var missing []Range
	for _, which := range chains {
		chain := which.String()
		var holes []Range
		var furthest, end uint64 // end is 0 before the first file
		for _, v := range files {
			furthest = max(furthest, v.Cursors[chain])
			if v.Chain != chain {
				continue
			}
			if end > 0 && v.from > end+1 {
				holes = append(holes, Range{chain, end + 1, v.from - 1})
			}
			end = max(end, v.Last, v.from-1)
		}
		if furthest > end {
			holes = append(holes, Range{chain, end + 1, furthest})
		}
		for _, v := range files {
			for _, known := range v.told {
				if known.Chain == chain {
					holes = without(holes, known)
				}
			}
		}
		missing = append(missing, holes...)
	}
	return missing
}

// without is what is left of some ranges of a chain outside of another.
func without(ranges []Range, known Range) []Range {
	var left []Range
	for _, r := range ranges {
		if r.First < known.First {
			left = append(left, Range{r.Chain, r.First, min(r.Last, known.First-1)})
		}
		if r.Last > known.Last {
			left = append(left, Range{r.Chain, max(r.First, known.Last+1), r.Last})
		}
	}
	return left
}
