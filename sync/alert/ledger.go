package alert

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
)

// The state file of the ledger. In bucketEntries the key is the entry's number,
// 8 bytes big-endian, the value its JSON; in bucketOf the key is the incident,
// a slash and that number, the value empty; in bucketRead the key is the name
// of a chain of the journal, the value the sequence up to which it was read, or
// keyHead, and the value the newest entry.
const (
	ledgerState   = "ledger"
	bucketEntries = "entries"
	bucketOf      = "of"
	bucketRead    = "read"
	keyHead       = "head"
)

// Entry is one line of the ledger: something that was decided or done about an
// incident, or came of a page. It has IDs, and neither names nor notes.
type Entry struct {
	// N counts from 1, without a gap.
	N    uint64       `json:"n"`
	Type devices.Type `json:"type"`
	// Incident is "" for what is about none.
	Incident string `json:"incident,omitempty"`
	// ID is the identity of the event in the journal.
	ID   string          `json:"id"`
	At   devices.Stamp   `json:"at"`
	Data json.RawMessage `json:"data"`
	// Prev is the Hash of the entry before, "" of the first. Hash is the SHA-256
	// of the entry's JSON with an empty Hash, in hexadecimal.
	Prev string `json:"prev"`
	Hash string `json:"hash"`
}

func (e Entry) digest() string {
	e.Hash = ""
	b, err := json.Marshal(e)
	if err != nil {
		return "" // matches no hash
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// Ledger is the append-only record of incidents and pages. It copies from the
// journal what concerns them, each entry bound to the one before by its hash,
// and outlives the journal's retention. It reads behind everybody else, with a
// state file of its own: no call waits for it. If the file is lost it begins
// anew with what the journal still holds.
type Ledger struct {
	engine  *Engine
	state   *journal.State
	reading sync.Mutex // held by who catches up with the journal
	weekly  weekly
}

const (
	ledgerEvery = 5 * time.Second
	ledgerBatch = 512
	// ledgerStride is how much of a chain may be read again after a crash.
	ledgerStride = 50_000
	// maxEntries are kept, some years of a community.
	maxEntries = 200_000
)

// OpenLedger opens the ledger. Close must be called after it.
func OpenLedger(e *Engine) (*Ledger, error) {
	state, err := e.journal.OpenState(ledgerState)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return &Ledger{engine: e, state: state}, nil
}

// Close lets go of the file. Run must have returned.
func (l *Ledger) Close() error { return l.state.Close() }

// Run keeps the ledger until ctx ends.
func (l *Ledger) Run(ctx context.Context) error {
	tick := time.NewTicker(ledgerEvery)
	defer tick.Stop()
	for {
		if err := l.catchUp(ctx); err != nil && ctx.Err() == nil {
			l.engine.log.Error("the ledger cannot be written, trying again", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// catchUp reads what the journal has, and appends what belongs into the
// ledger. What is appended and how far was read is one transaction.
func (l *Ledger) catchUp(ctx context.Context) error {
	l.reading.Lock()
	defer l.reading.Unlock()
	for _, chain := range []journal.Chain{journal.Urgent, journal.Ordinary} {
		var after uint64
		err := l.state.View(func(tx *journal.Tx) error {
			if v := tx.Get(bucketRead, []byte(chain.String())); len(v) == 8 {
				after = binary.BigEndian.Uint64(v)
			}
			return nil
		})
		if err != nil {
			return err
		}
		kept := after
		for ctx.Err() == nil && after < l.engine.journal.Last(chain) {
			entries, err := l.engine.journal.Read(chain, after, ledgerBatch)
			if err != nil {
				return err
			}
			if len(entries) == 0 {
				break
			}
			after = entries[len(entries)-1].Seq
			belonging := slices.DeleteFunc(entries, func(e journal.Entry) bool { return !recorded(e.Event.Type) })
			if len(belonging) == 0 && after-kept < ledgerStride {
				continue
			}
			if err := l.state.Update(func(tx *journal.Tx) error { return l.append(tx, chain, belonging, after) }); err != nil {
				return err
			}
			kept = after
		}
	}
	return nil
}

// recorded tells what belongs into the ledger.
func recorded(t devices.Type) bool {
	switch t {
	case TypeRaised, TypeEscalated, TypePaged, TypeAcknowledged, TypeOnScene, TypeNoted, TypeHandedOver, TypeResolved, TypeFound, TypeSilenced:
		return true
	}
	return false
}

func sequence(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func (l *Ledger) append(tx *journal.Tx, chain journal.Chain, events []journal.Entry, upto uint64) error {
	head := last(tx)
	for _, e := range events {
		entry := Entry{N: head.N + 1, Type: e.Event.Type, ID: e.Event.ID, At: e.Event.Received, Data: e.Event.Data, Prev: head.Hash}
		var of struct {
			Incident string `json:"incident"`
		}
		if json.Unmarshal(e.Event.Data, &of) == nil {
			entry.Incident = of.Incident
		}
		if p, err := decode[Noted](e.Event); err == nil {
			p.Text = "" // a note may name people
			data, err := json.Marshal(p)
			if err != nil {
				return err
			}
			entry.Data = data
		}
		entry.Hash = entry.digest()
		value, err := json.Marshal(entry)
		if err != nil {
			return err
		}
		tx.Put(bucketEntries, sequence(entry.N), value)
		if entry.Incident != "" {
			tx.Put(bucketOf, append([]byte(entry.Incident+"/"), sequence(entry.N)...), []byte{1})
		}
		head = entry
	}
	tx.Put(bucketRead, []byte(chain.String()), sequence(upto))
	if len(events) > 0 {
		value, err := json.Marshal(head)
		if err != nil {
			return err
		}
		tx.Put(bucketRead, []byte(keyHead), value)
	}
	l.trim(tx, head.N)
	return nil
}

// trim drops the oldest of too many entries. The first that is left still
// names the hash of the one before it.
func (l *Ledger) trim(tx *journal.Tx, head uint64) {
	if head <= maxEntries {
		return
	}
	for key, value := range tx.Ascend(bucketEntries, nil) {
		if binary.BigEndian.Uint64(key) > head-maxEntries {
			return
		}
		var e Entry
		if json.Unmarshal(value, &e) == nil && e.Incident != "" {
			tx.Delete(bucketOf, append([]byte(e.Incident+"/"), key...))
		}
		tx.Delete(bucketEntries, key)
	}
}

// last is the newest entry, the zero one of an empty ledger.
func last(tx *journal.Tx) (head Entry) {
	if v := tx.Get(bucketRead, []byte(keyHead)); v != nil {
		_ = json.Unmarshal(v, &head) // unreadable is empty: the chain shows it
	}
	return head
}

// Each gives fn the entries from number n on, in order.
func (l *Ledger) Each(n uint64, fn func(Entry) error) error {
	for {
		var batch []Entry
		err := l.state.View(func(tx *journal.Tx) error {
			for _, value := range tx.Ascend(bucketEntries, sequence(n)) {
				var e Entry
				if err := json.Unmarshal(value, &e); err != nil {
					return err
				}
				if batch = append(batch, e); len(batch) == ledgerBatch {
					break
				}
			}
			return nil
		})
		if err != nil || len(batch) == 0 {
			return err
		}
		for _, e := range batch {
			if err := fn(e); err != nil {
				return err
			}
		}
		n = batch[len(batch)-1].N + 1
	}
}

// Verdict is what became of the ledger.
type Verdict struct {
	First   uint64 `json:"first"`
	Entries uint64 `json:"entries"`
	// Head is the hash of the newest entry: who has written it down sees later
	// whether anything before it was changed.
	Head string `json:"head"`
	// Broken is the first entry that is not what was written, 0 if all are.
	Broken uint64 `json:"broken,omitempty"`
	// Known tells whether the hash that was asked for is that of an entry.
	Known bool `json:"known"`
}

// Verify goes through the whole chain. noted may be a hash that somebody has
// written down earlier.
func (l *Ledger) Verify(noted string) (Verdict, error) {
	v := Verdict{Known: noted == ""}
	err := l.Each(1, func(e Entry) error {
		if v.Entries == 0 {
			v.First = e.N
		}
		if v.Broken == 0 && (e.Hash != e.digest() || v.Entries > 0 && (e.Prev != v.Head || e.N != v.First+v.Entries) || e.N == 1 && e.Prev != "") {
			v.Broken = e.N
		}
		v.Entries++
		v.Head = e.Hash
		v.Known = v.Known || e.Hash == noted
		return nil
	})
	return v, err
}

// of lists the entries of an incident by the time of the box.
func (l *Ledger) of(incident string) ([]Entry, error) {
	var list []Entry
	err := l.state.View(func(tx *journal.Tx) error {
		prefix := incident + "/"
		for key := range tx.Ascend(bucketOf, []byte(prefix)) {
			if len(key) != len(prefix)+8 || string(key[:len(prefix)]) != prefix {
				break
			}
			var e Entry
			if err := json.Unmarshal(tx.Get(bucketEntries, key[len(prefix):]), &e); err != nil {
				return err
			}
			list = append(list, e)
		}
		return nil
	})
	slices.SortStableFunc(list, func(a, b Entry) int {
		if d, same := a.At.Since(b.At); same {
			return cmp.Compare(d, 0)
		}
		return a.At.Wall.Compare(b.At.Wall)
	})
	return list, err
}

// Explain says in words why an incident was raised, why each page went where
// it went, and how things stand.
func (l *Ledger) Explain(ctx context.Context, incident string, lang texts.Lang) ([]string, error) {
	if err := l.catchUp(ctx); err != nil {
		return nil, err
	}
	entries, err := l.of(incident)
	if err != nil {
		return nil, err
	}
	i, known := l.engine.incident(incident)
	if !known && len(entries) == 0 {
		return nil, texts.Errorf(texts.Alert.UnknownIncident, incident)
	}
	t := texts.AlertExplain
	var lines []string
	say := func(at devices.Stamp, text texts.Text, args ...any) {
		when := at.Wall.In(zone).Format("01-02 15:04:05")
		if !at.Synced {
			when += "?"
		}
		lines = append(lines, when+"  "+text.In(lang, args...))
	}
	for _, e := range entries {
		event := devices.Event{Type: e.Type, Data: e.Data}
		switch e.Type {
		case TypeRaised:
			p, _ := decode[Raised](event)
			text := t.Raised
			if p.Round > 1 {
				text = t.RaisedAgain
			}
			say(e.At, text, p.Kind.Text(), p.Priority.Text(), p.Round, p.Step, p.Pages)
			if !rules[p.Kind].calls() {
				say(e.At, t.Rule, rules[p.Kind].say)
			} else {
				say(e.At, t.Pressed, cmp.Or(p.Device, "-"))
			}
			for _, s := range p.Because {
				say(e.At, t.Because, s.Text(lang))
			}
		case TypeEscalated:
			p, _ := decode[Escalated](event)
			say(e.At, t.Escalated, p.Step, p.Pages)
		case TypePaged:
			p, _ := decode[Paged](event)
			if p.Recipient == "" {
				continue // the box's own log
			}
			say(e.At, t.Paged, p.Step, p.Recipient, p.Channel, p.Why.Text(lang, p.Group), p.Result.Text(), p.Attempts, detail(p.Detail))
		case TypeAcknowledged:
			p, _ := decode[Acknowledged](event)
			say(e.At, t.Acknowledged, p.By, p.How)
		case TypeOnScene:
			p, _ := decode[OnScene](event)
			say(e.At, t.OnScene, p.By, p.How)
		case TypeNoted:
			p, _ := decode[Noted](event)
			say(e.At, t.Noted, p.By)
		case TypeHandedOver:
			p, _ := decode[HandedOver](event)
			say(e.At, t.HandedOver, p.By, p.To)
		case TypeResolved:
			p, _ := decode[Resolved](event)
			say(e.At, t.Resolved, p.By, p.Cause.Text())
		}
	}
	if !known {
		return lines, nil
	}
	now := l.engine.options.Clock()
	for _, d := range i.Deliveries {
		if d.Step == i.Step && d.Recipient != "" && d.Result != Accepted && d.Result != Permanent {
			say(now, t.Paged, d.Step, d.Recipient, d.Channel, d.Why.Text(lang, d.Group), d.Result.Text(), d.Attempts, detail(d.Detail))
		}
	}
	if i.Resolved != nil && i.Resolved.By == byBox {
		say(i.Resolved.At, t.Mended)
	}
	say(now, t.Now, i.Phase.Text())
	if left := l.engine.mutedFor(incident); left > 0 {
		say(now, t.Muted, int(left/time.Minute)+1)
	}
	return lines, nil
}

func detail(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}

// calls tells whether it is a call for help, which needs no rule.
func (r rule) calls() bool { return r.priority == High }

// incident returns one of those on the board.
func (e *Engine) incident(id string) (Incident, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.board.records[id]
	if r == nil {
		return Incident{}, false
	}
	return r.Incident.clone(), true
}

func (e *Engine) mutedFor(id string) time.Duration {
	now := e.options.Clock()
	e.mu.Lock()
	defer e.mu.Unlock()
	r := e.board.records[id]
	if r == nil || r.Phase != PhaseRaised {
		return 0
	}
	return e.board.muted(r, now)
}

// Text says as what somebody was called.
func (w Reason) Text(lang texts.Lang, group string) string {
	t := texts.AlertExplain
	switch w {
	case WhyOwn:
		return t.Own.In(lang)
	case WhyDuty:
		return t.Duty.In(lang, group)
	case WhySupervisor:
		return t.Supervisor.In(lang, group)
	case WhyDesk:
		return t.Desk.In(lang, group)
	case WhyOperator:
		return t.Operator.In(lang, group)
	case WhyFallback:
		return t.Fallback.In(lang)
	}
	return t.Everyone.In(lang)
}

// Text names the class.
func (c Class) Text() texts.Text {
	t := texts.AlertExplain
	switch c {
	case Accepted:
		return t.Accepted
	case Temporary:
		return t.Temporary
	case Permanent:
		return t.Permanent
	case Unknown:
		return t.Unknown
	}
	return t.NotYet
}
