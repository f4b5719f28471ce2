package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/usage"
)

// Restored is what Restore has done.
type Restored struct {
	Contents
	// Aside is the folder that now holds the data that was there, "" if there
	// was none.
	Aside string
}

// Names of folders beside the data folder.
const (
	restoringSuffix = ".restoring"
	asideSuffix     = ".before-restore-"
	// halfDone is in a folder that is being filled, and in no other.
	halfDone = "restore.incomplete"
)

// Restore makes the data folder what the backup in r says. If it holds data,
// that is kept in a folder beside it, and without replace it refuses. Nobody
// may be using the folder. Everything is read, checked and on disk before the
// two folders change places, in one step: whenever it is interrupted, the old
// data or the new data is whole and in place.
func Restore(ctx context.Context, r io.Reader, passphrase []byte, data string, replace bool, now devices.Stamp) (result Restored, err error) {
	if real, err := filepath.EvalSymlinks(data); err == nil {
		data = real
	}
	if err := MayRestore(data, replace); err != nil {
		return result, err
	}
	live, err := inUse(data)
	if err != nil {
		return result, err
	}
	old, err := openOld(data, now)
	if err != nil {
		return result, err
	}
	if old != nil { // and with it the lock that keeps a gateway out
		defer func() { err = errors.Join(err, old.Close()) }()
	}
	fresh, aside := data+restoringSuffix, data+asideSuffix+now.Wall.Local().Format("20060102-150405")
	if err := clearLeftover(fresh, aside); err != nil {
		return result, texts.Errorf(texts.Backup.Into, fresh, err)
	}
	result.Contents, err = prepare(ctx, r, passphrase, fresh, data, now)
	if err == nil {
		err = changePlaces(fresh, data)
	}
	if err != nil {
		return result, errors.Join(err, os.RemoveAll(fresh))
	}
	// Done. What fresh names now is the old data, if there was any.
	result.Aside, err = keepAside(fresh, aside, live)
	return result, err
}

// prepare makes fresh all that data shall be.
func prepare(ctx context.Context, r io.Reader, passphrase []byte, fresh, data string, now devices.Stamp) (c Contents, err error) {
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return c, texts.Errorf(texts.Backup.Into, fresh, err)
	}
	if err := writeMark(fresh); err != nil {
		return c, texts.Errorf(texts.Backup.Into, fresh, err)
	}
	if c.Manifest, err = Read(contextReader{ctx, r}, passphrase, func(name string, _ int64, content io.Reader) error {
		return unpack(filepath.Join(fresh, filepath.FromSlash(name)), content)
	}); err != nil {
		return c, err
	}
	if c.Files, err = settle(ctx, fresh, data, c.Made, now); err != nil {
		return c, err
	}
	if err := takeOver(fresh, data); err != nil {
		return c, texts.Errorf(texts.Backup.Swap, data, err)
	}
	return c, nil
}

// MayRestore tells, in words, why Restore would refuse this folder.
func MayRestore(data string, replace bool) error {
	live, err := inUse(data)
	switch {
	case err != nil:
		return err
	case live && !replace:
		return texts.Errorf(texts.Backup.Live, data)
	case mountPoint(data):
		return texts.Errorf(texts.Backup.MountPoint, data)
	}
	return nil
}

// inUse tells whether a folder holds the data of a box.
func inUse(data string) (bool, error) {
	for _, name := range []string{RegistryFile, JournalFolder} {
		if _, err := os.Lstat(filepath.Join(data, name)); err == nil {
			return true, nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return false, texts.Errorf(texts.Backup.Into, data, err)
		}
	}
	return false, nil
}

func mountPoint(dir string) bool {
	var own, parent unix.Stat_t
	return unix.Stat(dir, &own) == nil && unix.Stat(filepath.Dir(dir), &parent) == nil && own.Dev != parent.Dev
}

// openOld opens the journal that is about to be replaced, nil if there is
// none. However damaged it is, that is no reason to refuse.
func openOld(data string, now devices.Stamp) (*journal.Journal, error) {
	old, err := journal.OpenReadOnly(filepath.Join(data, JournalFolder), journal.Options{Clock: func() devices.Stamp { return now }})
	if errors.Is(err, journal.ErrInUse) {
		return nil, texts.Errorf(texts.Backup.InUse, data)
	} else if err != nil {
		return nil, nil
	}
	return old, nil
}

// clearLeftover takes away what an interrupted Restore has left behind. What
// has no mark is old data that had changed places already: it is kept.
func clearLeftover(fresh, aside string) error {
	if _, err := os.Lstat(fresh); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Lstat(filepath.Join(fresh, halfDone)); errors.Is(err, fs.ErrNotExist) {
		_, err := rename(fresh, aside)
		return err
	}
	return os.RemoveAll(fresh)
}

func writeMark(dir string) error {
	f, err := os.Create(filepath.Join(dir, halfDone))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close(), syncDir(dir))
}

