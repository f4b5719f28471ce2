package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices/texts"
)

type named struct {
	name    string
	content []byte
}

func archived(t rapid.TB, files ...named) []byte {
	t.Helper()
	var b bytes.Buffer
	a := &archive{to: &b}
	for _, f := range files {
		if err := a.put(f.name, int64(len(f.content)), bytes.NewReader(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func files(b []byte) (map[string]string, error) {
	found := map[string]string{}
	err := readArchive(bytes.NewReader(b), func(name string, size int64, content io.Reader) error {
		c, err := io.ReadAll(content)
		found[name] = string(c)
		if err == nil && int64(len(c)) != size {
			return fmt.Errorf("%d bytes, %d announced", len(c), size)
		}
		return err
	})
	return found, err
}

// What is written is read, by this package and by archive/tar; and the list of
// checksums is that of sha256sum.
func TestArchiveIsTar(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := map[string]string{}
		var all []named
		var sums strings.Builder
		for i := range rapid.IntRange(0, 5).Draw(t, "files") {
			content := bytes.Repeat([]byte{byte(i)}, rapid.OneOf(rapid.IntRange(0, 3*blockBytes), rapid.Just(blockBytes)).Draw(t, "size"))
			f := named{fmt.Sprintf("journal/urgent/%020d.bolt", i), content}
			all = append(all, f)
			want[f.name] = string(content)
			fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), f.name)
		}
		b := archived(t, all...)
		got, err := files(b)
		if err != nil || !maps.Equal(got, want) {
			t.Fatalf("read %v, %v", got, err)
		}
		want[sumsName] = sums.String()
		theirs := map[string]string{}
		for r := tar.NewReader(bytes.NewReader(b)); ; {
			h, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(r)
			if err != nil || h.Typeflag != tar.TypeReg || h.Mode != 0o600 {
				t.Fatalf("%+v, %v", h, err)
			}
			theirs[h.Name] = string(content)
		}
		if !maps.Equal(theirs, want) {
			t.Fatalf("archive/tar read %q, want %q", theirs, want)
		}
	})
}

// Every change of a bit is noticed, but for those in the padding; so is every
// cut.
func TestArchiveShowsEveryChange(t *testing.T) {
	whole := archived(t, named{"a", []byte("first")}, named{"b/c", make([]byte, 700)})
	if _, err := files(whole); err != nil {
		t.Fatal(err)
	}
	unnoticed := 0
	for at := range whole {
		b := bytes.Clone(whole)
		b[at] ^= 1
		if got, err := files(b); err == nil {
			unnoticed++
			if got["a"] != "first" || got["b/c"] != string(make([]byte, 700)) {
				t.Errorf("bit at %d gives %q", at, got)
			}
		}
	}
	if padded := int(padding(5) + padding(700) + padding(134)); unnoticed > padded {
		t.Errorf("%d changes go unnoticed, %d bytes are padding", unnoticed, padded)
	}
	for n := range whole {
		if _, err := files(whole[:n]); err == nil {
			t.Errorf("cut to %d bytes", n)
		}
	}
	if _, err := files(append(bytes.Clone(whole), make([]byte, blockBytes)...)); err != nil {
		t.Errorf("more zeros: %v", err)
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/", ".", "a\x00b", "a b", "名", strings.Repeat("x", 101)} {
		if _, err := encodeHeader(name, 1); err == nil {
			t.Errorf("%q is taken", name)
		}
	}
	twice := archived(t, named{"a", nil}, named{"a", nil})
	_, err := files(twice)
	wantText(t, err, "twice", texts.Backup.Malformed)
}

// A file that is not as long as it was said to be spoils no archive.
func TestSizes(t *testing.T) {
	for _, announced := range []int64{4, 6} {
		a := &archive{to: io.Discard}
		if err := a.put("a", announced, strings.NewReader("12345")); err == nil {
			t.Errorf("%d bytes announced, 5 written", announced)
		}
	}
	a := &archive{to: io.Discard}
	if err := a.put("a", maxSize+1, strings.NewReader("")); err == nil {
		t.Error("too large a file is taken")
	}
}

func FuzzArchive(f *testing.F) {
	f.Add(archived(f, named{"a", []byte("first")}, named{"b/c", make([]byte, 700)}))
	f.Add(archived(f))
	f.Add(make([]byte, 3*blockBytes))
	f.Fuzz(func(t *testing.T, b []byte) {
		found, err := files(b)
		if err != nil && !errors.As(err, new(*texts.Error)) {
			t.Errorf("%v is no message", err)
		}
		for name := range found {
			if checkName(name) != nil {
				t.Errorf("name %q", name)
			}
		}
	})
}
