package usage

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/compartment"
	"github.com/linli-edge/gateway/sync/journal"
)

// draft is a change whose day may yet be another: its moments are not final.
// Its JSON is the value in the state file, with the moments by which it is
// counted now.
type draft struct {
	Facility   string           `json:"facility"`
	Device     devices.Kind     `json:"device"`
	Change     compartment.Kind `json:"change"`
	Units      int              `json:"units,omitempty"`
	WasFlagged bool             `json:"was_flagged,omitempty"`
	At         clock.Moment     `json:"at"`
	Since      clock.Moment     `json:"since,omitzero"`
}

// maxDrafts bounds the state of a box that never learns the time: the oldest
// stay where they are.
const maxDrafts = 50_000

// draftOf is a change at a compartment, whose Came it moves on.
func draftOf(device devices.Device, c compartment.Change, at clock.Moment, state *kept) draft {
	d := draft{Facility: device.Facility, Device: device.Kind, Change: c.Kind, Units: c.Units, WasFlagged: c.WasFlagged, At: at}
	switch {
	case c.Kind == compartment.Came && c.More:
		d.At = state.Came
	case c.Kind == compartment.Came:
		state.Came = at
	case c.Kind == compartment.Found:
		state.Came = clock.Moment{}
	case c.Kind == compartment.Went, c.Kind == compartment.Lost:
		d.Since, state.Came = state.Came, clock.Moment{}
	}
	return d
}

func decodeDraft(value []byte) (d draft, err error) {
	if err := json.Unmarshal(value, &d); err != nil {
		return d, fmt.Errorf("draft: damaged: %w", err)
	}
	return d, nil
}

func draftKey(seq uint64, i int) []byte { return binary.BigEndian.AppendUint16(number(seq), uint16(i)) }

func (d draft) undated() bool { return d.At.At.IsZero() }
func (d draft) final() bool   { return d.At.Final() && d.Since.Final() }

// resolve is the draft by what is known now.
func (d draft) resolve(c *clock.Calendar) draft {
	d.At, d.Since = c.Resolve(d.At), c.Resolve(d.Since)
	return d
}

// at is the draft as if it had happened at the given times.
func (d draft) at(at, since time.Time) draft {
	d.At.At, d.Since.At = at, since
	return d
}

// amounts are what the change adds to the day of d.At.
func (d draft) amounts() []amount {
	return kinds[d.Device].count(compartment.Change{
		Kind: d.Change, At: d.At.At, Since: d.Since.At, Units: d.Units, WasFlagged: d.WasFlagged,
	})
}

// counts tells whether the change is one that any indicator counts.
func (d draft) counts() bool { return len(d.amounts()) > 0 }

// sameFigures tells whether both add the same to the same rows.
func (d draft) sameFigures(other draft) bool {
	return d.undated() == other.undated() && Day(d.At.At) == Day(other.At.At) &&
		slices.EqualFunc(d.amounts(), other.amounts(), func(a, b amount) bool {
			return a.of.Code == b.of.Code && a.numerator == b.numerator && a.denominator == b.denominator &&
				a.of.bucket(a.dwell) == b.of.bucket(b.dwell)
		})
}

// span is from one day to another, both included.
type span struct{ from, to string }

// doubt are the days that the change may belong to, or may be missing from; ok
// is false if there is no doubt.
func (d draft) doubt(c *clock.Calendar) (days span, ok bool) {
	first, last, known := c.Range(d.At)
	shortest, longest, sinceKnown := c.Range(d.Since)
	if !known || !sinceKnown {
		return span{Day(d.At.At), Day(d.At.At)}, !d.undated()
	}
	if d.Since.Boot != d.At.Boot { // else both lie at the same distance
		shortest, longest = longest, shortest
	}
	return span{Day(first), Day(last)}, !d.at(first, shortest).sameFigures(d.at(last, longest))
}

// keep counts a change, and remembers it as long as its moments are not final.
func (b *batch) keep(key []byte, d draft) error {
	if !d.counts() {
		return nil
	}
	if err := b.count(d, 1); err != nil || d.final() {
		return err
	}
	b.drafts++
	if d.undated() {
		b.tally.undated++
	}
	return b.putDraft(key, d)
}

func (b *batch) putDraft(key []byte, d draft) error {
	value, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode draft: %w", err)
	}
	b.tx.Put(bucketDrafts, key, value)
	return nil
}

// count adds what the change amounts to, or takes it back with a sign of -1.
func (b *batch) count(d draft, sign int64) error {
	if d.undated() {
		return nil
	}
	for _, a := range d.amounts() {
		row, err := b.row(rowKey(Day(d.At.At), d.Facility, a.of.Code))
		if err != nil {
			return err
		}
		row.add(a, sign)
	}
	return nil
}

// learn takes in a stamp, and moves what it dates anew.
func (b *batch) learn(s devices.Stamp) error {
	before := b.calendar.Latest()
	if !b.calendar.Learn(s) {
		return nil
	}
	if now := b.calendar.Latest(); before.Refuted(now) {
		// Nobody knows which of the two was right about what is final.
		for _, began := range []time.Time{before.Began, now.Began} {
			b.marks = append(b.marks, span{Day(began), Day(began.Add(before.DoubtSince))})
		}
	}
	for key, value := range b.tx.Ascend(bucketDrafts, nil) {
		d, err := decodeDraft(value)
		if err != nil {
			return err
		}
		if err := b.redate(key, d); err != nil {
			return err
		}
	}
	if err := b.redateContents(); err != nil {
		return err
	}
	b.calendar.Forget()
	return nil
}

