package backup

import (
	"bufio"
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/scrypt"

	"github.com/linli-edge/gateway/devices/texts"
)

// The format age-encryption.org/v1 with one scrypt recipient, as specified at
// https://c2sp.org/age:
//
//	age-encryption.org/v1
//	-> scrypt <salt> <log2 of the work>
//	<file key, sealed with the key from the passphrase>
//	--- <HMAC of all before the space, by a key from the file key>
//	<16 bytes, from which and the file key comes the key of the content>
//	<chunks of 64 KiB, each sealed under its number and whether it is the last>
//
// Binary fields of the header are base64 without padding.
const (
	sealIntro  = "age-encryption.org/v1\n"
	sealStanza = "-> scrypt "
	sealFooter = "---"
	sealLabel  = "age-encryption.org/v1/scrypt"

	fileKeyBytes = 16
	saltBytes    = 16
	nonceBytes   = 16
	macBytes     = sha256.Size
	chunkBytes   = 64 << 10

	// logWork costs 64 MiB and about a second on a box. A backup made
	// elsewhere may ask for up to maxLogWork, 256 MiB, which is what the age
	// command takes.
	logWork    = 16
	maxLogWork = 18
)

// newBase64 takes nothing that it would not have written.
var newBase64 = base64.RawStdEncoding.Strict()

// A sealer encrypts what is written to it.
type sealer struct {
	to    io.Writer
	aead  cipher.AEAD
	nonce chunkNonce
	plain []byte // of the present chunk
	chunk []byte
}

// seal returns a writer that encrypts to w. Only its Close makes the file
// complete; it does not close w. log is the log2 of the work that the passphrase
// costs.
func seal(w io.Writer, passphrase []byte, log int) (io.WriteCloser, error) {
	fileKey, salt, nonce := random(fileKeyBytes), random(saltBytes), random(nonceBytes)
	wrap, err := passphraseKey(passphrase, salt, log)
	if err != nil {
		return nil, err
	}
	header := fmt.Appendf(nil, "%s%s%s %d\n%s\n%s", sealIntro, sealStanza, newBase64.EncodeToString(salt), log,
		newBase64.EncodeToString(wrap.Seal(nil, make([]byte, wrap.NonceSize()), fileKey, nil)), sealFooter)
	mac, err := headerMAC(fileKey, header)
	if err != nil {
		return nil, err
	}
	header = append(fmt.Appendf(header, " %s\n", newBase64.EncodeToString(mac)), nonce...)
	aead, err := contentKey(fileKey, nonce)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(header); err != nil {
		return nil, err
	}
	return &sealer{to: w, aead: aead, plain: make([]byte, 0, chunkBytes)}, nil
}

func (s *sealer) Write(p []byte) (n int, err error) {
	for len(p) > 0 {
		if len(s.plain) == chunkBytes { // only now it is known not to be the last
			if err := s.flush(false); err != nil {
				return n, err
			}
		}
		took := copy(s.plain[len(s.plain):chunkBytes], p)
		s.plain, p, n = s.plain[:len(s.plain)+took], p[took:], n+took
	}
	return n, nil
}

func (s *sealer) Close() error { return s.flush(true) }

func (s *sealer) flush(last bool) error {
	s.chunk = s.aead.Seal(s.chunk[:0], s.nonce.next(last), s.plain, nil)
	s.plain = s.plain[:0]
	_, err := s.to.Write(s.chunk)
	return err
}

// An opener decrypts what it reads, and gives out only what is authentic.
type opener struct {
	from  *bufio.Reader
	aead  cipher.AEAD
	nonce chunkNonce
	plain []byte // not given out yet
	chunk []byte
	first bool
	err   error // once plain is used up
}

// open returns a reader of what was sealed into r. It fails with a message for
// people if r is no backup or the passphrase is not the one; the reader fails
// if anything was changed or is missing, at the chunk where that is.
func open(r io.Reader, passphrase []byte) (io.Reader, error) {
	from := bufio.NewReaderSize(r, chunkBytes)
	fileKey, err := openHeader(from, passphrase)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, nonceBytes)
	if _, err := io.ReadFull(from, nonce); err != nil {
		return nil, cutShort(err)
	}
	aead, err := contentKey(fileKey, nonce)
	if err != nil {
		return nil, err
	}
	return &opener{from: from, aead: aead, chunk: make([]byte, chunkBytes+aead.Overhead()), first: true}, nil
}

