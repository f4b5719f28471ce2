package backup

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"

	"filippo.io/age"

	"github.com/linli-edge/gateway/devices/texts"
)

var passphrase = []byte("一只鸡 two ducks")

// cheap is the work of passphrases in tests.
const cheap = 2

func sealed(t testing.TB, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := seal(&b, passphrase, cheap)
	if err != nil {
		t.Fatal(err)
	}
	for len(content) > 0 { // in uneven pieces
		n := min(len(content), 1+len(content)*2/3)
		if _, err := w.Write(content[:n]); err != nil {
			t.Fatal(err)
		}
		content = content[n:]
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func opened(b, passphrase []byte) ([]byte, error) {
	r, err := open(bytes.NewReader(b), passphrase)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}

// wantText wants an error that is a given message.
func wantText(t testing.TB, err error, what string, want ...texts.Text) {
	t.Helper()
	var known *texts.Error
	if !errors.As(err, &known) {
		t.Errorf("%s: %v is no message", what, err)
		return
	}
	for _, w := range want {
		if known.Text == w {
			return
		}
	}
	t.Errorf("%s: %v", what, err)
}

// What is sealed here the age package opens, and the other way round.
func TestSealIsAge(t *testing.T) {
	random := rand.NewChaCha8([32]byte{1})
	for _, size := range []int{0, 1, chunkBytes - 1, chunkBytes, chunkBytes + 1, 2 * chunkBytes, 5*chunkBytes + 12345} {
		content := make([]byte, size)
		if _, err := random.Read(content); err != nil {
			t.Fatal(err)
		}
		ours := sealed(t, content)
		if got, err := opened(ours, passphrase); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: ours by ours: %d bytes, %v", size, len(got), err)
		}
		identity, err := age.NewScryptIdentity(string(passphrase))
		if err != nil {
			t.Fatal(err)
		}
		r, err := age.Decrypt(bytes.NewReader(ours), identity)
		if err != nil {
			t.Fatalf("%d bytes: ours by age: %v", size, err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: ours by age: %d bytes, %v", size, len(got), err)
		}

		recipient, err := age.NewScryptRecipient(string(passphrase))
		if err != nil {
			t.Fatal(err)
		}
		recipient.SetWorkFactor(10)
		var theirs bytes.Buffer
		w, err := age.Encrypt(&theirs, recipient)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := opened(theirs.Bytes(), passphrase); err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: age's by ours: %d bytes, %v", size, len(got), err)
		}
	}
}

// No bit can be changed, no piece cut off, added or moved, without a message.
func TestSealShowsEveryChange(t *testing.T) {
	content := bytes.Repeat([]byte("waybill "), 3*chunkBytes/8)
	whole := sealed(t, content)
	const sealedChunk = chunkBytes + 16
	header := len(whole) - 3*sealedChunk
	for at := range header + 64 {
		for _, bit := range []byte{1, 0x80} {
			b := bytes.Clone(whole)
			b[at] ^= bit
			_, err := opened(b, passphrase)
			wantText(t, err, "bit in the head", texts.Backup.Foreign, texts.Backup.Changed, texts.Backup.WrongPassphrase, texts.Backup.Work)
		}
	}
	for at := header; at < len(whole); at += 997 {
		b := bytes.Clone(whole)
		b[at] ^= 4
		_, err := opened(b, passphrase)
		wantText(t, err, "bit in the content", texts.Backup.Changed)
	}
	for _, n := range []int{0, 10, header - 1, header, header + 1, header + sealedChunk, header + 2*sealedChunk, len(whole) - 1} {
		_, err := opened(whole[:n], passphrase)
		wantText(t, err, "cut off", texts.Backup.Foreign, texts.Backup.CutShort, texts.Backup.Changed)
	}
	swapped := bytes.Clone(whole)
	copy(swapped[header:], whole[header+sealedChunk:header+2*sealedChunk])
	copy(swapped[header+sealedChunk:], whole[header:header+sealedChunk])
	_, err := opened(swapped, passphrase)
	wantText(t, err, "swapped", texts.Backup.Changed)
	_, err = opened(append(bytes.Clone(whole), 0), passphrase)
	wantText(t, err, "longer", texts.Backup.Changed)
	_, err = opened(whole, []byte("something else"))
	wantText(t, err, "passphrase", texts.Backup.WrongPassphrase)
}

// A file does not make the box work for hours, or take all of its memory.
func TestWorkIsBounded(t *testing.T) {
	_, err := opened(bytes.Replace(sealed(t, nil), []byte(" 2\n"), []byte(" 30\n"), 1), passphrase)
	wantText(t, err, "work", texts.Backup.Work)
}

func FuzzOpen(f *testing.F) {
	f.Add(sealed(f, []byte("hello")))
	f.Add(sealed(f, make([]byte, chunkBytes+1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if bytes.Contains(b, []byte(" 1")) { // scrypt is too slow for a fuzzer
			t.Skip()
		}
		if _, err := opened(b, passphrase); err != nil {
			wantText(t, err, "fuzz", texts.Backup.Foreign, texts.Backup.Changed, texts.Backup.WrongPassphrase, texts.Backup.Work, texts.Backup.CutShort)
		}
	})
}
