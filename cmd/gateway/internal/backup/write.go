package backup

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/journal"
)

// What the data folder of a box holds; it is the same in an archive.
const (
	RegistryFile  = "registry.db"
	RegistryKey   = "registry.key"
	JournalFolder = "journal"
	KeyFile       = "console.key"
	AuthorityKey  = "authority.key"
	HealthFile    = "supervision.json"

	manifestName = "backup.json"
)

// format is the version of what is inside. In 1 the registry was in clear and
// had no key.
const format = 2

// Manifest says whose backup it is and what is in it.
type Manifest struct {
	Format int `json:"format"`
	// Box and Name are those of the configuration.
	Box  string `json:"box"`
	Name string `json:"name"`
	// Version is that of the gateway that made it, Made when.
	Version string        `json:"version"`
	Made    devices.Stamp `json:"made"`
	// Chains are what the journal held when the backup began, by chain.
	Chains    map[string]Chain `json:"chains"`
	Followers []Follower       `json:"followers"`
	// How many are registered.
	Facilities int `json:"facilities"`
	Devices    int `json:"devices"`
	Elders     int `json:"elders"`
	Caregivers int `json:"caregivers"`
}

// Chain is what one chain held: sequences, both 0 if none, and bytes on disk.
type Chain struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
	Bytes int64  `json:"bytes"`
}

// Follower is how far one had come in each chain.
type Follower struct {
	Name     string `json:"name"`
	Urgent   uint64 `json:"urgent"`
	Ordinary uint64 `json:"ordinary"`
}

// Source is what is backed up.
type Source struct {
	Box, Name, Version string
	Clock              devices.Clock
	// Data is the folder of the box, Registry and Journal what is open of it.
	Data     string
	Registry *registry.Registry
	Journal  *journal.Journal
}

// Archive writes the archive of a box to w, in clear: see Create.
func Archive(ctx context.Context, w io.Writer, s Source) error {
	a := &archive{to: w}
	people := s.Registry.Snapshot()
	m := Manifest{
		Format: format, Box: s.Box, Name: s.Name, Version: s.Version, Made: s.Clock(), Chains: map[string]Chain{},
		Facilities: len(people.Facilities), Devices: len(people.Devices), Elders: len(people.Elders), Caregivers: len(people.Caregivers),
	}
	stats := s.Journal.Stats()
	for _, which := range []journal.Chain{journal.Urgent, journal.Ordinary} {
		c := stats.Chains[which]
		m.Chains[which.String()] = Chain{First: c.First, Last: c.Last, Bytes: c.Bytes}
	}
	for _, f := range stats.Followers {
		m.Followers = append(m.Followers, Follower{Name: f.Name, Urgent: f.At[journal.Urgent], Ordinary: f.At[journal.Ordinary]})
	}
	manifest, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("encode manifest: %w", err)
	}
	if err := a.put(manifestName, int64(len(manifest)), bytes.NewReader(manifest)); err != nil {
		return err
	}
	// Before the journal: what is found twice is better than a finding that
	// nobody has been told of.
	if err := a.small(s.Data, HealthFile); err != nil {
		return err
	}
	err = s.Journal.Backup(ctx, func(name string, size int64, content io.Reader) error {
		return a.put(JournalFolder+"/"+name, size, content)
	})
	if err != nil {
		return err
	}
	var small bytes.Buffer
	if _, err := s.Registry.WriteTo(&small); err != nil {
		return err
	}
	if err := a.put(RegistryFile, int64(small.Len()), &small); err != nil {
		return err
	}
	keys := s.Registry.Keys()
	if err := a.put(RegistryKey, int64(len(keys)), bytes.NewReader(keys)); err != nil {
		return err
	}
	if err := errors.Join(a.small(s.Data, KeyFile), a.small(s.Data, AuthorityKey)); err != nil {
		return err
	}
	return a.close()
}

// small puts a file of the data folder in, if it is there.
func (a *archive) small(data, name string) error {
	content, err := os.ReadFile(filepath.Join(data, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	return a.put(name, int64(len(content)), bytes.NewReader(content))
}

// Create makes the backup at path from an archive: it is read to its end,
// checked, compressed, encrypted and on disk when Create returns nil. Until
// then the file is called path.tmp, which is removed if anything goes wrong.
// A file that is there already is not overwritten.
func Create(path string, passphrase []byte, archive io.Reader) (size int64, err error) {
	if _, err := os.Lstat(path); err == nil {
		return 0, texts.Errorf(texts.Backup.Exists, path)
	}
	err = Whole(path, func(f *os.File) error {
		if err := pack(f, passphrase, logWork, archive); err != nil {
			return err
		}
		size, err = f.Seek(0, io.SeekCurrent)
		return err
	})
	return size, err
}

// pack writes an archive in its final form.
func pack(w io.Writer, passphrase []byte, log int, archive io.Reader) error {
	sealed, err := seal(w, passphrase, log)
	if err != nil {
		return err
	}
	small, err := gzip.NewWriterLevel(sealed, gzip.BestSpeed)
	if err != nil {
		return err
	}
	// It is checked on its way, as Read will check it.
	if err := readArchive(io.TeeReader(archive, small), func(string, int64, io.Reader) error { return nil }); err != nil {
		return err
	}
	return errors.Join(small.Close(), sealed.Close())
}

// Whole lets fill write a file, and makes it appear at path at once, on disk,
// when fill has returned nil.
func Whole(path string, fill func(*os.File) error) (err error) {
	temporary := path + ".tmp"
	f, err := os.OpenFile(temporary, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
	if err != nil {
		return texts.Errorf(texts.Backup.Into, path, firmwareconfig.Cause(err))
	}
	err = fill(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temporary, path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes a directory's entries survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Read reads the backup in r, and gives visit each file in it but the
// Manifest. Only when it returns nil are they all known to be what was backed
// up. Errors about the backup are messages for people.
func Read(r io.Reader, passphrase []byte, visit func(name string, size int64, content io.Reader) error) (Manifest, error) {
	var m Manifest
	sealed, err := open(r, passphrase)
	if err != nil {
		return m, err
	}
	large, err := gzip.NewReader(sealed)
	if err != nil {
		return m, notGzip(err)
	}
	first := true
	err = readArchive(plain{large}, func(name string, size int64, content io.Reader) error {
		if first != (name == manifestName) {
			return malformed(fmt.Errorf("%s is out of place", name))
		}
		if !first {
			return visit(name, size, content)
		}
		first = false
		if err := json.NewDecoder(io.LimitReader(content, 1<<20)).Decode(&m); err != nil {
			return notGzip(err)
		}
		if m.Format < 1 || m.Format > format {
			return texts.Errorf(texts.Backup.Newer, m.Format, format)
		}
		return nil
	})
	return m, err
}

// plain is what a gzip reader gives, with its errors in words.
type plain struct{ *gzip.Reader }

func (p plain) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil && err != io.EOF {
		err = notGzip(err)
	}
	return n, err
}

// notGzip puts into words what is wrong with the content, unless it is the
// file that is.
func notGzip(err error) error {
	if errors.As(err, new(*texts.Error)) {
		return err
	}
	return malformed(err)
}
