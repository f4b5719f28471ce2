package journal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices/salvage"
)

// A copy is sound, of whatever transaction it is, and stays so however many
// more are written to it.
func TestCopyIsSound(t *testing.T) {
	put := func(db *bolt.DB, key string) {
		t.Helper()
		err := db.Update(func(tx *bolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("b"))
			if err != nil {
				return err
			}
			return b.Put([]byte(key), bytes.Repeat([]byte(key), 100))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for n := range 4 {
		put(db, string(rune('a'+n)))
		var copied bytes.Buffer
		if err := db.View(func(tx *bolt.Tx) error {
			_, err := tx.WriteTo(&salvage.Copy{To: &copied})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "copy")
		if err := os.WriteFile(path, copied.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		for more := range 3 {
			f, err := salvage.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Check(salvage.Everything); err != nil {
				t.Errorf("copy %d after %d more: %v", n, more, err)
			}
			found := ""
			f.Entries(func(bucket string, key, value []byte) {
				if bucket != "b" || len(value) != 100*len(key) {
					t.Errorf("entry %s %s of %d bytes", bucket, key, len(value))
				}
				found += string(key)
			})
			if want := "abcdxyz"[:n+1]; found != want+"xyz"[:more] {
				t.Errorf("copy %d after %d more holds %s", n, more, found)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			again, err := bolt.Open(path, 0o600, nil)
			if err != nil {
				t.Fatal(err)
			}
			put(again, string(rune('x'+more)))
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
