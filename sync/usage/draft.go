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
	"github.com/linli-edge/gateway/sync/journal"
)

// draft is what one occurrence adds to figures. It is kept while its day may
// yet be another: its moments are not final. Its JSON is the value in the state
// file, with the moments by which it is counted now.
type draft struct {
	Facility string       `json:"facility"`
	Counts   []count      `json:"counts"`
	At       clock.Moment `json:"at"`
	// Since is when it began, of a dwell or a level; zero if that is unknown.
	Since clock.Moment `json:"since,omitzero"`
}

// count is what an occurrence adds to one indicator.
type count struct {
	Code string `json:"code"`
	// N and Of are added to numerator and denominator; for each second from
	// Since to At, if the indicator is Hours.
	N  int64 `json:"n,omitempty"`
	Of int64 `json:"of,omitempty"`
	// Bucket of a histogram, from 1 on; 0 is by the time from Since to At.
	Bucket int `json:"bucket,omitempty"`
	// Member is who or what is counted once.
	Member string `json:"member,omitempty"`
}

// maxDrafts bounds the state of a box that never learns the time: the oldest
// stay where they are.
const maxDrafts = 50_000

func decodeDraft(value []byte) (d draft, err error) {
	if err := json.Unmarshal(value, &d); err != nil {
		return d, fmt.Errorf("draft: damaged: %w", err)
	}
	return d, nil
}

// decodeOldest reads of a draft only what must be known to drop it: many are, at
// once.
func decodeOldest(value []byte) (draft, error) {
	var d struct {
		Counts [1]struct {
			Code string `json:"code"`
		} `json:"counts"`
		At struct {
			At time.Time `json:"at"`
		} `json:"at"`
	}
	if err := json.Unmarshal(value, &d); err != nil {
		return draft{}, fmt.Errorf("draft: damaged: %w", err)
	}
	return draft{Counts: []count{{Code: d.Counts[0].Code}}, At: clock.Moment{At: d.At.At}}, nil
}

func appendDraftKey(key []byte, seq uint64, i int) []byte {
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint64(key, seq), uint16(i))
}

func (d draft) undated() bool { return d.At.At.IsZero() }

// waits tells whether an occurrence counts on no day yet. Levels are no
// occurrences.
func (d draft) waits() bool { return d.undated() && catalogue[d.Counts[0].Code].Fold != Hours }

func (d draft) final() bool { return d.At.Final() && d.Since.Final() }

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

// amount is what a draft adds to one row.
type amount struct {
	period, code           string
	numerator, denominator int64
	bucket                 int // -1 for none
	member                 string
}

// longest is more than any span: beyond it a clock was wrong.
const longest = 40 * 24 * time.Hour

// amounts appends what the draft adds, by its moments: nothing while it is
// undated.
func (d draft) amounts(list []amount) []amount {
	if d.undated() {
		return list
	}
	at, since := d.At.At, d.Since.At
	for _, c := range d.Counts {
		i := catalogue[c.Code]
		a := amount{period: Day(at), code: c.Code, numerator: c.N, denominator: c.Of, bucket: c.Bucket - 1, member: c.Member}
		switch {
		case i.Fold == Hours && d.Since != (clock.Moment{}):
			if !since.IsZero() && at.Sub(since) <= longest {
				list = a.perDay(list, since, at)
			}
			continue
		case i.Fold == Histogram && c.Bucket == 0 && c.N != 0:
			if since.IsZero() || at.Before(since) {
				a.numerator = 0
			} else {
				a.bucket = i.bucket(at.Sub(since))
			}
		case i.Monthly():
			a.period = a.period[:len("2026-11")]
		}
		if i.when != nil && !i.when(since, at) {
			a.numerator = 0
		}
		if a.numerator != 0 || a.denominator != 0 || a.member != "" {
			list = append(list, a)
		}
	}
	return list
}

// perDay splits a level that lasted from one time to another, in seconds.
// Whole seconds since 1970 are counted, so that spans that follow each other
// add up.
func (a amount) perDay(list []amount, from, to time.Time) []amount {
	n, of := a.numerator, a.denominator
	for from.Before(to) {
		y, m, day := from.In(zone).Date()
		end := time.Date(y, m, day+1, 0, 0, 0, 0, zone)
		if end.After(to) {
			end = to
		}
		seconds := end.Unix() - from.Unix()
		a.period, a.numerator, a.denominator = Day(from), n*seconds, of*seconds
		list = append(list, a)
		from = end
	}
	return list
}

