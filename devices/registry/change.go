package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
)

// TypeChanged is the type of a Changed.
const TypeChanged devices.Type = "registry.changed"

// Author is who changes something, and by which way.
type Author struct {
	// By is the caregiver's ID, or what else the person is called by; "" for
	// the box itself.
	By string `json:"by,omitempty"`
	// How is "page", "http" or "command".
	How string `json:"how,omitempty"`
}

// Changed says that a record was registered, changed or removed. It is the
// payload of an event of devices.GatewayDevice, and says which fields, never
// what is in them.
//
//	{"table":"devices","id":"l1","what":"changed","fields":["facility","name"],"by":"li","how":"page"}
type Changed struct {
	Table Table  `json:"table"`
	ID    string `json:"id"`
	// What is one of the constants below.
	What string `json:"what"`
	// Fields are the names of those that changed; "secret" is the device's
	// login.
	Fields []string `json:"fields,omitempty"`
	Author
}

// What a Changed says.
const (
	Added   = "added"
	Edited  = "changed"
	Removed = "removed"
)

// rights tells whether a device may do something else than before: it is
// registered, removed, or one of these fields of it has changed.
func (c Changed) rights() bool {
	return c.Table == Devices && (c.What != Edited || slices.ContainsFunc(c.Fields, func(field string) bool {
		return slices.Contains([]string{"bridge", "certificate", "kind", "profile", "retired", "secret"}, field)
	}))
}

// EventType is TypeChanged.
func (Changed) EventType() devices.Type { return TypeChanged }

// Validate wants a record and what became of it.
func (c Changed) Validate() error {
	if c.Table == "" || c.ID == "" || !slices.Contains([]string{Added, Edited, Removed}, c.What) {
		return errors.New("table, id, what: missing")
	}
	return nil
}

// changesTable holds what is still to be journaled.
const changesTable Table = "changes"

// intention is what one Update has changed, as it stands on disk until it is
// journaled.
type intention struct {
	ID    string        `json:"id"`
	At    devices.Stamp `json:"at"`
	Items []Changed     `json:"items"`
}

// difference lists what differs between two snapshots at the given places.
func difference(before, after *Snapshot, places map[place][]byte, by Author) ([]Changed, error) {
	found := map[place]*Changed{}
	at := func(p place) *Changed {
		if found[p] == nil {
			found[p] = &Changed{Table: p.table, ID: p.id, What: Edited, Author: by}
		}
		return found[p]
	}
	for p := range places {
		if hashes := after.hashes(p.table); hashes != nil {
			if before.hashes(p.table)[p.id] != hashes[p.id] {
				c := at(place{Devices, p.id})
				c.Fields = append(c.Fields, credentialNames[p.table])
			}
			continue
		}
		was, then := before.record(p)
		is, now := after.record(p)
		fields, err := differing(was, is)
		switch {
		case err != nil:
			return nil, err
		case !now:
			at(p).What = Removed
		case !then:
			at(p).What = Added
			at(p).Fields = append(at(p).Fields, fields...)
		case len(fields) > 0:
			at(p).Fields = append(at(p).Fields, fields...)
		}
	}
	var list []Changed
	for _, p := range slices.SortedFunc(maps.Keys(found), comparePlaces) {
		slices.Sort(found[p].Fields)
		list = append(list, *found[p])
	}
	return list, nil
}

// differing are the names of the fields in which two records differ; either
// may be nil.
func differing(a, b Record) ([]string, error) {
	was, err := fieldsOf(a)
	if err != nil {
		return nil, err
	}
	is, err := fieldsOf(b)
	if err != nil {
		return nil, err
	}
	var names []string
	for name, v := range is {
		if name != "id" && !bytes.Equal(was[name], v) {
			names = append(names, name)
		}
	}
	for name := range was {
		if _, ok := is[name]; !ok && name != "id" && b != nil {
			names = append(names, name)
		}
	}
	return names, nil
}

func fieldsOf(r Record) (map[string]json.RawMessage, error) {
	if r == nil {
		return nil, nil
	}
	document, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	return fields, json.Unmarshal(document, &fields)
}

// intend writes down, in the transaction that changes the records, what is to
// be journaled of it.
func intend(tx *bolt.Tx, now devices.Stamp, items []Changed) (intention, error) {
	bucket, err := tx.CreateBucketIfNotExists([]byte(changesTable))
	if err != nil {
		return intention{}, err
	}
	n, err := bucket.NextSequence()
	if err != nil {
		return intention{}, err
	}
	// The number alone begins anew when a damaged file is replaced.
	i := intention{ID: fmt.Sprintf("%012d-%s", n, newSecret()[:secretGroup*2+1]), At: now, Items: items}
	document, err := json.Marshal(i)
	if err != nil {
		return i, err
	}
	return i, bucket.Put([]byte(i.ID), seal(changesTable, i.ID, document))
}

// intentions reads what is still to be journaled, oldest first.
func intentions(tx *bolt.Tx) ([]intention, error) {
	var list []intention
	bucket := tx.Bucket([]byte(changesTable))
	if bucket == nil {
		return nil, nil
	}
	err := bucket.ForEach(func(key, value []byte) error {
		var i intention
		document, err := unseal(changesTable, string(key), value)
		if err == nil && json.Unmarshal(document, &i) == nil && i.ID == string(key) {
			list = append(list, i)
		}
		return nil
	})
	return list, err
}

const (
	saveEvery  = 5 * time.Minute // what is new in the inbox
	countEvery = time.Hour       // what has only gone on there
)

// Run journals the changes, who made them and when, and saves the inbox, until
// ctx ends. A change that was made and not journaled before a crash is
// journaled by the next Run, one that was is a redelivery.
func (r *Registry) Run(ctx context.Context, to devices.Recorder) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for n := 1; ; {
		if err := r.journal(ctx, to); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.changed:
		case <-tick.C:
			if err := r.saveInbox(n%int(countEvery/saveEvery) == 0); err != nil {
				return err
			}
			n++
		}
	}
}

func (r *Registry) journal(ctx context.Context, to devices.Recorder) error {
	for {
		r.writing.Lock()
		pending := slices.Clone(r.pending)
		r.writing.Unlock()
		if len(pending) == 0 {
			return nil
		}
		for _, i := range pending {
			for n, c := range i.Items {
				e, err := devices.New(devices.GatewayDevice, c)
				if err != nil {
					return err
				}
				e.ID, e.Received = "registry/"+i.ID+"/"+strconv.Itoa(n), i.At
				if err := to.Record(ctx, e); err != nil {
					return fmt.Errorf("journal a change of the registry: %w", err)
				}
			}
		}
		if err := r.journaled(pending); err != nil {
			return err
		}
	}
}

func (r *Registry) journaled(done []intention) error {
	r.writing.Lock()
	defer r.writing.Unlock()
	writes := map[place][]byte{}
	for _, i := range done {
		writes[place{changesTable, i.ID}] = nil
	}
	if err := r.write(writes); err != nil {
		return fmt.Errorf("write registry: %w", err)
	}
	r.pending = r.pending[len(done):] // only journaled takes from it
	return nil
}
