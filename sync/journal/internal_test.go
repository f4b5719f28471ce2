package journal

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
)

// encoded is the whole record of e under a key.
func encoded(t testing.TB, e *devices.Event, key []byte) []byte {
	t.Helper()
	record, err := encode(nil, e)
	if err != nil {
		t.Fatal(err)
	}
	return binary.LittleEndian.AppendUint32(record, checksum(crc32.Checksum(record, castagnoli), key))
}

func TestCodecKeepsEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Custom(func(t *rapid.T) time.Time {
			return time.Unix(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		})
		e := devices.Event{
			ID:     rapid.StringN(1, -1, 300).Draw(t, "id"),
			Device: rapid.StringN(1, -1, 300).Draw(t, "device"),
			Type:   devices.Type(rapid.StringN(1, -1, 300).Draw(t, "type")),
			Received: devices.Stamp{
				Mono:   time.Duration(rapid.Int64().Draw(t, "mono")),
				Wall:   moment.Draw(t, "wall"),
				Synced: rapid.Bool().Draw(t, "synced"),
			},
		}
		copy(e.Received.Boot[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "boot"))
		if data := rapid.SliceOf(rapid.Byte()).Draw(t, "data"); len(data) > 0 {
			e.Data = data
		}
		if rapid.Bool().Draw(t, "observed") {
			e.Observed = moment.Draw(t, "at")
		}
		k := key(rapid.Uint64().Draw(t, "seq"))
		record, err := encode(nil, &e)
		if err != nil {
			t.Fatal(err)
		}
		record = binary.LittleEndian.AppendUint32(record, checksum(crc32.Checksum(record, castagnoli), k))
		var dec decoder
		var got devices.Event
		err = dec.decode(&got, k, record)
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("got  %+v, %v\nwant %+v", got, err, e)
		}
		// No flipped bit and no other place goes unnoticed.
		bit := rapid.IntRange(0, 8*len(record)-1).Draw(t, "bit")
		record[bit/8] ^= 1 << (bit % 8)
		if err := dec.decode(&devices.Event{}, k, record); err == nil {
			t.Fatalf("bit %d is flipped", bit)
		}
		record[bit/8] ^= 1 << (bit % 8)
		k[rapid.IntRange(0, 7).Draw(t, "byte")]++
		if err := dec.decode(&devices.Event{}, k, record); err == nil {
			t.Fatal("decoded under another key")
		}
	})
}

func TestDecodedEventsDoNotOverlap(t *testing.T) {
	var dec decoder
	var got []devices.Event
	for i := range 200 {
		e := devices.Event{ID: "i", Device: "d", Type: "t", Data: make([]byte, i*50)}
		for k := range e.Data {
			e.Data[k] = byte(i)
		}
		var event devices.Event
		err := dec.decode(&event, key(1), encoded(t, &e, key(1)))
		if err != nil {
			t.Fatal(err)
		}
		event.Data = append(event.Data, 255) // must not run into the next one
		got = append(got, event)
	}
	for i, e := range got {
		if len(e.Data) != i*50+1 || slices.ContainsFunc(e.Data[:i*50], func(b byte) bool { return b != byte(i) }) {
			t.Errorf("data of event %d is overwritten", i)
		}
	}
}

// The fuzzers give the decoders what has a right checksum, else they would see
// nothing but wrong ones.
func FuzzDecode(f *testing.F) {
	for _, e := range []devices.Event{
		{ID: "i", Device: "d", Type: "t"},
		{ID: "i", Device: "d", Type: "t", Observed: time.Unix(1, 2), Data: json.RawMessage(`{"a":1}`)},
		{ID: "i", Device: "d", Type: "t", Received: devices.Stamp{Mono: math.MaxInt64, Wall: time.Unix(1<<40, 1), Synced: true}},
	} {
		record := encoded(f, &e, key(1))
		f.Add(record[:len(record)-crcBytes])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		record := binary.LittleEndian.AppendUint32(body, checksum(crc32.Checksum(body, castagnoli), key(1)))
		var dec decoder
		var e devices.Event
		err := dec.decode(&e, key(1), record)
		if err != nil {
			return
		}
		if n := len(e.Device) + len(e.ID) + len(e.Type) + len(e.Data); n > len(body) {
			t.Fatalf("%d bytes out of %d", n, len(body))
		}
		if e.ID == "" || e.Device == "" || e.Type == "" {
			return // well-formed, but encode refuses it
		}
		var again devices.Event
		err = dec.decode(&again, key(2), encoded(t, &e, key(2)))
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Fatalf("got  %+v, %v\nwant %+v", again, err, e)
		}
	})
}

func FuzzDecodeIdentities(f *testing.F) {
	f.Add([]byte{})
	f.Add(encodeIdentities([]identity{{1}, {2}}))
	f.Fuzz(func(t *testing.T, block []byte) {
		for _, block := range [][]byte{block, binary.LittleEndian.AppendUint32(block, crc32.Checksum(block, castagnoli))} {
			if ids, ok := decodeIdentities(block); ok && !slices.Equal(encodeIdentities(ids), block) {
				t.Fatal("decoded what was never encoded")
			}
		}
	})
}

func TestIdentityKeepsDeviceAndIDApart(t *testing.T) {
	a := identify(&devices.Event{Device: "ab", ID: "c"})
	b := identify(&devices.Event{Device: "a", ID: "bc"})
	if a == b {
		t.Error("two events have one identity")
	}
}

// The set of recent identities against a slice.
func TestRecentIsTheLastIdentities(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		const limit = 16
		set := newRecent(limit)
		set.ring, set.table = make([]identity, 2), make([]place, 4) // grows early
		var model []identity
		check := func() {
			if got := set.last(limit + 1); !slices.Equal(got, model) {
				t.Fatalf("holds %v, want %v", got, model)
			}
			taken := 0
			for _, p := range set.table {
				if p != 0 {
					taken++
				}
			}
			if taken != len(model) {
				t.Fatalf("%d places taken for %d", taken, len(model))
			}
			for i := range model {
				if _, ok := set.find(&model[i], set.hash(&model[i])); !ok {
					t.Fatalf("%v is not found", model[i])
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				id := identity{rapid.Byte().Draw(t, "id") % 40}
				known := slices.Contains(model, id)
				if set.add(&id) == known {
					t.Fatalf("%v was known: %t", id, known)
				}
				if !known {
					model = append(model, id)
					model = model[max(0, len(model)-limit):]
				}
				check()
			},
			"drop": func(t *rapid.T) {
				n := rapid.IntRange(0, 20).Draw(t, "n")
				set.drop(n)
				model = model[:max(0, len(model)-n)]
				check()
			},
		})
	})
}

func TestRecentAtItsFullSize(t *testing.T) {
	set := newRecent(window)
	id := func(i int) *identity {
		var id identity
		binary.LittleEndian.PutUint64(id[:], uint64(i))
		return &id
	}
	for i := range 3 * window {
		if !set.add(id(i)) {
			t.Fatalf("%d is new", i)
		}
	}
	for i := 2 * window; i < 3*window; i++ {
		if set.add(id(i)) {
			t.Fatalf("%d is forgotten", i)
		}
	}
	if !set.add(id(0)) {
		t.Error("the oldest is not forgotten")
	}
	if got := fmt.Sprint(len(set.last(window+1)), len(set.table)); got != fmt.Sprint(window, 2*window) {
		t.Error(got)
	}
}
