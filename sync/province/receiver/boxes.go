package receiver

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/province/contract"
)

var (
	keysBucket  = []byte("keys")
	codesBucket = []byte("codes")
	boxesBucket = []byte("boxes")
)

// key is one that a box made itself, as kept.
type key struct {
	contract.PublicKey
	Since time.Time `json:"since"`
	// Until is when it ends, zero while nothing has taken its place.
	Until time.Time `json:"until,omitzero"`
}

// Box is what is known of one that has sent anything.
type Box struct {
	ID string `json:"id"`
	// Generation and Sequence are the highest that were seen.
	Generation uint64    `json:"generation"`
	Sequence   uint64    `json:"sequence"`
	Seen       time.Time `json:"seen"`
	// Conflict says what was last refused because another box uses this one's
	// identity, or has taken its place; "" if nothing was.
	Conflict string    `json:"conflict,omitempty"`
	At       time.Time `json:"conflict_at,omitzero"`
}

// kept is a Box on disk, with the nonces of its latest requests.
type kept struct {
	Box
	Recent []string `json:"recent"`
}

// maxRecent is how many requests of a box are known again when they are
// repeated on the way.
const maxRecent = 64

// peekBody reads the body, and puts it back.
func peekBody(w http.ResponseWriter, req *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, contract.MaxBody))
	req.Body = io.NopCloser(bytes.NewReader(body))
	return body, err
}

// admit refuses a request of a box whose identity another one uses. A request
// that was admitted before is admitted again.
func admit(tx *bolt.Tx, signed contract.Signed, now time.Time) error {
	nonce, ok := contract.ParseNonce(signed.Nonce)
	if !ok {
		return nil // not one of ours: nothing can be told
	}
	b := tx.Bucket(boxesBucket)
	k := kept{Box: Box{ID: signed.KeyID}}
	if value := b.Get([]byte(signed.KeyID)); value != nil {
		if err := json.Unmarshal(value, &k); err != nil {
			return fmt.Errorf("box %q: %w", signed.KeyID, err)
		}
	}
	switch {
	case slices.Contains(k.Recent, signed.Nonce):
		return nil
	case nonce.Generation < k.Generation:
		return &problem{
			status: http.StatusConflict, code: contract.ProblemReplaced,
			detail: fmt.Sprintf("generation %d has been replaced by %d", nonce.Generation, k.Generation),
		}
	case nonce.Generation == k.Generation && nonce.Sequence <= k.Sequence:
		return &problem{
			status: http.StatusConflict, code: contract.ProblemCloned, sequence: k.Sequence,
			detail: fmt.Sprintf("request %d of generation %d after %d: two boxes use one identity", nonce.Sequence, nonce.Generation, k.Sequence),
		}
	}
	k.Generation, k.Sequence, k.Seen = nonce.Generation, nonce.Sequence, now
	k.Recent = append(k.Recent, signed.Nonce)
	k.Recent = k.Recent[max(0, len(k.Recent)-maxRecent):]
	return putJSON(b, []byte(signed.KeyID), k)
}

// noteConflict keeps what was refused, for people to see.
func (r *Receiver) noteConflict(box string, p *problem) {
	err := r.db.Update(func(tx *bolt.Tx) error {
		b := tx.Bucket(boxesBucket)
		k := kept{Box: Box{ID: box}}
		if value := b.Get([]byte(box)); value != nil {
			if err := json.Unmarshal(value, &k); err != nil {
				return err
			}
		}
		k.Conflict, k.At = p.Error(), r.now()
		return putJSON(b, []byte(box), k)
	})
	if err != nil {
		r.options.Logger.Error("conflict not kept", "box", box, "error", err)
	}
}

// Boxes lists those that have sent anything, by ID.
func (r *Receiver) Boxes() (boxes []Box, err error) {
	err = r.db.View(func(tx *bolt.Tx) error {
		return tx.Bucket(boxesBucket).ForEach(func(_, v []byte) error {
			var k kept
			if err := json.Unmarshal(v, &k); err != nil {
				return err
			}
			boxes = append(boxes, k.Box)
			return nil
		})
	})
	return boxes, err
}

