package supervision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/kinds"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// diary is a recorder that knows what it has, as the journal does.
type diary struct {
	mu     sync.Mutex
	broken error
	seen   map[string]bool
	events []devices.Event
}

func (d *diary) Record(_ context.Context, e devices.Event) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.broken != nil {
		return d.broken
	}
	if key := e.Device + "/" + e.ID; !d.seen[key] {
		d.seen[key] = true
		d.events = append(d.events, e)
	}
	return nil
}

// box is one whose clock the test turns; gateways come and go on it.
type box struct {
	t       testing.TB
	file    string
	now     devices.Stamp
	diary   *diary
	devices []Device
	*Supervisor
	metrics *prometheus.Registry
}

// newBox is one that has run for an hour.
func newBox(t testing.TB, all ...Device) *box {
	b := &box{
		t: t, file: filepath.Join(t.TempDir(), "supervision.json"), diary: &diary{seen: map[string]bool{}}, devices: all,
		now: devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour, Wall: time.Date(2026, 11, 25, 8, 0, 0, 0, time.UTC)},
	}
	b.restart()
	return b
}

// restart is a kill of the gateway and its next start.
func (b *box) restart() {
	b.metrics = prometheus.NewRegistry()
	b.Supervisor = New(Options{
		File: b.file, Devices: func() []Device { return b.devices }, Recorder: b.diary,
		Clock: func() devices.Stamp { return b.now }, Logger: slog.New(slog.DiscardHandler), Registerer: b.metrics,
	})
}

// boot is a power cut of a while.
func (b *box) boot(off time.Duration) {
	b.now.Boot[0]++
	b.now.Mono, b.now.Wall = 20*time.Second, b.now.Wall.Add(off)
	b.restart()
}

// pass lets time go by, looking as often as Run does, or nearly.
func (b *box) pass(d time.Duration) {
	for end := b.now.Mono + d; b.now.Mono < end; {
		step := min(10*time.Second, end-b.now.Mono)
		b.now.Mono += step
		b.now.Wall = b.now.Wall.Add(step)
		b.look(context.Background())
	}
}

func (b *box) speak(device string) { b.Heard(device, b.now) }

func (b *box) say(device string, t devices.Type, data string) {
	b.speak(device)
	b.Reported(device, t, json.RawMessage(data), b.now)
}

// told is what was journaled since the last question.
func (b *box) told() string {
	b.t.Helper()
	b.diary.mu.Lock()
	defer b.diary.mu.Unlock()
	var lines []string
	for _, e := range b.diary.events {
		f, ok, err := Read(e)
		if !ok || err != nil {
			b.t.Fatalf("journaled %s %s: %v", e.Type, e.Data, err)
		}
		line := e.Device + " " + strings.TrimPrefix(string(f.Type), "device.")
		if f.Cleared {
			line += " over"
		}
		lines = append(lines, line)
	}
	b.diary.events = nil
	slices.Sort(lines)
	return strings.Join(lines, ", ")
}

func (b *box) expect(want string) {
	b.t.Helper()
	if got := b.told(); got != want {
		b.t.Errorf("journaled %q, want %q", got, want)
	}
}

var band = Device{ID: "band", Kind: "wearable", Interval: 10 * time.Minute}

// Silent once, within three minutes of its time, and heard again once.
func TestSilence(t *testing.T) {
	b := newBox(t, band, Device{ID: "sos", Kind: "wearable"})
	for range 6 {
		b.speak("band")
		b.pass(9 * time.Minute)
	}
	b.expect("")
	last := b.now.Wall.Add(-9 * time.Minute)
	b.pass(50 * time.Second)
	b.expect("")
	b.pass(3 * time.Minute)
	e := slices.Clone(b.diary.events)
	b.expect("band silent")
	if f, _, _ := Read(e[0]); !f.Since.Equal(last) || e[0].Received.Wall.Sub(last) > 13*time.Minute {
		t.Errorf("since %v, found %v; its last word was at %v", f.Since, e[0].Received.Wall, last)
	}
	b.pass(5 * time.Hour)
	b.expect("")
	if got := testutil.ToFloat64(b.found.WithLabelValues("silent")); got != 1 {
		t.Errorf("the metric says %g", got)
	}
	if h := b.Health("band"); !slices.Equal(h.Found, []devices.Type{TypeSilent}) {
		t.Errorf("health %+v", h)
	}
	b.speak("band")
	b.pass(time.Minute)
	b.expect("band silent over")
	b.pass(15 * time.Hour) // the other's interval is that of its kind
	b.expect("band silent")
	b.pass(10 * time.Hour)
	b.expect("sos silent")
}

