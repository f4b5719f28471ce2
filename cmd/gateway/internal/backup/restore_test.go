package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
)

var now = devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour, Wall: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC), Synced: true}

func clock() devices.Stamp { return now }

// dataFolder makes the data of a box with a number of events.
func dataFolder(t testing.TB, data string, events int) {
	t.Helper()
	if err := os.MkdirAll(data, 0o750); err != nil {
		t.Fatal(err)
	}
	reg, err := registry.Open(filepath.Join(data, RegistryFile), registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = reg.Put(registry.Caregiver{ID: "li", Name: "李敏", Channels: []registry.Channel{{Kind: "webhook", Address: "https://example.org"}}})
	if err := errors.Join(err, reg.Close()); err != nil {
		t.Fatal(err)
	}
	j, err := journal.Open(filepath.Join(data, JournalFolder), journal.Options{Clock: clock, SegmentBytes: 32 << 10})
	if err != nil {
		t.Fatal(err)
	}
	for i := range events {
		e := devices.Event{ID: fmt.Sprint(i), Device: "l1", Type: "door", Received: now, Urgency: devices.Urgency(i % 2)}
		if err := j.Submit(t.Context(), e, func(err error) {
			if err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, KeyFile), []byte("key of the sessions"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// packed is the backup of a data folder.
func packed(t testing.TB, data string) []byte {
	t.Helper()
	reg, err := registry.Open(filepath.Join(data, RegistryFile), registry.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	j, err := journal.OpenReadOnly(filepath.Join(data, JournalFolder), journal.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	var clear, b bytes.Buffer
	err = Archive(t.Context(), &clear, Source{Box: "box-1", Name: "春风社区", Version: "1", Clock: clock, Data: data, Registry: reg, Journal: j})
	if err := errors.Join(err, reg.Close(), j.Close()); err != nil {
		t.Fatal(err)
	}
	if err := pack(&b, passphrase, cheap, &clear); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// tree is all that is under a folder, by path.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	found := map[string]string{}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found[strings.TrimPrefix(path, dir)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// holds wants the data folder to be good for a gateway, with so many events.
func holds(t testing.TB, data string, events int) {
	t.Helper()
	j, err := journal.Open(filepath.Join(data, JournalFolder), journal.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	stats := j.Stats()
	if n := stats.Chains[journal.Ordinary].Last + stats.Chains[journal.Urgent].Last; n != uint64(events) {
		t.Errorf("%s holds %d events, want %d", data, n, events)
	}
	reg, err := registry.Open(filepath.Join(data, RegistryFile), registry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if name := reg.Snapshot().Caregivers["li"].Name; name != "李敏" {
		t.Errorf("caregiver %q", name)
	}
	if err := errors.Join(j.Close(), reg.Close()); err != nil {
		t.Error(err)
	}
}

func TestRestore(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source")
	dataFolder(t, source, 1000)
	b := packed(t, source)

	contents, err := Inspect(t.Context(), bytes.NewReader(b), passphrase)
	if err != nil {
		t.Fatal(err)
	}
	_, _, ordinary := contents.Events(journal.Ordinary)
	first, last, urgent := contents.Events(journal.Urgent)
	if contents.Box != "box-1" || contents.Caregivers != 1 || ordinary != 500 || urgent != 500 || first != 1 || last != 500 || len(contents.Missing()) > 0 {
		t.Errorf("contents %+v", contents.Manifest)
	}

	// Into nothing, into an empty folder, over data, and through a link.
	for _, c := range []struct {
		name string
		make func(data string)
		live bool
	}{
		{"nothing", func(string) {}, false},
		{"empty", func(data string) {
			if err := os.Mkdir(data, 0o700); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"data", func(data string) { dataFolder(t, data, 10) }, true},
		{"link", func(data string) {
			dataFolder(t, data+"-real", 10)
			if err := os.Symlink(data+"-real", data); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			parent := t.TempDir()
			data := filepath.Join(parent, "data")
			c.make(data)
			done, err := Restore(t.Context(), bytes.NewReader(b), passphrase, data, true, now)
			if err != nil {
				t.Fatal(err)
			}
			holds(t, data, 1000)
			if got := tree(t, data)["/"+KeyFile]; got != "key of the sessions" {
				t.Errorf("key %q", got)
			}
			if (done.Aside != "") != c.live {
				t.Errorf("kept aside: %q", done.Aside)
			}
			if c.live {
				holds(t, done.Aside, 10)
			}
			if left, err := filepath.Glob(filepath.Join(parent, "*"+restoringSuffix)); err != nil || len(left) > 0 {
				t.Errorf("left behind %v, %v", left, err)
			}
		})
	}
}

// Whatever is wrong, there is a message, and no bit of the data has changed.
func TestRestoreRefuses(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source")
	dataFolder(t, source, 300)
	good := packed(t, source)
	data := filepath.Join(t.TempDir(), "data")
	dataFolder(t, data, 10)
	before := tree(t, filepath.Dir(data))

	refused := func(what string, b, passphrase []byte, replace bool, want ...texts.Text) {
		t.Helper()
		_, err := Restore(t.Context(), bytes.NewReader(b), passphrase, data, replace, now)
		wantText(t, err, what, want...)
		if !maps.Equal(tree(t, filepath.Dir(data)), before) {
			t.Errorf("%s: something has changed", what)
		}
	}
	b := texts.Backup
	refused("live data", good, passphrase, false, b.Live)
	refused("wrong passphrase", good, []byte("wrong"), true, b.WrongPassphrase)
	refused("no backup", []byte("hello"), passphrase, true, b.Foreign)
	refused("empty", nil, passphrase, true, b.Foreign)
	for part := range 20 {
		refused("cut off", good[:len(good)*part/20], passphrase, true, b.Foreign, b.CutShort, b.Changed)
		flipped := bytes.Clone(good)
		flipped[len(good)*part/20] ^= 1
		refused("bit", flipped, passphrase, true, b.Foreign, b.Changed, b.WrongPassphrase)
	}
	j, err := journal.Open(filepath.Join(data, JournalFolder), journal.Options{Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	before = tree(t, filepath.Dir(data))
	refused("in use", good, passphrase, true, b.InUse)
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}

// What holds no backup, though it was sealed well, is refused too.
func TestRestoreWantsABackup(t *testing.T) {
	sealedArchive := func(all ...named) []byte {
		t.Helper()
		var b bytes.Buffer
		if err := pack(&b, passphrase, cheap, bytes.NewReader(archived(t, all...))); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	manifest := named{manifestName, []byte(`{"format":1}`)}
	for what, c := range map[string]struct {
		b    []byte
		want texts.Text
	}{
		"no gzip":      {sealed(t, []byte("hello")), texts.Backup.Malformed},
		"no manifest":  {sealedArchive(named{"a", nil}), texts.Backup.Malformed},
		"no JSON":      {sealedArchive(named{manifestName, []byte("x")}), texts.Backup.Malformed},
		"newer format": {sealedArchive(named{manifestName, []byte(`{"format":3}`)}), texts.Backup.Newer},
		"no registry":  {sealedArchive(manifest), texts.Backup.Registry},
		"bad registry": {sealedArchive(manifest, named{RegistryFile, []byte("nonsense")}), texts.Backup.Registry},
	} {
		data := filepath.Join(t.TempDir(), "data")
		_, err := Restore(t.Context(), bytes.NewReader(c.b), passphrase, data, false, now)
		wantText(t, err, what, c.want)
		if left := tree(t, filepath.Dir(data)); len(left) > 0 {
			t.Errorf("%s: left behind %v", what, left)
		}
	}
}

// An interrupted restoration leaves nothing; one that was killed leaves a
// folder that the next one clears away, or keeps if it is the old data.
func TestRestoreInterrupted(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source")
	dataFolder(t, source, 300)
	b := packed(t, source)
	data := filepath.Join(t.TempDir(), "data")
	dataFolder(t, data, 10)
	before := tree(t, filepath.Dir(data))
	ctx, cancel := context.WithCancel(t.Context())
	half := io.MultiReader(bytes.NewReader(b[:len(b)/2]), readerFunc(func([]byte) (int, error) {
		cancel()
		return 0, nil
	}))
	if _, err := Restore(ctx, half, passphrase, data, true, now); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
	if !maps.Equal(tree(t, filepath.Dir(data)), before) {
		t.Error("something has changed")
	}

	fresh := data + restoringSuffix
	dataFolder(t, fresh, 20)
	if err := writeMark(fresh); err != nil {
		t.Fatal(err)
	}
	done, err := Restore(t.Context(), bytes.NewReader(b), passphrase, data, true, now)
	if err != nil {
		t.Fatal(err)
	}
	holds(t, data, 300)
	holds(t, done.Aside, 10)

	dataFolder(t, fresh, 30)                                                            // killed just after the two had changed places
	again, err := Restore(t.Context(), bytes.NewReader(b), passphrase, data, true, now) // in the same second
	if err != nil {
		t.Fatal(err)
	}
	holds(t, again.Aside, 300)
	holds(t, done.Aside+"-2", 30)
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// What was damaged when it was backed up is restored all the same, and said.
func TestRestoreDamage(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source")
	dataFolder(t, source, 300)
	urgent, err := filepath.Glob(filepath.Join(source, JournalFolder, "urgent", "*.bolt"))
	if err != nil || len(urgent) == 0 {
		t.Fatal(urgent, err)
	}
	f, err := os.OpenFile(urgent[0], os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt(make([]byte, 2*os.Getpagesize()), 0)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(t.TempDir(), "data")
	done, err := Restore(t.Context(), bytes.NewReader(packed(t, source)), passphrase, data, false, now)
	if err != nil {
		t.Fatal(err)
	}
	faults := 0
	for _, v := range done.Files {
		faults += v.Faults
	}
	if faults == 0 {
		t.Error("the damage is not told")
	}
}

// A backup is whole or not there.
func TestCreate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "backup")
	whole := archived(t, named{manifestName, []byte(`{"format":1}`)})
	if _, err := Create(path, passphrase, bytes.NewReader(whole[:len(whole)-1])); err == nil {
		t.Error("an archive that was cut short is taken")
	}
	if left := tree(t, filepath.Dir(path)); len(left) > 0 {
		t.Errorf("left behind %v", left)
	}
	size, err := Create(path, passphrase, bytes.NewReader(whole))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Size() != size || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	_, err = Create(path, passphrase, bytes.NewReader(whole))
	wantText(t, err, "there already", texts.Backup.Exists)
}
