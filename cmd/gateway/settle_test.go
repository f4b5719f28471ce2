package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
)

// Only what the file can give again is given back: no page that may be
// written, none that was copied, nothing of another file.
func TestUnchanged(t *testing.T) {
	const smaps = `00400000-00e48000 r-xp 00000000 fe:00 10299672                           /usr/bin/linli gateway
Size:              10528 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me sd 
00e48000-018f0000 r--p 00a48000 fe:00 10299672                           /usr/bin/linli gateway
Anonymous:             0 kB
018f0000-019b1000 rw-p 014f0000 fe:00 10299672                           /usr/bin/linli gateway
Anonymous:             0 kB
019b1000-019b2000 r--p 015b1000 fe:00 10299672                           /usr/bin/linli gateway
Anonymous:             4 kB
24cea6c00000-24cea7800000 rw-p 00000000 00:00 0 
Anonymous:             0 kB
7fe50ff00000-7fe510200000 r--s 00000000 fe:00 99                         /var/lib/linli/registry.db
Anonymous:             0 kB
7fff0000-7fff1000 r-xp 00000000 00:00 0                                  [vdso]
Anonymous:             0 kB
`
	got, err := unchanged(strings.NewReader(smaps), "/usr/bin/linli gateway")
	if want := []part{{0x400000, 0xe48000}, {0xe48000, 0x18f0000}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%x, %v, want %x", got, err, want)
	}
	if _, err := unchanged(strings.NewReader("0x40-50 r-xp 00000000 fe:00 1 /a\n"), "/a"); err == nil {
		t.Error("an address that is none is taken")
	}
}

// A program goes on after it, and all that it can read of itself is as before.
func TestUnmapProgram(t *testing.T) {
	parts, err := programParts()
	if err != nil || len(parts) == 0 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	read := func() []byte {
		memory, err := os.Open("/proc/self/mem")
		if err != nil {
			t.Fatal(err)
		}
		defer memory.Close()
		var all []byte
		for _, p := range parts {
			b := make([]byte, p.end-p.start)
			if _, err := memory.ReadAt(b, int64(p.start)); err != nil {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
		return all
	}
	before := read()
	if err := unmap(parts); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, read()) {
		t.Error("the program is not what it was")
	}
}