// unpack writes one file, with holes for its zeros, and syncs it.
func unpack(path string, content io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return texts.Errorf(texts.Backup.Into, path, err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return texts.Errorf(texts.Backup.Into, path, err)
	}
	size, err := copySparse(f, content)
	if err == nil {
		err = errors.Join(f.Truncate(size), f.Sync())
	}
	if closed := f.Close(); err == nil && closed != nil {
		err = closed
	}
	if errors.As(err, new(syscall.Errno)) {
		err = texts.Errorf(texts.Backup.Into, path, err)
	}
	return err
}

func copySparse(f *os.File, content io.Reader) (size int64, err error) {
	block := make([]byte, 64<<10)
	zeros := make([]byte, len(block))
	for {
		n, err := io.ReadFull(content, block)
		if n > 0 && !bytes.Equal(block[:n], zeros[:n]) {
			if _, err := f.WriteAt(block[:n], size); err != nil {
				return size, err
			}
		}
		size += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return size, nil
		} else if err != nil {
			return size, err
		}
	}
}

// settle checks what was unpacked and makes it ready for the gateway.
func settle(ctx context.Context, fresh, data string, made, now devices.Stamp) ([]journal.Verified, error) {
	reg, err := registry.Open(filepath.Join(fresh, RegistryFile), registry.Options{ReadOnly: true})
	if err != nil {
		return nil, texts.Errorf(texts.Backup.Registry, err)
	}
	if err := reg.Close(); err != nil {
		return nil, err
	}
	folder := filepath.Join(fresh, JournalFolder)
	if _, err := os.Stat(folder); err != nil {
		return nil, texts.Errorf(texts.Backup.NoJournal)
	}
	files, err := verifyFolder(ctx, folder)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, "lock"), nil, 0o600); err != nil {
		return nil, err
	}
	restored, err := journal.OpenReadOnly(folder, journal.Options{Clock: func() devices.Stamp { return now }})
	if err != nil {
		return nil, err
	}
	_, err = usage.Renew(restored, usage.GenerationOf(filepath.Join(data, JournalFolder)), made, now)
	if errors.Is(err, journal.ErrDamaged) {
		err = nil // it was damaged when it was backed up, and begins anew
	}
	return files, errors.Join(err, restored.Close())
}

// verifyFolder verifies each file of a journal that nobody writes.
func verifyFolder(ctx context.Context, folder string) (files []journal.Verified, err error) {
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return errors.Join(err, context.Cause(ctx))
		}
		own, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close() // only read from
		info, err := f.Stat()
		if err == nil {
			files = append(files, journal.Verify(filepath.ToSlash(own), f, info.Size()))
		}
		return err
	})
	return files, err
}

// takeOver gives everything in fresh the owner of the data folder, or of its
// parent if there is none yet, and syncs the folders.
func takeOver(fresh, data string) error {
	var like unix.Stat_t
	mode := os.FileMode(0o750)
	if err := unix.Stat(data, &like); err == nil {
		mode = os.FileMode(like.Mode & 0o777)
	} else if err := unix.Stat(filepath.Dir(data), &like); err != nil {
		return err
	}
	err := filepath.WalkDir(fresh, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if os.Geteuid() == 0 {
			if err := os.Lchown(path, int(like.Uid), int(like.Gid)); err != nil {
				return err
			}
		}
		if d.IsDir() {
			return syncDir(path)
		}
		return nil
	})
	return errors.Join(err, os.Chmod(fresh, mode))
}

// changePlaces puts fresh in the place of data, and data in that of fresh if
// it is there: one rename, which happens or does not.
func changePlaces(fresh, data string) error {
	err := os.Remove(filepath.Join(fresh, halfDone))
	if err == nil {
		err = errors.Join(syncDir(fresh), syncDir(filepath.Dir(data)))
	}
	if err == nil {
		err = unix.Renameat2(unix.AT_FDCWD, fresh, unix.AT_FDCWD, data, unix.RENAME_EXCHANGE)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = os.Rename(fresh, data)
	}
	if err != nil {
		return texts.Errorf(texts.Backup.Swap, data, err)
	}
	return nil
}

// keepAside gives the old data, if there is any, the name under which it is
// kept.
func keepAside(old, aside string, live bool) (kept string, err error) {
	if !live {
		_ = os.Remove(old) // an empty folder, or none
	}
	kept, err = rename(old, aside)
	if errors.Is(err, fs.ErrNotExist) {
		return "", syncDir(filepath.Dir(aside))
	} else if err != nil {
		return old, fmt.Errorf("name the old data: %w", err)
	}
	return kept, syncDir(filepath.Dir(aside))
}

// rename gives a folder a name like the given one that nothing has yet.
func rename(folder, name string) (string, error) {
	free := name
	for n := 2; ; n++ {
		err := unix.Renameat2(unix.AT_FDCWD, folder, unix.AT_FDCWD, free, unix.RENAME_NOREPLACE)
		if !errors.Is(err, unix.EEXIST) {
			return free, err
		}
		free = fmt.Sprintf("%s-%d", name, n)
	}
}