// sameFigures tells whether both add the same to the same rows.
func (d draft) sameFigures(other draft) bool {
	return d.undated() == other.undated() && slices.Equal(d.amounts(nil), other.amounts(nil))
}

// same tells whether both are the same draft.
func (d draft) same(other draft) bool { return d.At == other.At && d.Since == other.Since }

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
	if catalogue[d.Counts[0].Code].Fold == Hours { // of whole seconds: less than one is no doubt
		last, longest = first.Add(last.Sub(first).Truncate(time.Second)), shortest.Add(longest.Sub(shortest).Truncate(time.Second))
	}
	if d.Since.Boot != d.At.Boot { // else both lie at the same distance
		shortest, longest = longest, shortest
	}
	if d.Since.Boot == d.At.Boot && !d.Since.Final() {
		// A level may have begun on a day before.
		return span{Day(shortest), Day(last)}, !d.at(first, shortest).sameFigures(d.at(last, longest))
	}
	return span{Day(first), Day(last)}, !d.at(first, shortest).sameFigures(d.at(last, longest))
}

// keep counts a change, and remembers it as long as its moments are not final.
func (b *batch) keep(key []byte, d draft) error {
	if len(d.Counts) == 0 {
		return nil
	}
	n, err := b.count(key, d, 1)
	if err != nil || d.final() || n == 0 && !d.undated() {
		return err
	}
	b.drafts++
	if d.waits() {
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

// count adds what the draft of a key amounts to, or takes it back with a sign
// of -1, and returns to how many rows.
func (b *batch) count(key []byte, d draft, sign int64) (int, error) {
	b.amounts = d.amounts(b.amounts[:0])
	for _, a := range b.amounts {
		i := catalogue[a.code]
		b.name = appendRowKey(b.name[:0], a.period, d.Facility, a.code)
		row, err := b.row(b.name)
		if err != nil {
			return 0, err
		}
		if i.Monthly() {
			a.numerator = b.member(a, d.Facility, sign)
		} else {
			a.numerator, a.denominator = sign*a.numerator, sign*a.denominator
		}
		row.add(i, a)
		if b.trace != nil {
			b.trace(string(b.name), key, a)
		}
		if b.rebuild.until > 0 && b.rebuild.unsure && (i.Fold == Hours || b.strange) {
			b.tx.Put(bucketHeld, b.name, nil)
		}
	}
	return len(b.amounts), nil
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
	if err := b.redateThings(); err != nil {
		return err
	}
	b.calendar.Forget()
	return nil
}

// redate moves a draft to the day that it has now.
func (b *batch) redate(key []byte, d draft) error {
	now := d.resolve(&b.calendar)
	if !now.sameFigures(d) {
		if _, err := b.count(key, d, -1); err != nil {
			return err
		}
		if _, err := b.count(key, now, 1); err != nil {
			return err
		}
	}
	if d.waits() && !now.undated() {
		b.tally.undated--
	}
	switch {
	case now.final():
		if days, ok := d.doubt(&b.calendar); ok {
			b.marks = append(b.marks, days)
		}
		b.drop(key, now)
	case !now.same(d):
		return b.putDraft(key, now)
	}
	return nil
}

// drop forgets a draft, which stays where it is counted.
func (b *batch) drop(key []byte, d draft) {
	b.tx.Delete(bucketDrafts, key)
	b.drafts--
	if d.waits() {
		b.tally.undated--
		b.tally.lost++
	}
}

// saveDrafts drops the oldest drafts if there are too many.
func (b *batch) saveDrafts() error {
	if b.drafts == 0 {
		return nil
	}
	n := int(metaNumber(b.tx, "drafts")) + b.drafts
	// Dropped after all are read: a cursor loses its place when anything changes.
	var keys [][]byte
	var oldest []draft
	for key, value := range b.tx.Ascend(bucketDrafts, nil) {
		if n-len(keys) <= maxDrafts {
			break
		}
		d, err := decodeOldest(value)
		if err != nil {
			return err
		}
		if !d.undated() {
			day := Day(d.At.At)
			b.marks = append(b.marks, span{day, day})
		}
		keys, oldest = append(keys, key), append(oldest, d)
	}
	for i, key := range keys {
		b.drop(key, oldest[i])
	}
	n -= len(keys)
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
