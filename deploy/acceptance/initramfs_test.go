package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The archive is one that can be read back: name, mode, content, folders
// before what is in them.
func TestArchive(t *testing.T) {
	var b bytes.Buffer
	a := newArchive(&b)
	for _, f := range []struct{ name, content string }{{"init", "abc"}, {"etc/deep/odd", "12345"}, {"etc/deep/none", ""}} {
		if err := a.file(f.name, 0o700, []byte(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.close(); err != nil {
		t.Fatal(err)
	}

	var got []string
	for in := b.Bytes(); len(in) > 0; {
		field := func(n int) int {
			v, err := strconv.ParseUint(string(in[6+8*n:14+8*n]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			return int(v)
		}
		if string(in[:6]) != "070701" {
			t.Fatalf("no entry: %q", in[:6])
		}
		mode, size, name := field(1), field(6), field(11)
		up := func(n int) int { return (n + 3) / 4 * 4 }
		data := up(110 + name)
		got = append(got, strconv.FormatInt(int64(mode), 8)+" "+string(in[110:110+name-1])+" "+string(in[data:data+size]))
		in = in[up(data+size):]
	}
	want := []string{"100700 init abc", "40755 etc ", "40755 etc/deep ", "100700 etc/deep/odd 12345", "100700 etc/deep/none ", "0 TRAILER!!! "}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// A module comes after those that it depends on, and what is built in is not
// looked for.
func TestModules(t *testing.T) {
	root := t.TempDir()
	module(t, root, "base-part", "")
	module(t, root, "middle", "base_part,inside")
	module(t, root, "top", "middle,base-part")
	if err := os.WriteFile(filepath.Join(root, "modules.builtin"), []byte("kernel/inside.ko\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := findModules(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"top", "base-part", "inside"} {
		if err := m.need(name); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"base_part", "middle", "top"}; !slices.Equal(m.order, want) {
		t.Errorf("%q", m.order)
	}
	if m.need("absent") == nil {
		t.Error("a module that is nowhere was found")
	}
}

// module makes an object file that says of itself what a kernel module does.
func module(t *testing.T, root, name, depends string) {
	t.Helper()
	source := filepath.Join(root, name+".c")
	text := `__attribute__((section(".modinfo"), used)) static const char info[] = "license=GPL\0depends=` + depends + `\0name=x";`
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("gcc", "-c", "-o", filepath.Join(root, name+".ko"), source).CombinedOutput(); err != nil {
		t.Fatalf("gcc (is it installed? run make deps): %v\n%s", err, out)
	}
}
