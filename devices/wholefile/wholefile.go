// Package wholefile writes small files that are there whole or not at all,
// whatever happens to the power.
package wholefile

import (
	"errors"
	"os"
	"path/filepath"
)

// Write puts content at path, readable by the owner only. When it returns nil
// the file is on disk; after an error, or a cut in between, what was there
// before still is.
func Write(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