// redate moves a draft to the day that it has now.
func (b *batch) redate(key []byte, d draft) error {
	now := d.resolve(&b.calendar)
	if !now.sameFigures(d) {
		if err := b.count(d, -1); err != nil {
			return err
		}
		if err := b.count(now, 1); err != nil {
			return err
		}
	}
	if d.undated() && !now.undated() {
		b.tally.undated--
	}
	switch {
	case now.final():
		if days, ok := d.doubt(&b.calendar); ok {
			b.marks = append(b.marks, days)
		}
		b.drop(key, now)
	case now != d:
		return b.putDraft(key, now)
	}
	return nil
}

// drop forgets a draft, which stays where it is counted.
func (b *batch) drop(key []byte, d draft) {
	b.tx.Delete(bucketDrafts, key)
	b.drafts--
	if d.undated() {
		b.tally.undated--
		b.tally.lost++
	}
}

// redateContents does the same for what is still in a compartment. If it will
// never be known when that came, its dwell will not be counted.
func (b *batch) redateContents() error {
	for key, value := range b.tx.Ascend(bucketCompartments, nil) {
		if b.states[string(key)] != nil {
			continue
		}
		s := &kept{}
		if err := json.Unmarshal(value, s); err != nil {
			return fmt.Errorf("compartment %q: damaged: %w", key, err)
		}
		if !s.Came.Final() {
			b.states[string(key)] = s
		}
	}
	for _, s := range b.states {
		first, last, known := b.calendar.Range(s.Came)
		if s.Came = b.calendar.Resolve(s.Came); s.Came.Final() && !(known && first.Equal(last)) {
			s.Came = clock.Moment{}
		}
	}
	return nil
}

// saveDrafts drops the oldest drafts if there are too many.
func (b *batch) saveDrafts() error {
	if b.drafts == 0 {
		return nil
	}
	n := int(metaNumber(b.tx, "drafts")) + b.drafts
	for key, value := range b.tx.Ascend(bucketDrafts, nil) {
		if n <= maxDrafts {
			break
		}
		d, err := decodeDraft(value)
		if err != nil {
			return err
		}
		if !d.undated() {
			b.marks = append(b.marks, span{Day(d.At.At), Day(d.At.At)})
		}
		b.drop(key, d)
		n--
	}
	b.tx.Put(bucketMeta, []byte("drafts"), number(uint64(n)))
	return nil
}

// saveMarks adds the days that are uncertain for good.
func (b *batch) saveMarks() {
	if len(b.marks) == 0 {
		return
	}
	for from, to := range b.tx.Ascend(bucketUncertain, nil) {
		b.marks = append(b.marks, span{string(from), string(to)})
		b.tx.Delete(bucketUncertain, from)
	}
	slices.SortFunc(b.marks, func(x, y span) int { return cmp.Compare(x.from, y.from) })
	merged := b.marks[:1]
	for _, m := range b.marks[1:] {
		if last := &merged[len(merged)-1]; m.from <= last.to {
			last.to = max(last.to, m.to)
		} else {
			merged = append(merged, m)
		}
	}
	for _, m := range merged {
		b.tx.Put(bucketUncertain, []byte(m.from), []byte(m.to))
	}
}

// uncertainDay tells whether any change may wrongly be on the day, or missing.
func uncertainDay(tx *journal.Tx, day string) (bool, error) {
	for from, to := range tx.Ascend(bucketUncertain, nil) {
		if string(from) <= day && day <= string(to) {
			return true, nil
		}
	}
	calendar, err := loadCalendar(tx)
	if err != nil {
		return false, err
	}
	for _, value := range tx.Ascend(bucketDrafts, nil) {
		d, err := decodeDraft(value)
		if err != nil {
			return false, err
		}
		if days, ok := d.doubt(&calendar); ok && days.from <= day && day <= days.to {
			return true, nil
		}
	}
	return false, nil
}

func loadCalendar(tx *journal.Tx) (c clock.Calendar, err error) {
	for _, value := range tx.Ascend(bucketBoots, nil) {
		var boot clock.Boot
		if err := json.Unmarshal(value, &boot); err != nil {
			return c, fmt.Errorf("boot: damaged: %w", err)
		}
		c.Boots = append(c.Boots, boot)
	}
	return c, nil
}

// saveCalendar writes the boots of which something new is known.
func (b *batch) saveCalendar() error {
	for i, boot := range b.calendar.Boots {
		if i < len(b.boots) && b.boots[i] == boot {
			continue
		}
		value, err := json.Marshal(boot)
		if err != nil {
			return fmt.Errorf("encode boot: %w", err)
		}
		b.tx.Put(bucketBoots, number(uint64(i)), value)
	}
	for i := len(b.calendar.Boots); i < len(b.boots); i++ {
		b.tx.Delete(bucketBoots, number(uint64(i)))
	}
	return nil
}
