package mqtt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// The buckets. Each value ends with a CRC-32C over its key and what is before.
//
//	sessions  key: session, 8 bytes big-endian
//	          value: {"account":…,"client":…,"keep":…,"subscriptions":[…]}
//	queue     key: session, sequence, 8 bytes each
//	          value: state (0 to be sent, 1 PUBREC came), seconds left (4), PUBLISH of MQTT 5
//	receipts  key: session, packet number (2)
//	          value: state (0 heard, 1 passed on), sum (8), identity
//	retained  key: topic
//	          value: seconds left (4), PUBLISH of MQTT 5
var (
	sessionsBucket = []byte("sessions")
	queueBucket    = []byte("queue")
	receiptsBucket = []byte("receipts")
	retainedBucket = []byte("retained")
)

// change is something that is to be written.
type change func(*bolt.Tx) error

// lazily is how long what nobody waits for may wait for company.
const lazily = time.Second

// store keeps sessions and retained messages in a bbolt file. One goroutine
// writes; what comes while it does goes into the next commit.
type store struct {
	db  *bolt.DB
	log *slog.Logger

	mu      sync.Mutex
	changes []change
	waiting []func(error)
	closed  bool
	work    chan struct{} // capacity 1: somebody waits, or the store is closed
	done    chan struct{}
}

// openStore opens or makes the file at path. A damaged one is put aside, with
// the ending .damaged: clients make their sessions anew.
func openStore(path string, log *slog.Logger) (*store, *kept, error) {
	db, k, err := openFile(path)
	if errors.Is(err, errDamaged) {
		log.Error("mqtt sessions are damaged; beginning anew", "file", path, "error", err)
		if err := os.Rename(path, path+".damaged"); err != nil {
			return nil, nil, fmt.Errorf("mqtt sessions: %w", err)
		}
		db, k, err = openFile(path)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("mqtt sessions: %w", err)
	}
	s := &store{db: db, log: log, work: make(chan struct{}, 1), done: make(chan struct{})}
	return s, k, nil
}

var errDamaged = errors.New("damaged")

func openFile(path string) (db *bolt.DB, k *kept, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil { // the handle is abandoned, with its locks
			db, k, err = nil, nil, fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	db, err = bolt.Open(path, 0o600, &bolt.Options{Timeout: 5 * time.Second})
	switch {
	case errors.Is(err, berrors.ErrInvalid), errors.Is(err, berrors.ErrChecksum), errors.Is(err, berrors.ErrVersionMismatch):
		return nil, nil, fmt.Errorf("%w: %w", errDamaged, err)
	case err != nil:
		return nil, nil, err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{sessionsBucket, queueBucket, receiptsBucket, retainedBucket} {
			if _, err := tx.CreateBucketIfNotExists(name); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil {
		err = db.View(func(tx *bolt.Tx) error {
			k, err = readKept(tx)
			return err
		})
	}
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return db, k, nil
}

// write puts changes on disk, all of them or none, and calls done, in the
// order of the calls. done must not wait.
func (s *store) write(changes []change, done func(error)) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		done(ErrNotConnected)
		return
	}
	s.changes = append(s.changes, changes...)
	s.waiting = append(s.waiting, done)
	s.mu.Unlock()
	select {
	case s.work <- struct{}{}:
	default: // it is going to look anyway
	}
}

// later puts a change on disk some time: before whatever is written after it,
// and if nothing is, within a second. It is for what does no harm if it is
// lost.
func (s *store) later(c change) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes = append(s.changes, c)
}

// run writes until the store is closed.
func (s *store) run() {
	defer close(s.done)
	tick := time.NewTicker(lazily)
	defer tick.Stop()
	for {
		select {
		case <-s.work:
		case <-tick.C:
		}
		s.mu.Lock()
		changes, waiting, closed := s.changes, s.waiting, s.closed
		s.changes, s.waiting = nil, nil
		s.mu.Unlock()
		var err error
		if len(changes) > 0 {
			if err = s.commit(changes); err != nil {
				s.log.Error("mqtt sessions are not written", "error", err)
			}
		}
		for _, done := range waiting {
			if p := guarded(func() error { done(err); return nil }); p != nil {
				s.log.Error("mqtt: after a commit", "error", p)
			}
		}
		if closed && len(changes) == 0 {
			return
		}
		if closed {
			select {
			case s.work <- struct{}{}:
			default:
			}
		}
	}
}

