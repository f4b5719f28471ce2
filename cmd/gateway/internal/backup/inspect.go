package backup

import (
	"bytes"
	"context"
	"io"
	"strings"

	"github.com/linli-edge/gateway/devices/salvage"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
)

// Contents is what a backup holds.
type Contents struct {
	Manifest
	// Files are those of the journal, as journal.Verify finds them: a box may
	// have been damaged when it was backed up.
	Files []journal.Verified
}

// Events tells how many events of a chain the backup holds, and the sequences
// of the first and the last.
func (c Contents) Events(which journal.Chain) (first, last uint64, records int) {
	for _, f := range c.Files { // in order, within a chain
		if f.Chain != which.String() || f.Records == 0 {
			continue
		}
		if records == 0 {
			first = f.First
		}
		last = f.Last
		records += f.Records
	}
	return first, last, records
}

// Missing are the sequences that were missing from the journal.
func (c Contents) Missing() []journal.Range { return journal.Missing(c.Files) }

// maxInMemory is the largest file that Inspect looks into; of a larger one
// only the checksum is checked.
const maxInMemory = 256 << 20

// Verify verifies the journal in an archive as it comes, and tells seen of each
// file.
func Verify(archive io.Reader, seen func(journal.Verified) error) (files []journal.Verified, err error) {
	err = readArchive(archive, func(name string, size int64, content io.Reader) error {
		own, ok := strings.CutPrefix(name, JournalFolder+"/")
		if !ok || size > maxInMemory {
			return nil
		}
		b, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		v := journal.Verify(own, bytes.NewReader(b), size)
		files = append(files, v)
		return seen(v)
	})
	return files, err
}

// Inspect reads the whole of a backup and writes nothing. An error about the
// backup is a message for people.
func Inspect(ctx context.Context, r io.Reader, passphrase []byte) (Contents, error) {
	var c Contents
	var err error
	c.Manifest, err = Read(contextReader{ctx, r}, passphrase, func(name string, size int64, content io.Reader) error {
		own, ok := strings.CutPrefix(name, JournalFolder+"/")
		if !ok && name != RegistryFile || size > maxInMemory {
			return nil
		}
		b, err := io.ReadAll(content)
		switch {
		case err != nil:
			return err
		case ok:
			c.Files = append(c.Files, journal.Verify(own, bytes.NewReader(b), size))
		default:
			if err := salvage.New(bytes.NewReader(b), size).Check(salvage.Everything); err != nil {
				return texts.Errorf(texts.Backup.Registry, err)
			}
		}
		return nil
	})
	return c, err
}

// contextReader ends with ctx.
type contextReader struct {
	ctx context.Context
	io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	return r.Reader.Read(p)
}