func (o *opener) Read(p []byte) (int, error) {
	for len(o.plain) == 0 {
		if o.err != nil {
			return 0, o.err
		}
		o.plain, o.err = o.next()
	}
	n := copy(p, o.plain)
	o.plain = o.plain[n:]
	return n, nil
}

// next returns the content of a chunk, with io.EOF if it is the last.
func (o *opener) next() ([]byte, error) {
	n, err := io.ReadFull(o.from, o.chunk)
	if err != nil && err != io.ErrUnexpectedEOF {
		return nil, cutShort(err)
	}
	_, end := o.from.Peek(1)
	if end != nil && end != io.EOF {
		return nil, end
	}
	last := end == io.EOF
	if n == o.aead.Overhead() && !o.first { // only an empty file has an empty chunk
		return nil, texts.Errorf(texts.Backup.Changed)
	}
	o.first = false
	plain, err := o.aead.Open(o.chunk[:0], o.nonce.next(last), o.chunk[:n], nil)
	if err != nil {
		return nil, texts.Errorf(texts.Backup.Changed)
	}
	if last {
		return plain, io.EOF
	}
	return plain, nil
}

// openHeader finds the file key. The lines are short: more is not read.
func openHeader(from *bufio.Reader, passphrase []byte) ([]byte, error) {
	var header []byte
	line := func() (string, error) {
		b, err := from.ReadSlice('\n')
		header = append(header, b...)
		if err != nil || len(b) > 128 {
			return "", texts.Errorf(texts.Backup.Foreign)
		}
		return strings.TrimSuffix(string(b), "\n"), nil
	}
	var lines [4]string
	for i := range lines {
		var err error
		if lines[i], err = line(); err != nil {
			return nil, err
		}
	}
	stanza, ok := strings.CutPrefix(lines[1], sealStanza)
	encodedSalt, work, ok2 := strings.Cut(stanza, " ")
	footer, ok3 := strings.CutPrefix(lines[3], sealFooter+" ")
	salt, saltErr := newBase64.DecodeString(encodedSalt)
	sealed, sealedErr := newBase64.DecodeString(lines[2])
	mac, macErr := newBase64.DecodeString(footer)
	log, logErr := strconv.ParseUint(work, 10, 8)
	if lines[0]+"\n" != sealIntro || !ok || !ok2 || !ok3 || saltErr != nil || sealedErr != nil || macErr != nil || logErr != nil ||
		len(salt) != saltBytes || len(sealed) != fileKeyBytes+chacha20poly1305.Overhead || len(mac) != macBytes ||
		log < 1 || strconv.FormatUint(log, 10) != work {
		return nil, texts.Errorf(texts.Backup.Foreign)
	}
	if log > maxLogWork {
		return nil, texts.Errorf(texts.Backup.Work, int(log), maxLogWork)
	}
	wrap, err := passphraseKey(passphrase, salt, int(log))
	if err != nil {
		return nil, err
	}
	fileKey, err := wrap.Open(nil, make([]byte, wrap.NonceSize()), sealed, nil)
	if err != nil {
		return nil, texts.Errorf(texts.Backup.WrongPassphrase)
	}
	want, err := headerMAC(fileKey, header[:bytes.LastIndexByte(header, ' ')])
	if err != nil {
		return nil, err
	}
	if !hmac.Equal(mac, want) {
		return nil, texts.Errorf(texts.Backup.Changed)
	}
	return fileKey, nil
}

func passphraseKey(passphrase, salt []byte, log int) (cipher.AEAD, error) {
	key, err := scrypt.Key(passphrase, append([]byte(sealLabel), salt...), 1<<log, 8, 1, chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("key of the passphrase: %w", err)
	}
	return chacha20poly1305.New(key)
}

func contentKey(fileKey, nonce []byte) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, fileKey, nonce, "payload", chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("key of the content: %w", err)
	}
	return chacha20poly1305.New(key)
}

func headerMAC(fileKey, header []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, fileKey, nil, "header", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("key of the header: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(header)
	return mac.Sum(nil), nil
}

// chunkNonce counts chunks: 11 bytes of number, one for the last.
type chunkNonce struct {
	bytes [chacha20poly1305.NonceSize]byte
	n     uint64
}

func (c *chunkNonce) next(last bool) []byte {
	binary.BigEndian.PutUint64(c.bytes[3:], c.n)
	c.bytes[11] = 0
	if last {
		c.bytes[11] = 1
	}
	c.n++
	return c.bytes[:]
}

// random returns n bytes that nobody can guess; crypto/rand never fails.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// cutShort says so if a file ends too early.
func cutShort(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return texts.Errorf(texts.Backup.CutShort)
	}
	return err
}