func (s *store) commit(changes []change) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errDamaged, r)
		}
	}()
	return s.db.Update(func(tx *bolt.Tx) error {
		for _, c := range changes {
			if err := c(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// close writes what is left, if run was ever called, and closes the file.
func (s *store) close(running bool) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	if running {
		select {
		case s.work <- struct{}{}:
		default:
		}
		<-s.done
	}
	return s.db.Close()
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func seal(key, value []byte) []byte {
	return binary.LittleEndian.AppendUint32(value, crc32.Update(crc32.Checksum(value, castagnoli), castagnoli, key))
}

func unseal(key, value []byte) ([]byte, error) {
	n := len(value) - 4
	if n < 0 || binary.LittleEndian.Uint32(value[n:]) != crc32.Update(crc32.Checksum(value[:n], castagnoli), castagnoli, key) {
		return nil, fmt.Errorf("%w: checksum of %x", errDamaged, key)
	}
	return value[:n], nil
}

func put(bucket, key, value []byte) change {
	value = seal(key, value)
	return func(tx *bolt.Tx) error { return tx.Bucket(bucket).Put(key, value) }
}

func remove(bucket, key []byte) change {
	return func(tx *bolt.Tx) error { return tx.Bucket(bucket).Delete(key) }
}

func key64(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func queueKey(session, seq uint64) []byte { return binary.BigEndian.AppendUint64(key64(session), seq) }

func receiptKey(session uint64, number uint16) []byte {
	return binary.BigEndian.AppendUint16(key64(session), number)
}

// storedSession is the value of a session.
type storedSession struct {
	Account       string               `json:"account"`
	Client        string               `json:"client"`
	Keep          time.Duration        `json:"keep"`
	Subscriptions []storedSubscription `json:"subscriptions,omitempty"`
}

type storedSubscription struct {
	Filter            string `json:"filter"`
	QoS               byte   `json:"qos"`
	NoLocal           bool   `json:"no_local,omitempty"`
	RetainAsPublished bool   `json:"retain_as_published,omitempty"`
	ID                uint32 `json:"id,omitempty"`
}

// putSession writes s as it is now. The caller holds its lock.
func putSession(s *session) change {
	v := storedSession{Account: s.account.ID, Client: s.client, Keep: s.keep}
	for filter, sub := range s.subs {
		v.Subscriptions = append(v.Subscriptions, storedSubscription{filter, sub.qos, sub.noLocal, sub.retainAsPublished, sub.id})
	}
	value, err := json.Marshal(v)
	if err != nil {
		return func(*bolt.Tx) error { return err }
	}
	return put(sessionsBucket, key64(s.id), value)
}

// deleteSession removes a session and all that belongs to it.
func deleteSession(id uint64) change {
	return func(tx *bolt.Tx) error {
		prefix := key64(id)
		if err := tx.Bucket(sessionsBucket).Delete(prefix); err != nil {
			return err
		}
		for _, name := range [][]byte{queueBucket, receiptsBucket} {
			b := tx.Bucket(name)
			var keys [][]byte // deleting under a cursor skips some
			c := b.Cursor()
			for k, _ := c.Seek(prefix); bytes.HasPrefix(k, prefix); k, _ = c.Next() {
				keys = append(keys, bytes.Clone(k))
			}
			for _, k := range keys {
				if err := b.Delete(k); err != nil {
					return err
				}
			}
		}
		return nil
	}
}

func putDelivery(session uint64, d *delivery) change {
	state := byte(0)
	if d.received {
		state = 1
	}
	value := appendMessage([]byte{state}, d.msg, d.qos, d.retain, d.ids)
	return put(queueBucket, queueKey(session, d.seq), value)
}

func deleteDelivery(session, seq uint64) change { return remove(queueBucket, queueKey(session, seq)) }

func putReceipt(session uint64, number uint16, r *receipt, routed bool) change {
	state := byte(0)
	if routed {
		state = 1
	}
	value := append(binary.BigEndian.AppendUint64([]byte{state}, r.sum), r.identity...)
	return put(receiptsBucket, receiptKey(session, number), value)
}

func deleteReceipt(session uint64, number uint16) change {
	return remove(receiptsBucket, receiptKey(session, number))
}

// putRetained writes what is retained under m's topic.
func putRetained(m *message) change {
	if len(m.payload) == 0 {
		return remove(retainedBucket, []byte(m.topic))
	}
	return put(retainedBucket, []byte(m.topic), appendMessage(nil, m, m.qos, true, nil))
}

// appendMessage appends seconds left, 0 for no limit, and the message as a
// PUBLISH. Time is what is left, not when it ends, because the next boot may
// not know what time it is.
func appendMessage(b []byte, m *message, qos byte, retain bool, ids []uint32) []byte {
	left := uint32(0)
	if !m.expires.IsZero() {
		left = uint32(max(1, time.Until(m.expires)/time.Second))
	}
	p := packet.Publish{QoS: qos, Retain: retain, Topic: []byte(m.topic), Payload: m.payload}
	if qos > 0 {
		p.ID = 1 // it has to have one
	}
	p.Properties.Raw, p.Properties.SubscriptionIDs = m.props, ids
	return p.Append(binary.BigEndian.AppendUint32(b, left), packet.V5)
}

func readMessage(b []byte, now time.Time) (m *message, p packet.Publish, err error) {
	if len(b) < 4 {
		return nil, p, errDamaged
	}
	left := binary.BigEndian.Uint32(b)
	b = bytes.Clone(b[4:])
	h, n, err := packet.ParseHeader(packet.V5, b)
	if err == nil && (n == 0 || len(b) != n+h.Length || h.Type != packet.PUBLISH) {
		err = errDamaged
	}
	if err == nil {
		err = p.Decode(packet.V5, h.Flags, b[n:])
	}
	if err != nil {
		return nil, p, fmt.Errorf("%w: %w", errDamaged, err)
	}
	m = &message{topic: string(p.Topic), payload: p.Payload, qos: p.QoS, retain: p.Retain, props: p.Properties.Forward(nil)}
	if left > 0 {
		m.expires = now.Add(time.Duration(left) * time.Second)
	}
	return m, p, nil
}

// kept is what a store held when it was opened.
type kept struct {
	sessions []*session
	retained []*message
}

func readKept(tx *bolt.Tx) (*kept, error) {
	k, now, byID := &kept{}, time.Now(), map[uint64]*session{}
	err := tx.Bucket(sessionsBucket).ForEach(func(key, value []byte) error {
		value, err := unseal(key, value)
		if err != nil {
			return err
		}
		var v storedSession
		if err := json.Unmarshal(value, &v); err != nil || len(key) != 8 {
			return fmt.Errorf("%w: session %x: %w", errDamaged, key, err)
		}
		s := &session{
			key: v.Account + "/" + v.Client, client: v.Client, id: binary.BigEndian.Uint64(key), packets: newPacketIDs(), keep: v.Keep,
			account: devices.Account{ID: v.Account}, subs: map[string]*subscription{}, open: map[uint16]*delivery{}, receipts: map[uint16]*receipt{}, gone: now,
		}
		for _, f := range v.Subscriptions {
			s.subs[f.Filter] = newSubscription(s, f)
		}
		byID[s.id] = s
		k.sessions = append(k.sessions, s)
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = tx.Bucket(queueBucket).ForEach(func(key, value []byte) error {
		value, err := unseal(key, value)
		if err != nil {
			return err
		}
		if len(key) != 16 || len(value) < 1 {
			return fmt.Errorf("%w: queue %x", errDamaged, key)
		}
		s := byID[binary.BigEndian.Uint64(key)]
		if s == nil {
			return nil
		}
		m, p, err := readMessage(value[1:], now)
		if err != nil {
			return err
		}
		// It may have been sent: the client knows a duplicate by its number.
		d := &delivery{msg: m, seq: binary.BigEndian.Uint64(key[8:]), qos: p.QoS, retain: p.Retain, ids: p.Properties.SubscriptionIDs, received: value[0] == 1, sent: true}
		s.waiting = append(s.waiting, d)
		s.seq = max(s.seq, d.seq)
		s.queued++
		s.bytes += m.size()
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = tx.Bucket(receiptsBucket).ForEach(func(key, value []byte) error {
		value, err := unseal(key, value)
		if err != nil {
			return err
		}
		if len(key) != 10 || len(value) < 9 {
			return fmt.Errorf("%w: receipt %x", errDamaged, key)
		}
		if s := byID[binary.BigEndian.Uint64(key)]; s != nil {
			done := value[0] == 1
			s.receipts[binary.BigEndian.Uint16(key[8:])] = &receipt{identity: string(value[9:]), sum: binary.BigEndian.Uint64(value[1:]), routed: done, settled: done}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return k, tx.Bucket(retainedBucket).ForEach(func(key, value []byte) error {
		value, err := unseal(key, value)
		if err != nil {
			return err
		}
		m, _, err := readMessage(value, now)
		if err == nil {
			k.retained = append(k.retained, m)
		}
		return err
	})
}

func newSubscription(s *session, f storedSubscription) *subscription {
	plain, _ := unshare(f.Filter)
	group := ""
	if plain != f.Filter {
		group, _, _ = strings.Cut(strings.TrimPrefix(f.Filter, "$share/"), "/")
	}
	return &subscription{session: s, filter: plain, group: group, qos: f.QoS, noLocal: f.NoLocal, retainAsPublished: f.RetainAsPublished, id: f.ID}
}