// An "offline" starts the clock, and does not decide: a reconnection in time
// was nothing; without one the device is silent long before its interval.
func TestWillsAreNotBelievedAlone(t *testing.T) {
	b := newBox(t, Device{ID: "band", Kind: "wearable"})
	b.speak("band")
	b.pass(time.Minute)
	b.Offline("band", b.now)
	b.pass(4 * time.Minute)
	b.Offline("band", b.now) // a bridge repeats it: no new grace
	b.speak("band")
	b.pass(time.Hour)
	b.expect("")
	b.Offline("band", b.now)
	b.pass(3 * time.Minute)
	b.Offline("band", b.now)
	b.pass(2*time.Minute + 10*time.Second)
	b.expect("band silent")
	b.speak("band")
	b.pass(time.Minute)
	b.expect("band silent over")
}

// After the box was off, nobody is silent before an interval has passed, and
// who was silent still is until it speaks.
func TestTheBoxWasOff(t *testing.T) {
	b := newBox(t, band, Device{ID: "lost", Kind: "wearable", Interval: 10 * time.Minute})
	b.speak("band")
	b.pass(9 * time.Minute)
	b.speak("band")
	b.pass(5 * time.Minute)
	b.expect("lost silent")
	b.boot(12 * time.Hour)
	b.pass(9*time.Minute + 30*time.Second)
	b.expect("")
	b.pass(2 * time.Minute)
	b.expect("band silent")
	b.speak("lost")
	b.speak("band")
	b.pass(time.Minute)
	b.expect("band silent over, lost silent over")
}

// After a restart of the gateway alone, what it knew counts on, but everybody
// may have spoken meanwhile.
func TestTheGatewayWasRestarted(t *testing.T) {
	b := newBox(t, band, Device{ID: "gone", Kind: "wearable", Interval: 10 * time.Minute})
	b.pass(11 * time.Minute)
	b.expect("band silent, gone silent")
	b.speak("band")
	b.pass(time.Minute)
	b.expect("band silent over")
	b.pass(7 * time.Minute)
	b.save(b.now)
	b.now.Mono += 4 * time.Minute
	b.restart()
	b.pass(4 * time.Minute)
	b.expect("")
	b.pass(2 * time.Minute)
	b.expect("band silent")
	b.speak("band")
	b.pass(time.Minute)
	b.expect("band silent over")
	b.pass(8 * time.Minute)
	b.restart() // killed: who knows what it has said
	b.pass(9 * time.Minute)
	b.expect("")
	b.pass(2 * time.Minute)
	b.expect("band silent")
	b.speak("gone")
	b.pass(time.Minute)
	b.expect("gone silent over")
}

// When the power returns every device reports everything: nothing is told
// before they have settled, and then what is left.
func TestStormAfterPowerReturns(t *testing.T) {
	b := newBox(t)
	for i := range 500 {
		b.devices = append(b.devices, Device{ID: fmt.Sprintf("d%03d", i), Kind: "alarm"})
	}
	b.boot(time.Hour)
	for _, d := range b.devices {
		b.say(d.ID, "battery", `{"percent":3}`)
		b.say(d.ID, "fault", `{"code":"tamper"}`)
		b.Offline(d.ID, b.now)
		b.Dated(d.ID, false, b.now)
	}
	b.pass(2 * time.Minute)
	for _, d := range b.devices[1:] {
		b.say(d.ID, "battery", `{"percent":93}`)
		b.say(d.ID, "fault", `{"code":"tamper","cleared":true}`)
		b.Dated(d.ID, true, b.now)
	}
	b.say("d000", "fault", `{"code":"tamper"}`)
	b.pass(time.Hour)
	b.expect("d000 battery_low, d000 clock_wrong, d000 tampered")
}

