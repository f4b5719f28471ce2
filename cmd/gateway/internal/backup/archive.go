package backup

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/linli-edge/gateway/devices/texts"
)

// The archive is a subset of ustar (POSIX.1-1988): plain files with short
// names, and at its end two blocks of zeros. archive/tar does more, and costs
// three times the code.
const (
	blockBytes = 512
	maxName    = 100
	maxSize    = 1<<33 - 1 // eleven octal digits

	sumsName = "SHA256SUMS"
	maxSums  = 16 << 20 // a line a file
)

// archive writes files into one.
type archive struct {
	to   io.Writer
	sums bytes.Buffer
}

// put adds a file of a known size.
func (a *archive) put(name string, size int64, content io.Reader) error {
	header, err := encodeHeader(name, size)
	if err != nil {
		return err
	}
	if _, err := a.to.Write(header); err != nil {
		return err
	}
	sum := &summing{to: a.to, hash: sha256.New(), left: size}
	if _, err := io.Copy(sum, content); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if sum.left != 0 {
		return fmt.Errorf("%s: %d bytes less than announced", name, sum.left)
	}
	fmt.Fprintf(&a.sums, "%x  %s\n", sum.hash.Sum(nil), name)
	_, err = a.to.Write(make([]byte, padding(size)))
	return err
}

// close adds the checksums and the end.
func (a *archive) close() error {
	sums := a.sums.Bytes()
	if err := a.put(sumsName, int64(len(sums)), bytes.NewReader(sums)); err != nil {
		return err
	}
	_, err := a.to.Write(make([]byte, 2*blockBytes))
	return err
}

// summing passes on what is written, up to left bytes, and its checksum.
type summing struct {
	to   io.Writer
	hash hash.Hash
	left int64
}

func (s *summing) Write(p []byte) (int, error) {
	if int64(len(p)) > s.left {
		return 0, errors.New("more bytes than announced")
	}
	n, err := s.to.Write(p)
	s.hash.Write(p[:n])
	s.left -= int64(n)
	return n, err
}

// readArchive gives visit each file, and returns nil when all of them were
// what SHA256SUMS says, with nothing after it. What visit does not read is
// read for it. A file's checksum is known only at the end.
func readArchive(r io.Reader, visit func(name string, size int64, content io.Reader) error) error {
	var order []string
	found := map[string]string{} // checksum by name
	block := make([]byte, blockBytes)
	for {
		if _, err := io.ReadFull(r, block); err != nil {
			return cutShort(err)
		}
		name, size, err := decodeHeader(block)
		if err != nil {
			return err
		}
		if _, twice := found[name]; twice {
			return malformed(fmt.Errorf("%s is there twice", name))
		}
		if name == sumsName {
			if err := checkSums(r, size, order, found); err != nil {
				return err
			}
			return readEnd(r)
		}
		content := &reading{from: r, hash: sha256.New(), left: size}
		if err := visit(name, size, content); err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, content); err != nil {
			return err
		}
		if _, err := io.CopyN(io.Discard, r, int64(padding(size))); err != nil {
			return cutShort(err)
		}
		found[name] = hex.EncodeToString(content.hash.Sum(nil))
		order = append(order, name)
	}
}

// reading is the content of one file.
type reading struct {
	from io.Reader
	hash hash.Hash
	left int64
}

func (f *reading) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n, err := f.from.Read(p[:min(int64(len(p)), f.left)])
	f.hash.Write(p[:n])
	f.left -= int64(n)
	if err == io.EOF && f.left > 0 {
		err = texts.Errorf(texts.Backup.CutShort)
	} else if err == io.EOF {
		err = nil
	}
	return n, err
}

