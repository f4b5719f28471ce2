package journal

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
)

func someEvent(data string) devices.Event {
	return devices.Event{
		ID: "e1", Device: "l1", Type: "door", Data: json.RawMessage(data),
		Received: devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour, Wall: time.Unix(1.7e9, 5), Synced: true},
	}
}

// A record to which nothing points any more is found by itself.
func TestBareRecord(t *testing.T) {
	for _, data := range []string{"", `{}`, `{"note":"` + strings.Repeat("x", 9000) + `"}`, `[1,2,[3]]`, `12`} {
		e := someEvent(data)
		k := key(7)
		want := encoded(t, &e, k)
		path := filepath.Join(t.TempDir(), "file")
		for _, around := range []string{"", "\x00\x01\x02garbage", strings.Repeat("\xff", 100)} {
			b := append([]byte(around), k...)
			b = append(append(b, want...), around...)
			if err := os.WriteFile(path, b, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := rescue(path, 7, 7)
			if err != nil {
				t.Fatal(err)
			}
			if len(s.records) != 1 || string(s.records[0].value) != string(want) {
				t.Errorf("data of %d bytes: %d records", len(data), len(s.records))
			}
			if err := s.free(); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestHoles(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		first, last := uint64(1), uint64(rapid.IntRange(0, 40).Draw(t, "last"))
		s := salvaged{}
		have := map[uint64]bool{}
		for seq := first; seq <= last+3; seq++ {
			if rapid.Bool().Draw(t, "there") {
				have[seq] = true
				s.records = append(s.records, rescued{seq: seq})
			}
		}
		holes := s.missing(first, last)
		again := decodeHoles(encodeHoles(holes))
		if len(again) != len(holes) {
			t.Fatalf("%v became %v", holes, again)
		}
		for seq := first; seq <= last; seq++ {
			if covered(again, seq, seq) == have[seq] {
				t.Fatalf("%d of %v: holes %v", seq, have, holes)
			}
		}
	})
}

// Whatever is in a file: what is rescued has the right checksum, and a sequence
// of the range.
func FuzzRescue(f *testing.F) {
	e := someEvent(`{"compartment":12}`)
	f.Add(append(key(7), encoded(f, &e, key(7))...))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := rescue(path, 3, 1000)
		if err != nil {
			t.Fatal(err)
		}
		before := uint64(2)
		for _, r := range s.records {
			if r.seq <= before || r.seq > 1000 || !intact(key(r.seq), r.value) {
				t.Errorf("%d after %d, %d bytes", r.seq, before, len(r.value))
			}
			before = r.seq
		}
		if err := s.free(); err != nil {
			t.Fatal(err)
		}
	})
}