// What a device says of itself is found once it lasts, and over once it has
// been good for a while.
func TestHysteresis(t *testing.T) {
	b := newBox(t, Device{ID: "band", Kind: "wearable"})
	b.say("band", "battery", `{"percent":16}`)
	b.pass(time.Hour)
	b.expect("")
	for _, percent := range []string{"15", "18", "14", "24"} { // around the limit: one finding
		b.say("band", "battery", `{"percent":`+percent+`}`)
		b.pass(2 * time.Hour)
	}
	b.expect("band battery_low")
	if h := b.Health("band"); h.Percent == nil || *h.Percent != 24 {
		t.Errorf("health %+v", h)
	}
	b.say("band", "battery", `{"percent":90}`)
	b.pass(30 * time.Minute)
	b.expect("")
	b.pass(31 * time.Minute)
	b.expect("band battery_low over")
	b.say("band", "battery", `{"low":true}`)
	b.pass(time.Minute)
	b.say("band", "battery", `{"low":false}`) // cold, for a minute
	b.pass(3 * time.Hour)
	b.expect("")

	b.say("band", "worn", `{"worn":false}`)
	b.pass(29 * time.Minute)
	b.expect("")
	b.pass(2 * time.Minute)
	b.expect("band not_worn")
	b.say("band", "worn", `{"worn":true}`)
	b.pass(6 * time.Minute)
	b.expect("band not_worn over")

	b.say("band", "fault", `{"code":"paper_out"}`)
	b.say("band", "fault", `{"code":"tamper"}`)
	b.pass(time.Minute)
	b.expect("band tampered")
	for range 20 { // a cover that rattles
		b.say("band", "fault", `{"code":"tamper","cleared":true}`)
		b.pass(20 * time.Second)
		b.say("band", "fault", `{"code":"tamper"}`)
		b.pass(20 * time.Second)
	}
	b.expect("")
	b.Dated("band", false, b.now)
	b.pass(2 * time.Minute)
	b.expect("band clock_wrong")
	b.Dated("band", true, b.now)
	b.pass(time.Hour)
	b.expect("band clock_wrong over")
}

// A crash at any moment repeats, and neither loses nor doubles; a disk that
// takes nothing delays.
func TestNothingIsLostOrDoubled(t *testing.T) {
	b := newBox(t, band)
	b.diary.broken = errors.New("disk full")
	b.pass(12 * time.Minute)
	b.expect("")
	b.restart() // decided, kept, not journaled
	b.diary.broken = nil
	b.pass(10 * time.Second)
	b.expect("band silent")
	// Journaled, and killed before that was noted.
	state, err := os.ReadFile(b.file)
	if err != nil {
		t.Fatal(err)
	}
	pending := strings.Replace(string(state), `"since":`, `"pending":true,"since":`, 1)
	if err := os.WriteFile(b.file, []byte(pending), 0o600); err != nil {
		t.Fatal(err)
	}
	b.restart()
	b.pass(time.Hour)
	b.expect("")
	b.speak("band")
	b.pass(time.Minute)
	b.expect("band silent over")
	// A file that nobody can read costs nothing but the memory.
	for _, content := range []string{"", "{", `{"format":9}`, `{"format":1,"devices":{"band":null,"x":{"found":{"device.silent":null}}}}`} {
		if err := os.WriteFile(b.file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		b.restart()
		b.pass(11 * time.Minute)
		b.speak("band")
		b.pass(time.Minute)
		b.expect("band silent, band silent over")
	}
	b.file = filepath.Join(b.file, "nowhere")
	b.restart()
	b.pass(11 * time.Minute)
	b.expect("band silent")
}

// A device that is retired has nothing found of it any more, and is forgotten.
func TestWhoIsNoLongerInUse(t *testing.T) {
	b := newBox(t, band)
	b.pass(11 * time.Minute)
	b.expect("band silent")
	b.devices = nil
	b.pass(time.Minute)
	b.expect("band silent over")
	if len(b.watches) != 0 {
		t.Errorf("still known: %v", slices.Collect(maps.Keys(b.watches)))
	}
	if b.Health("band").Found != nil {
		t.Error("something is found of a device that nobody has")
	}
}

func TestEveryKindHasAnInterval(t *testing.T) {
	for _, k := range append(kinds.Names(), devices.KindBridge) {
		if _, ok := intervals[k]; !ok {
			t.Errorf("%s has none", k)
		}
	}
	if Interval("toaster") != battery {
		t.Error("an unknown kind is not taken for one that sleeps")
	}
}

// Run looks by itself, saves each hour, and leaves no goroutine behind.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		b := newBox(t, band)
		b.Clock = func() devices.Stamp {
			return devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour + time.Since(began), Wall: time.Now()}
		}
		b.Supervisor.started = b.Clock()
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- b.Run(ctx) }()
		b.Heard("band", b.Clock())
		time.Sleep(10*time.Minute + 2*tickInterval)
		synctest.Wait()
		b.expect("band silent")
		b.Heard("band", b.Clock())
		time.Sleep(2 * tickInterval)
		synctest.Wait()
		b.expect("band silent over")
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if content, err := os.ReadFile(b.file); err != nil || !strings.Contains(string(content), `"band"`) {
			t.Errorf("not saved at the end: %s, %v", content, err)
		}
	})
}