// checkSums wants the list to name just the files that were found, in order.
func checkSums(r io.Reader, size int64, order []string, found map[string]string) error {
	if size > maxSums {
		return malformed(fmt.Errorf("%s of %d bytes", sumsName, size))
	}
	list := make([]byte, size)
	if _, err := io.ReadFull(r, list); err != nil {
		return cutShort(err)
	}
	if _, err := io.CopyN(io.Discard, r, int64(padding(size))); err != nil {
		return cutShort(err)
	}
	var want strings.Builder
	for _, name := range order {
		fmt.Fprintf(&want, "%s  %s\n", found[name], name)
	}
	if string(list) != want.String() {
		return texts.Errorf(texts.Backup.Checksum)
	}
	return nil
}

// readEnd wants zeros up to the end, two blocks at least.
func readEnd(r io.Reader) error {
	block := make([]byte, blockBytes)
	for n := 0; ; n++ {
		if _, err := io.ReadFull(r, block); err == io.EOF && n >= 2 {
			return nil
		} else if err != nil {
			return cutShort(err)
		}
		if slices.ContainsFunc(block, func(b byte) bool { return b != 0 }) {
			return malformed(errors.New("something follows the end"))
		}
	}
}

func padding(size int64) int { return int(-size & (blockBytes - 1)) }

// Fields of a header: where they begin, and how long they are.
var (
	fieldName  = field{0, 100}
	fieldMode  = field{100, 8}
	fieldUID   = field{108, 8}
	fieldGID   = field{116, 8}
	fieldSize  = field{124, 12}
	fieldTime  = field{136, 12}
	fieldSum   = field{148, 8}
	fieldType  = field{156, 1}
	fieldMagic = field{257, 8}
)

type field struct{ at, length int }

func (f field) of(block []byte) []byte { return block[f.at : f.at+f.length] }

func (f field) octal(block []byte, n int64) {
	copy(f.of(block), fmt.Sprintf("%0*o\x00", f.length-1, n))
}

const ustarMagic = "ustar\x0000"

func encodeHeader(name string, size int64) ([]byte, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	if size < 0 || size > maxSize {
		return nil, fmt.Errorf("%s: a file of %d bytes does not fit", name, size)
	}
	block := make([]byte, blockBytes)
	copy(fieldName.of(block), name)
	fieldMode.octal(block, 0o600)
	fieldUID.octal(block, 0)
	fieldGID.octal(block, 0)
	fieldSize.octal(block, size)
	fieldTime.octal(block, 0)
	fieldType.of(block)[0] = '0'
	copy(fieldMagic.of(block), ustarMagic)
	copy(fieldSum.of(block), fmt.Sprintf("%06o\x00 ", headerSum(block)))
	return block, nil
}

// decodeHeader takes only what encodeHeader makes.
func decodeHeader(block []byte) (name string, size int64, err error) {
	text, _, _ := bytes.Cut(fieldName.of(block), []byte{0})
	digits, _, _ := bytes.Cut(fieldSize.of(block), []byte{0})
	size, err = strconv.ParseInt(string(digits), 8, 64)
	if err != nil {
		return "", 0, malformed(errors.New("no header of a file"))
	}
	again, err := encodeHeader(string(text), size)
	if err != nil || !bytes.Equal(again, block) {
		return "", 0, malformed(errors.New("no header of a file"))
	}
	return string(text), size, nil
}

// headerSum adds up the bytes, those of the sum itself taken as spaces.
func headerSum(block []byte) (sum int) {
	for i, b := range block {
		if i >= fieldSum.at && i < fieldSum.at+fieldSum.length {
			b = ' '
		}
		sum += int(b)
	}
	return sum
}

// checkName wants a relative path of plain characters that leads nowhere else.
func checkName(name string) error {
	strange := func(r rune) bool {
		return r != '/' && r != '.' && r != '-' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}
	if name == "" || len(name) > maxName || path.Clean("/" + name)[1:] != name || strings.ContainsFunc(name, strange) {
		return fmt.Errorf("file name %.120q", name)
	}
	return nil
}

func malformed(err error) error { return texts.Errorf(texts.Backup.Malformed, err) }
