package mqtt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// restart stops the broker and starts another one on the same file.
func (b *brokerBench) restart(t testing.TB, file string) *brokerBench {
	t.Helper()
	b.stop()
	return startBroker(t, BrokerConfig{File: file})
}

// Sessions with subscriptions and queues, QoS 2 numbers in both directions and
// retained messages are there after a restart.
func TestSessionsSurviveRestart(t *testing.T) {
	inVersions(t, func(t *testing.T, v packet.Version) {
		file := filepath.Join(t.TempDir(), "sessions")
		b := startBroker(t, BrokerConfig{File: file})
		p, _ := b.connect(t, v, "c", keeping)
		p.subscribe("std/#", 2, func(s *packet.Subscribe) {
			if v == packet.V5 {
				s.Properties.SubscriptionIDs = []uint32{5}
			}
		})
		other, _ := b.connect(t, v, "other", keeping)
		other.publish("std/kept", 1, "kept", func(m *packet.Publish) {
			m.Retain = true
			if v == packet.V5 {
				m.Properties.SetData(packet.ContentType, []byte("text"))
				m.Properties.SetNumber(packet.MessageExpiry, 600)
			}
		})
		other.publish("std/two", 2, "two", nil)
		other.say(&packet.Publish{Topic: []byte("std/three"), QoS: 2, ID: 9, Payload: []byte("three")})
		other.ack(packet.PUBREC, 9) // and PUBREL only after the restart
		kept, two := p.hears("kept"), p.hears("two")
		p.say(&packet.Ack{Type: packet.PUBREC, ID: two.ID})
		p.hears("three")
		p.ack(packet.PUBREL, two.ID)

		b = b.restart(t, file)
		p, ack := b.connect(t, v, "c", keeping)
		if !ack.SessionPresent {
			t.Fatal("the session is gone")
		}
		m := p.hears("kept")
		if !m.Dup || m.ID != kept.ID || m.QoS != 1 || v == packet.V5 &&
			(string(m.Properties.Data(packet.ContentType)) != "text" || m.Properties.Number(packet.MessageExpiry) == 0 || !slices.Equal(m.Properties.SubscriptionIDs, []uint32{5})) {
			t.Errorf("came again as %+v", m)
		}
		p.ack(packet.PUBREL, two.ID)
		three := p.hears("three")
		p.say(&packet.Ack{Type: packet.PUBACK, ID: m.ID}, &packet.Ack{Type: packet.PUBCOMP, ID: two.ID}, &packet.Ack{Type: packet.PUBREC, ID: three.ID})
		p.ack(packet.PUBREL, three.ID)
		p.say(&packet.Ack{Type: packet.PUBCOMP, ID: three.ID})

		other, _ = b.connect(t, v, "other", keeping)
		other.say(&packet.Publish{Dup: true, Topic: []byte("std/three"), QoS: 2, ID: 9, Payload: []byte("three")})
		other.ack(packet.PUBREC, 9)
		p.silent() // it is the same
		other.say(&packet.Ack{Type: packet.PUBREL, ID: 9})
		other.ack(packet.PUBCOMP, 9)
		other.publish("std/four", 1, "four", nil) // the subscription is there
		p.say(&packet.Ack{Type: packet.PUBACK, ID: p.hears("four").ID})
		p.silent()

		b = b.restart(t, file)
		p, _ = b.connect(t, v, "c", keeping)
		p.silent()
		late, _ := b.connect(t, v, "late", nil)
		late.subscribe("std/kept", 0, nil)
		if m := late.hears("kept"); !m.Retain {
			t.Error("not marked as retained")
		}
	})
}