// In any history of words, silences and restarts each finding begins and ends
// in turns, and never against what the device has said for a while.
func TestHistories(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newBox(t, band)
		said, wrongFor := map[devices.Type]bool{}, map[devices.Type]time.Duration{}
		on := map[devices.Type]bool{}
		var quiet time.Duration
		say := func(t devices.Type, wrong bool) {
			if said[t] != wrong {
				said[t], wrongFor[t] = wrong, 0
			}
		}
		look := func() {
			b.diary.mu.Lock()
			events := b.diary.events
			b.diary.events = nil
			b.diary.mu.Unlock()
			for _, e := range events {
				f, _, err := Read(e)
				if err != nil || on[f.Type] == !f.Cleared {
					r.Fatalf("%s, cleared %t, was %t before: %v", f.Type, f.Cleared, on[f.Type], err)
				}
				on[f.Type] = !f.Cleared
				if f.Type == TypeSilent && !f.Cleared && quiet < band.Interval {
					r.Fatalf("silent after %v", quiet)
				}
				if rule, ok := conditions[f.Type]; ok {
					if f.Cleared == said[f.Type] || !f.Cleared && wrongFor[f.Type] < rule.after || f.Cleared && wrongFor[f.Type] < rule.until {
						r.Fatalf("%s, cleared %t, after %v of %t", f.Type, f.Cleared, wrongFor[f.Type], said[f.Type])
					}
				}
			}
		}
		for range rapid.IntRange(1, 20).Draw(r, "steps") {
			switch rapid.IntRange(0, 5).Draw(r, "step") {
			case 0:
				percent := rapid.IntRange(0, 40).Draw(r, "percent")
				b.say("band", "battery", fmt.Sprintf(`{"percent":%d}`, percent))
				say(TypeBatteryLow, percent <= 15 || said[TypeBatteryLow] && percent < 25)
				quiet = 0
			case 1:
				worn := rapid.Bool().Draw(r, "worn")
				b.say("band", "worn", fmt.Sprintf(`{"worn":%t}`, worn))
				say(TypeNotWorn, !worn)
				quiet = 0
			case 2:
				plausible := rapid.Bool().Draw(r, "plausible")
				b.Dated("band", plausible, b.now)
				say(TypeClockWrong, !plausible)
			case 3:
				b.restart() // killed: what was said, or heard, since the last save is lost
				for t := range conditions {
					wrong := b.watch("band").Said[t]
					said[t], wrongFor[t] = wrong, 0
				}
				quiet = 0
			default:
				for range rapid.IntRange(1, 180).Draw(r, "ticks") {
					b.pass(10 * time.Second)
					quiet += 10 * time.Second
					for t := range conditions {
						wrongFor[t] += 10 * time.Second
					}
					look()
				}
				// What lasts is found in the end.
				for t, rule := range conditions {
					if said[t] && wrongFor[t] > rule.after+time.Minute && !on[t] || !said[t] && wrongFor[t] > rule.until+time.Minute && on[t] {
						r.Fatalf("%s is %t, and was said to be %t for %v", t, on[t], said[t], wrongFor[t])
					}
				}
				if quiet > band.Interval+restartGrace+time.Minute && !on[TypeSilent] {
					r.Fatalf("nobody noticed in %v", quiet)
				}
			}
		}
	})
}

// Whatever stands in the file, the supervisor starts.
func FuzzFile(f *testing.F) {
	f.Add([]byte(`{"format":1,"devices":{"band":{"heard":{"boot":"01000000000000000000000000000000","mono":1,"wall":"2026-11-25T08:00:00Z","synced":true},"said":{"device.battery_low":true},"found":{"device.silent":{"at":{"boot":"01000000000000000000000000000000","mono":1,"wall":"2026-11-25T08:00:00Z","synced":true},"since":"2026-11-25T08:00:00Z","pending":true}}}}}`))
	f.Add([]byte(`{"format":1,"devices":{"band":{"found":{"device.silent":null}}}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		b := newBox(t, band)
		if err := os.WriteFile(b.file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		b.restart()
		b.pass(time.Minute)
		b.Health("band")
	})
}