func (r *Receiver) serveBoxes(w http.ResponseWriter, _ *http.Request) {
	boxes, err := r.Boxes()
	if err != nil {
		r.options.Logger.Error("boxes not read", "error", err)
		http.Error(w, "the store could not be read", http.StatusInternalServerError)
		return
	}
	r.reply(w, http.StatusOK, boxes)
}

func putJSON(b *bolt.Bucket, key []byte, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return b.Put(key, value)
}

// lookup finds the keys of a box: the one that it shares, and those that it has
// made.
func (r *Receiver) lookup(box string) (schemes []contract.Scheme) {
	if s, ok := r.options.Keys[box]; ok {
		schemes = append(schemes, s)
	}
	err := r.db.View(func(tx *bolt.Tx) error {
		return eachKey(tx, box, func(_ []byte, k key) error {
			if !k.Until.IsZero() && r.now().After(k.Until) {
				return nil
			}
			s, err := k.Scheme(r.options.Form)
			if err == nil {
				schemes = append(schemes, s)
			}
			return err
		})
	})
	if err != nil {
		r.options.Logger.Error("keys not read", "box", box, "error", err)
	}
	return schemes
}

func keyName(box string, k contract.PublicKey) []byte {
	return []byte(box + "\x00" + hex.EncodeToString(k.Key))
}

func eachKey(tx *bolt.Tx, box string, each func(name []byte, k key) error) error {
	prefix := []byte(box + "\x00")
	c := tx.Bucket(keysBucket).Cursor()
	for name, v := c.Seek(prefix); name != nil && bytes.HasPrefix(name, prefix); name, v = c.Next() {
		var k key
		if err := json.Unmarshal(v, &k); err != nil {
			return fmt.Errorf("key of %q: %w", box, err)
		}
		if err := each(bytes.Clone(name), k); err != nil {
			return err
		}
	}
	return nil
}

// enrol takes the key of a box that knows its one-time code. The same key with
// the same code is taken again: the box may not have heard the answer.
func (r *Receiver) enrol(w http.ResponseWriter, req *http.Request) {
	// The signature is by the key that the body tells, so the body comes first.
	body, err := peekBody(w, req)
	var e contract.Enrolment
	var scheme contract.Scheme
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	if err == nil {
		scheme, err = e.Scheme(r.options.Form)
	}
	if err != nil {
		r.refuse(w, e.Box, &problem{status: http.StatusBadRequest, code: contract.ProblemBatch, detail: err.Error()})
		return
	}
	signed, _, err := r.read(w, req, contract.JSONType, func(box string) []contract.Scheme {
		if box != e.Box || devices.CheckCode("box", box) != nil {
			return nil
		}
		return []contract.Scheme{scheme}
	})
	if err == nil {
		err = r.enrolled(signed.KeyID, e)
	}
	if err != nil {
		r.refuse(w, e.Box, err)
		return
	}
	r.options.Logger.Info("box enrolled", "box", e.Box, "algorithm", e.Algorithm)
	r.reply(w, http.StatusOK, contract.Enrolled{ServerTime: r.now()})
}

func (r *Receiver) enrolled(box string, e contract.Enrolment) error {
	return r.db.Update(func(tx *bolt.Tx) error {
		codes := tx.Bucket(codesBucket)
		name := keyName(box, e.PublicKey)
		code := []byte(box + "\x00" + e.Code)
		used := codes.Get(code)
		want, given := r.options.Codes[box]
		if !given || e.Code == "" || e.Code != want || used != nil && !bytes.Equal(used, name) {
			return &problem{status: http.StatusForbidden, code: contract.ProblemCode, detail: "the enrolment code is not known, or was used before"}
		}
		var old [][]byte
		err := eachKey(tx, box, func(name []byte, _ key) error {
			old = append(old, name)
			return nil
		})
		if err != nil {
			return err
		}
		for _, name := range old {
			if err := tx.Bucket(keysBucket).Delete(name); err != nil {
				return err
			}
		}
		if err := codes.Put(code, name); err != nil {
			return err
		}
		// Its requests are numbered anew, whoever used its identity before.
		k := kept{Box: Box{ID: box}}
		if value := tx.Bucket(boxesBucket).Get([]byte(box)); value != nil {
			if err := json.Unmarshal(value, &k); err != nil {
				return err
			}
		}
		k.Sequence, k.Recent, k.Conflict = 0, nil, ""
		if err := putJSON(tx.Bucket(boxesBucket), []byte(box), k); err != nil {
			return err
		}
		return putJSON(tx.Bucket(keysBucket), name, key{PublicKey: e.PublicKey, Since: r.now()})
	})
}