// A clean start, a revocation and the end of a session leave nothing behind.
func TestNothingIsLeftOnDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions")
	b := startBroker(t, BrokerConfig{File: file})
	other, _ := b.connect(t, packet.V5, "other", nil)
	for i, end := range []func(p *peer, id string){
		func(_ *peer, id string) { b.connect(t, packet.V5, id, nil) },
		func(p *peer, _ string) {
			q := &packet.Disconnect{}
			q.Properties.SetNumber(packet.SessionExpiry, 0)
			p.say(q)
			p.closed()
		},
		func(p *peer, _ string) { b.Disconnect(hub); p.ended() },
	} {
		id := fmt.Sprint("c", i)
		p, _ := b.connect(t, packet.V5, id, keeping)
		p.subscribe("std/a", 2, nil)
		other.publish("std/a", 1, "x", nil)
		p.hears("x")
		p.say(&packet.Publish{Topic: []byte("std/b"), QoS: 2, ID: 4})
		p.ack(packet.PUBREC, 4)
		end(p, id)
	}
	b.stop()
	db, err := bolt.Open(file, 0o600, &bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.View(func(tx *bolt.Tx) error {
		for _, name := range [][]byte{sessionsBucket, queueBucket, receiptsBucket, retainedBucket} {
			if n := tx.Bucket(name).Stats().KeyN; n != 0 {
				t.Errorf("%s holds %d keys", name, n)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// Rights that were taken away while the box was off are gone from the session
// too.
func TestRightsAreLookedAtAgain(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions")
	b := startBroker(t, BrokerConfig{File: file})
	p, _ := b.connect(t, packet.V311, "c", keeping)
	p.subscribe("std/#", 1, nil)
	other, _ := b.connect(t, packet.V311, "other", nil)
	other.publish("std/a", 1, "x", nil)
	b.stop()
	db, err := bolt.Open(file, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	// The session of another account, which may not subscribe there.
	err = db.Update(func(tx *bolt.Tx) error {
		c := tx.Bucket(sessionsBucket).Cursor()
		k, v := c.First()
		v, err := unseal(k, v)
		if err != nil {
			return err
		}
		var s storedSession
		if err := json.Unmarshal(v, &s); err != nil {
			return err
		}
		s.Account = "d1"
		value, err := json.Marshal(s)
		if err != nil {
			return err
		}
		return tx.Bucket(sessionsBucket).Put(k, seal(k, value))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	b = startBroker(t, BrokerConfig{File: file})
	q, ack := b.connect(t, packet.V311, "c", func(c *packet.Connect) {
		c.CleanStart, c.User, c.Password = false, []byte("d1"), []byte("d1")
	})
	if !ack.SessionPresent {
		t.Fatal("no session")
	}
	q.silent()
	if s := b.Clients(); len(s[0].Subscriptions) != 0 || s[0].Queued != 0 {
		t.Errorf("kept %+v", s[0])
	}
}

// A damaged file is put aside, and the broker begins anew.
func TestDamagedSessions(t *testing.T) {
	for name, damage := range map[string]func(b []byte) []byte{
		"cut":      func(b []byte) []byte { return b[:8192] }, // of all pages only the first two
		"no bolt":  func(b []byte) []byte { return []byte("junk") },
		"flipped":  func(b []byte) []byte { return flip(b, "std/kept") },
		"overlaid": func(b []byte) []byte { return append(b[:8192:8192], make([]byte, len(b)-8192)...) },
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "sessions")
			b := startBroker(t, BrokerConfig{File: file})
			p, _ := b.connect(t, packet.V311, "c", keeping)
			p.publish("std/kept", 1, "kept", retained)
			b.stop()
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, damage(content), 0o600); err != nil {
				t.Fatal(err)
			}
			b = startBroker(t, BrokerConfig{File: file})
			_, ack := b.connect(t, packet.V311, "c", keeping)
			if ack.SessionPresent {
				t.Error("a session out of a damaged file")
			}
			if _, err := os.Stat(file + ".damaged"); err != nil {
				t.Error(err)
			}
		})
	}
}

func flip(b []byte, where string) []byte {
	for i := range b {
		if i+len(where) < len(b) && string(b[i:i+len(where)]) == where {
			b[i+len(where)+6] ^= 1
		}
	}
	return b
}

// While what is on disk cannot be written, nothing that depends on it is
// acknowledged, and what does not is.
func TestDiskThatFails(t *testing.T) {
	b := startBroker(t, BrokerConfig{File: filepath.Join(t.TempDir(), "sessions")})
	p, _ := b.connect(t, packet.V5, "c", keeping)
	p.subscribe("std/#", 1, nil)
	other, _ := b.connect(t, packet.V5, "other", nil)
	device := b.login(t, 4, "d", "d1", true)
	b.store.later(func(*bolt.Tx) error { return errors.New("no space left on device") }) // in the transaction of the next
	other.say(&packet.Publish{Topic: []byte("std/a"), QoS: 1, ID: 1, Payload: []byte("x")})
	other.closed()
	device.publish(deviceTopic("d1"), 1, 1, "x")
	device.read(0x40)
	p.silent()
	other, _ = b.connect(t, packet.V5, "other", nil)
	other.publish("std/a", 1, "again", nil)
	p.hears("again")
}

// Exactly once also means not never: what could not be written into a kept
// session's queue is passed on when the device says it again.
func TestDiskThatFailsAndReturns(t *testing.T) {
	b := startBroker(t, BrokerConfig{File: filepath.Join(t.TempDir(), "sessions")})
	p, _ := b.connect(t, packet.V5, "c", keeping)
	p.subscribe("std/#", 2, nil)
	other, _ := b.connect(t, packet.V5, "other", keeping)
	publish := &packet.Publish{Topic: []byte("std/a"), QoS: 2, ID: 1, Payload: []byte("x")}
	b.handler.Hang()
	other.say(publish)
	eventually(t, "with the handler", func() bool { return b.handler.Calls() == 1 }) // its number is written down
	b.store.later(func(*bolt.Tx) error { return errors.New("no space left on device") })
	b.handler.Release()
	other.closed()
	other, _ = b.connect(t, packet.V5, "other", keeping)
	publish.Dup = true
	other.say(publish)
	other.ack(packet.PUBREC, 1)
	p.hears("x")
}

// A publisher waits for the disk only where somebody's session is on it.
func TestRoutedWithoutACommit(t *testing.T) {
	b := startBroker(t, BrokerConfig{File: filepath.Join(t.TempDir(), "sessions")})
	p, _ := b.connect(t, packet.V5, "c", nil) // ends with the connection
	p.subscribe("std/#", 2, nil)
	other, _ := b.connect(t, packet.V5, "other", nil)
	hang := make(chan struct{})
	b.store.write([]change{func(*bolt.Tx) error { <-hang; return nil }}, func(error) {})
	for qos := range byte(3) {
		other.publish("std/a", qos, fmt.Sprint(qos), nil)
		p.hears(fmt.Sprint(qos))
	}
	close(hang)
}

// What is written is what is read: any history of changes against a model in
// memory, with restarts in between.
func TestStoreModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		dir, err := os.MkdirTemp("", "store")
		if err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(dir)
		file := filepath.Join(dir, "sessions")
		queue, receipts, kept := map[[2]uint64]string{}, map[[2]uint64]bool{}, map[string]string{}
		sessions := map[uint64]bool{}
		open := func() *store {
			s, k, err := openStore(file, testLog(t))
			if err != nil {
				rt.Fatal(err)
			}
			go s.run()
			found, gotQueue, gotReceipts, gotKept := map[uint64]bool{}, map[[2]uint64]string{}, map[[2]uint64]bool{}, map[string]string{}
			for _, ses := range k.sessions {
				found[ses.id] = true
				for _, d := range ses.waiting {
					gotQueue[[2]uint64{ses.id, d.seq}] = string(d.msg.payload)
				}
				for n, r := range ses.receipts {
					gotReceipts[[2]uint64{ses.id, uint64(n)}] = r.settled
				}
			}
			for _, m := range k.retained {
				gotKept[m.topic] = string(m.payload)
			}
			for _, c := range []struct{ got, want any }{{found, sessions}, {gotQueue, queue}, {gotReceipts, receipts}, {gotKept, kept}} {
				if g, w := fmt.Sprint(c.got), fmt.Sprint(c.want); g != w {
					rt.Fatalf("read %s, wrote %s", g, w)
				}
			}
			return s
		}
		s := open()
		write := func(c ...change) {
			done := make(chan error, 1)
			s.write(c, func(err error) { done <- err })
			if err := <-done; err != nil {
				rt.Fatal(err)
			}
		}
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			id := rapid.Uint64Range(1, 3).Draw(rt, "session")
			n := rapid.Uint64Range(1, 4).Draw(rt, "number")
			text := rapid.StringN(1, 8, -1).Draw(rt, "text")
			m := &message{topic: fmt.Sprint("t", n), payload: []byte(text), qos: 1}
			switch rapid.IntRange(0, 7).Draw(rt, "step") {
			case 0:
				write(putSession(&session{id: id, key: "a/c", keep: time.Hour}))
				sessions[id] = true
			case 1:
				write(deleteSession(id))
				delete(sessions, id)
				for k := range queue {
					if k[0] == id {
						delete(queue, k)
					}
				}
				for k := range receipts {
					if k[0] == id {
						delete(receipts, k)
					}
				}
			case 2:
				if sessions[id] {
					write(putDelivery(id, &delivery{msg: m, seq: n, qos: 1}))
					queue[[2]uint64{id, n}] = text
				}
			case 3:
				s.later(deleteDelivery(id, n))
				delete(queue, [2]uint64{id, n})
			case 4:
				if sessions[id] {
					routed := rapid.Bool().Draw(rt, "routed")
					write(putReceipt(id, uint16(n), &receipt{identity: "i", sum: 1}, routed))
					receipts[[2]uint64{id, n}] = routed
				}
			case 5:
				write(deleteReceipt(id, uint16(n)))
				delete(receipts, [2]uint64{id, n})
			case 6:
				if rapid.Bool().Draw(rt, "empty") {
					m.payload = nil
					delete(kept, m.topic)
				} else {
					kept[m.topic] = text
				}
				write(putRetained(m))
			case 7:
				if err := s.close(true); err != nil {
					rt.Fatal(err)
				}
				s = open()
			}
		}
		if err := s.close(true); err != nil {
			rt.Fatal(err)
		}
	})
}

// Commands of the gateway itself wait on disk for a device that sleeps.
func TestCommandWaitsOnDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessions")
	b := startBroker(t, BrokerConfig{File: file})
	w := b.login(t, 4, "c", "d1", false)
	w.subscribe("linli/v1/d1/command", 1)
	w.Close()
	b.awaitCount(t, "linli_mqtt_connections", "", 0)
	if err := b.Publish(context.Background(), "linli/v1/d1/command", []byte("open"), 1, false); err != nil {
		t.Fatal(err)
	}
	b = b.restart(t, file)
	w = b.login(t, 4, "c", "d1", false)
	w.read(0x30 | 1<<1 | 1<<3)
}
