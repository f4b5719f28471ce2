package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	bolt "go.etcd.io/bbolt"
	"golang.org/x/sys/unix"

	"github.com/linli-edge/gateway/devices/salvage"
)

// damagedSuffix, with a number behind it, is that of files that were replaced.
const damagedSuffix = ".damaged"

// mostDamaged is how many of these are kept.
const mostDamaged = 4

// Damaged lists the damaged files that were replaced, as long as nobody
// removes them. What they held that could be rescued is registered.
func (r *Registry) Damaged() []string {
	files, err := filepath.Glob(r.path + damagedSuffix + ".*")
	if err != nil {
		return nil // of the pattern, never of the disk
	}
	return files
}

// mend replaces the file at path, if its structure is damaged, by one with
// every record in it whose checksum is right. The damaged one stays beside it.
func mend(path string, log *slog.Logger) error {
	lock, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	defer lock.Close() // only read from
	// As bbolt does: a file that somebody writes looks damaged now and then.
	if unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil
	}
	f, err := salvage.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	damage := f.Check(salvage.Everything)
	if damage == nil {
		return nil
	}
	image, err := f.Load()
	if err != nil {
		return err
	}
	defer image.Free()
	found := rescue(image)
	fresh := path + ".new"
	if err := os.Remove(fresh); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := rebuild(fresh, found); err != nil {
		return errors.Join(err, os.Remove(fresh))
	}
	kept, err := keep(path)
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return err
	}
	if log != nil {
		log.Error("registry was damaged", "kept", kept, "rescued", len(found), "reason", damage)
	}
	return syncDir(filepath.Dir(path))
}

// rescue finds the records. What stands where the file says is taken before
// what is only somewhere; pages that are free hold what was changed or removed
// since, and are looked at only if the file does not say which they are.
func rescue(image *salvage.Image) map[place][]byte {
	found, standing := map[place][]byte{}, map[place]salvage.Standing{}
	least := salvage.Orphan
	if image.Sound && image.Whole {
		least = salvage.Live
	}
	consider := func(id string, value []byte, s salvage.Standing, tables ...Table) {
		for _, t := range tables {
			at := place{t, id}
			if before, ok := standing[at]; s < least || ok && before > s {
				continue
			}
			if _, err := unseal(t, id, value); err == nil {
				found[at], standing[at] = value, s
			}
		}
	}
	tables := documents()
	image.Elements(salvage.Limits{MinKey: 1, MaxKey: 255, MinValue: checksumSize + 1, MaxValue: 1 << 20}, func(e salvage.Element) {
		consider(string(e.Key), e.Value, e.Standing, append(tables, Secrets, Certificates)...)
	})
	// Records that nothing in the file leads to any more: a document says where
	// it ends and whose it is, and a secret stands behind the ID of its device.
	b := image.Bytes
	for p := checksumSize; p+1 < len(b); p++ {
		if b[p] != '{' || b[p+1] != '"' {
			continue
		}
		var document json.RawMessage
		var named struct{ ID string }
		if json.NewDecoder(bytes.NewReader(b[p:min(len(b), p+maxBare)])).Decode(&document) == nil && json.Unmarshal(document, &named) == nil {
			consider(named.ID, b[p-checksumSize:p+len(document)], image.Standing(p), tables...)
		}
	}
	for at := range found {
		if at.table != Devices {
			continue
		}
		for p := 0; ; {
			n := bytes.Index(b[p:], []byte(at.id))
			if n < 0 {
				break
			}
			p += n + len(at.id)
			if end := p + checksumSize + len(secretHash{}); end <= len(b) {
				consider(at.id, b[p:end], image.Standing(p), Secrets, Certificates)
			}
		}
	}
	return found
}

// maxBare is the size of the largest document that is looked for without an
// element, in bytes.
const maxBare = 16 << 10

// refill writes the records again that are whole in the file, but not where it
// says.
func refill(db *bolt.DB, path string) (err error) {
	defer recoverFault(&err)()
	f, err := salvage.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	image, err := f.Load()
	if err != nil {
		return err
	}
	defer image.Free()
	return db.Update(func(tx *bolt.Tx) error {
		for at, value := range rescue(image) {
			bucket, err := tx.CreateBucketIfNotExists([]byte(at.table))
			if err != nil {
				return err
			}
			if _, err := unseal(at.table, at.id, bucket.Get([]byte(at.id))); err == nil {
				continue // it is where it should be
			}
			if err := bucket.Put([]byte(at.id), bytes.Clone(value)); err != nil {
				return err
			}
		}
		return nil
	})
}

func rebuild(path string, records map[place][]byte) error {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: busyAfter})
	if err != nil {
		return err
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for at, value := range records {
			bucket, err := tx.CreateBucketIfNotExists([]byte(at.table))
			if err != nil {
				return err
			}
			if err := bucket.Put([]byte(at.id), value); err != nil {
				return err
			}
		}
		return nil
	})
	return errors.Join(err, db.Close())
}

// keep links a file to a name beside it; the oldest of too many goes.
func keep(path string) (string, error) {
	for n := 1; ; n++ {
		name := fmt.Sprintf("%s%s.%d", path, damagedSuffix, n)
		err := os.Link(path, name)
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		old := fmt.Sprintf("%s%s.%d", path, damagedSuffix, n-mostDamaged)
		if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
			return name, err
		}
		return name, nil
	}
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