// takeKey takes the next key of a box; those before it end soon.
func (r *Receiver) takeKey(w http.ResponseWriter, req *http.Request) {
	signed, body, err := r.read(w, req, contract.JSONType, r.lookup)
	var next contract.PublicKey
	if err == nil {
		if err = json.Unmarshal(body, &next); err == nil {
			_, err = next.Scheme(r.options.Form)
		}
		if err != nil {
			err = &problem{status: http.StatusBadRequest, code: contract.ProblemBatch, detail: err.Error()}
		}
	}
	if err == nil {
		err = r.db.Update(func(tx *bolt.Tx) error {
			if err := admit(tx, signed, r.now()); err != nil {
				return err
			}
			keys := tx.Bucket(keysBucket)
			before := map[string]key{}
			err := eachKey(tx, signed.KeyID, func(name []byte, k key) error {
				before[string(name)] = k
				return nil
			})
			if err != nil {
				return err
			}
			for name, k := range before {
				if k.Until.IsZero() && !bytes.Equal(k.Key, next.Key) {
					k.Until = r.now().Add(contract.KeyOverlap)
				}
				if err := putJSON(keys, []byte(name), k); err != nil {
					return err
				}
			}
			return putJSON(keys, keyName(signed.KeyID, next), key{PublicKey: next, Since: r.now()})
		})
	}
	if err != nil {
		r.refuse(w, signed.KeyID, err)
		return
	}
	r.reply(w, http.StatusOK, contract.Enrolled{ServerTime: r.now()})
}

// reconcile answers with what is kept of the facilities that a box asks about.
func (r *Receiver) reconcile(w http.ResponseWriter, req *http.Request) {
	signed, body, err := r.read(w, req, contract.JSONType, r.lookup)
	var asked contract.Reconciliation
	if err == nil {
		if err = json.Unmarshal(body, &asked); err != nil {
			err = &problem{status: http.StatusBadRequest, code: contract.ProblemBatch, detail: err.Error()}
		}
	}
	if err == nil {
		err = r.db.Update(func(tx *bolt.Tx) error { return admit(tx, signed, r.now()) })
	}
	answer := contract.Reconciled{Facilities: []contract.Held{}}
	if err == nil {
		rows := map[string][]contract.Row{}
		err = r.rowsOf(asked.Period, signed.KeyID, func(row contract.Row) {
			rows[row.Facility] = append(rows[row.Facility], row)
		})
		for _, f := range asked.Facilities {
			answer.Facilities = append(answer.Facilities, contract.Held{Facility: f.Facility, Rows: len(rows[f.Facility]), Digest: contract.DigestOf(rows[f.Facility])})
		}
	}
	if err != nil {
		r.refuse(w, signed.KeyID, err)
		return
	}
	answer.ServerTime = r.now()
	r.reply(w, http.StatusOK, answer)
}

// rowsOf calls each for every row kept of one box and period.
func (r *Receiver) rowsOf(period, box string, each func(contract.Row)) error {
	return r.db.View(func(tx *bolt.Tx) error {
		prefix := []byte(period + "\x00" + box + "\x00")
		c := tx.Bucket(rowsBucket).Cursor()
		for k, v := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); k, v = c.Next() {
			var row contract.Row
			if err := json.Unmarshal(v, &row); err != nil {
				return fmt.Errorf("row %q: %w", k, err)
			}
			each(row)
		}
		return nil
	})
}
