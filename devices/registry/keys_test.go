package registry

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// private is what must be in no file of community in clear.
var private = []string{"王奶奶", "3 号楼", "李护士", "值班台", "127.0.0.1/a"}

func inClear(t *testing.T, file string) (found []string) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range private {
		// As text and as encoding/json may write it.
		escaped, err := json.Marshal(word)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(word)) || bytes.Contains(content, bytes.Trim(escaped, `"`)) {
			found = append(found, word)
		}
	}
	return found
}

// A registry of before the encryption is encrypted when it is opened, and
// nothing of what was in clear is left in the file.
func TestARegistryInClearIsEncrypted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, r := range community() {
			document, err := json.Marshal(r)
			if err != nil {
				return err
			}
			bucket, err := tx.CreateBucketIfNotExists([]byte(r.table()))
			if err != nil {
				return err
			}
			if err := bucket.Put([]byte(r.id()), seal(r.table(), r.id(), document)); err != nil {
				return err
			}
		}
		secrets, err := tx.CreateBucketIfNotExists([]byte(Secrets))
		if err != nil {
			return err
		}
		hash := hashSecret([]byte("a-secret"))
		return secrets.Put([]byte("bank-1"), seal(Secrets, "bank-1", hash[:]))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	if found := inClear(t, path); len(found) != len(private) {
		t.Fatalf("only %q is in clear to begin with", found)
	}
	r := open(t, path)
	check := func(s *Snapshot) {
		t.Helper()
		if e := s.Elders["e-1"]; e.Name != "王奶奶" || e.Room != "302" || s.Caregivers["c-1"].Channels[0].Address != "http://127.0.0.1/a" || s.Locked() != 0 {
			t.Errorf("%+v, locked %d", e, s.Locked())
		}
		if _, ok := s.Login("bank-1", []byte("a-secret")); !ok {
			t.Error("a login was lost")
		}
	}
	check(r.Snapshot())
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if found := inClear(t, path); len(found) != 0 {
		t.Errorf("in clear: %q", found)
	}
	if info, err := os.Stat(KeyFile(path)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v, %v", info, err)
	}
	check(open(t, path).Snapshot())
}

// Who has lost the key has lost the names, and no device. They come back with
// the key, also beside what was changed meanwhile.
func TestALostKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	r := open(t, path)
	named := community()
	d := named[0].(Device)
	d.Name = "王奶奶的按钮"
	if err := r.Put(append(named, d)...); err != nil {
		t.Fatal(err)
	}
	secret, err := r.Issue("bank-1")
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	old, err := os.ReadFile(KeyFile(path))
	if err := errors.Join(err, os.WriteFile(KeyFile(path), []byte("no key\n"), 0o600)); err != nil {
		t.Fatal(err)
	}

	look, err := Open(path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := look.Snapshot().Locked(); n != 4 {
		t.Errorf("locked: %d", n)
	}
	if err := look.Close(); err != nil {
		t.Fatal(err)
	}
	if now, err := os.ReadFile(KeyFile(path)); err != nil || string(now) != "no key\n" {
		t.Errorf("looking has made a key: %q, %v", now, err)
	}

	r = open(t, path)
	s := r.Snapshot()
	if s.Locked() != 4 || s.Elders["e-1"].Name != "" || len(s.Damaged) != 0 {
		t.Errorf("locked %d, %+v, damaged %v", s.Locked(), s.Elders["e-1"], s.Damaged)
	}
	if _, ok := r.Login("bank-1", []byte(secret)); !ok {
		t.Error("a device is not let in")
	}
	if d, ok := r.Behind("z2m", "三楼/302 按钮"); !ok || d.ID != "sos-1" || d.Elder != "e-1" {
		t.Errorf("a device is not served: %+v", d)
	}
	// A change beside what is locked; a caregiver who is written down anew.
	if _, err := r.Change(Author{}, "sos-1", []byte(`{"elder":""}`)); err != nil {
		t.Fatal(err)
	}
	if err := r.Put(Caregiver{ID: "c-2", Name: "新值班台"}); err != nil {
		t.Fatal(err)
	}
	if n := r.Snapshot().Locked(); n != 3 {
		t.Errorf("locked after c-2 was written down anew: %d", n)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	// The old file is found again: its line goes into the new one.
	f, err := os.OpenFile(KeyFile(path), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Write(old)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, path).Snapshot()
	if d := s.Devices["sos-1"]; d.Name != "王奶奶的按钮" || d.Elder != "" {
		t.Errorf("%+v", d)
	}
	if s.Elders["e-1"].Name != "王奶奶" || s.Caregivers["c-1"].Name != "李护士" || s.Caregivers["c-2"].Name != "新值班台" || s.Locked() != 0 {
		t.Errorf("%+v %+v, locked %d", s.Elders, s.Caregivers, s.Locked())
	}
}

// Another key takes over at the next start, and then the first may go. It may
// also be one that systemd keeps.
func TestTheKeyIsChanged(t *testing.T) {
	dir := t.TempDir()
	path, given := filepath.Join(dir, "registry.db"), filepath.Join(dir, "credential")
	r := open(t, path)
	if err := errors.Join(r.Put(community()...), r.Close()); err != nil {
		t.Fatal(err)
	}
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{9}, keySize))
	if err := os.WriteFile(given, []byte(key), 0o400); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path, Options{Key: given})
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(r.Keys()), "\n"); n != 2 {
		t.Errorf("%d keys for a backup", n)
	}
	if err := errors.Join(r.Close(), os.Remove(KeyFile(path))); err != nil {
		t.Fatal(err)
	}
	r, err = Open(path, Options{Key: given})
	if err != nil {
		t.Fatal(err)
	}
	if s := r.Snapshot(); s.Locked() != 0 || s.Elders["e-1"].Name != "王奶奶" {
		t.Errorf("locked %d", s.Locked())
	}
	if _, err := os.Stat(KeyFile(path)); !errors.Is(err, os.ErrNotExist) {
		t.Error("a key beside the one that is kept by somebody else")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// What is encrypted for one record is good for no other.
func TestNobodysNameBecomesSomebodyElses(t *testing.T) {
	keys := testKeys(t)
	value, err := keys.encode(Elder{ID: "a", Name: "王"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	document, err := unseal(Elders, "a", value)
	if err != nil {
		t.Fatal(err)
	}
	moved := seal(Elders, "b", bytes.Replace(document, []byte(`"id":"a"`), []byte(`"id":"b"`), 1))
	d, err := keys.decode(Elders, "b", moved)
	if err != nil || d.secrecy != locked || d.Record.(Elder).Name != "" {
		t.Errorf("%+v, %v", d, err)
	}
}

// Each kind of record says which of its fields are about a person, and a new
// table has to.
func TestPersonalFieldsAreMarked(t *testing.T) {
	want := map[Table]string{
		Facilities: "", Devices: "name room bed", Elders: "name building room", Caregivers: "name channels", Verdicts: "address",
		Cares: "high_fall_risk dementia away_until active night inactive_minutes bed_exit_minutes answer_minutes cancel_seconds step_seconds " +
			"medium_minutes visit_days fence outside_minutes outside_fixes meal meal_minutes bands round_hours",
		Groups: "", Shifts: "", Holidays: "", inboxTable: "address topic payload",
	}
	got := map[Table]string{inboxTable: strings.Join(unknownPersonal, " ")}
	for _, table := range Tables() {
		s, _ := shelfFor(table)
		got[table] = strings.Join(s.personal, " ")
	}
	if !maps.Equal(got, want) {
		t.Errorf("encrypted are %v\nwant %v", got, want)
	}
}
