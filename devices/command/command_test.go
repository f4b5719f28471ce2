package command

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

func order() Order {
	return Order{ID: "7pq2x", Device: "l1", Action: Open, Data: Data{Compartment: 12}, By: "li"}
}

func stamp(boot byte, mono time.Duration) devices.Stamp {
	return devices.Stamp{Boot: devices.BootID{boot}, Mono: mono, Wall: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC).Add(mono)}
}

func TestOrdersAreChecked(t *testing.T) {
	for _, c := range []struct {
		change func(*Order)
		want   string
	}{
		{func(o *Order) {}, ""},
		{func(o *Order) { o.ID = "Ü" }, "id: must be 1 to 64"},
		{func(o *Order) { o.By = "" }, "by: say who"},
		{func(o *Order) { o.By = strings.Repeat("李", 65) }, "by: say who"},
		{func(o *Order) { o.Data.Compartment = 0 }, "compartment: give its number"},
		{func(o *Order) { o.Action = "fly" }, `action: there is no "fly"`},
		{func(o *Order) { o.Action = Ring; o.Data = Data{} }, ""},
		{func(o *Order) { o.Action = Notify; o.Data = Data{Message: "coming"} }, ""},
		{func(o *Order) { o.Action = Notify; o.Data = Data{Message: "我来了"} }, "message: must be a code"},
		{func(o *Order) { o.Action = Set; o.Data = Data{Name: "PulseTime1", Value: json.RawMessage(`3`)} }, ""},
		{func(o *Order) { o.Action = Set; o.Data = Data{Name: "a/b", Value: json.RawMessage(`3`)} }, "name: must be that of a parameter"},
		{func(o *Order) { o.Action = Set; o.Data = Data{Name: "x", Value: json.RawMessage(`null`)} }, "value: must be"},
		{func(o *Order) { o.Action = Set; o.Data = Data{Name: "x", Value: json.RawMessage(`{}`)} }, "value: must be"},
		{func(o *Order) { o.Action = Set; o.Data = Data{Name: "x", Value: json.RawMessage(`3 4`)} }, "value: must be"},
		{func(o *Order) { o.Action = Set; o.Data = Data{Name: "x"} }, "value: must be"},
	} {
		o := order()
		c.change(&o)
		err := o.Validate()
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(texts.Of(err, texts.English), c.want)) {
			t.Errorf("%+v: %v, want %q", o, err, c.want)
		}
	}
}

// What a command becomes, step by step.
func TestSteps(t *testing.T) {
	const valid = 30 * time.Second
	asked := New(order(), stamp(1, 0), valid)
	sent := asked.Send(stamp(1, time.Second))
	silent, repeatable := sent, sent
	silent.Silent, repeatable.Repeatable = true, true
	unanswered := sent.Tick(stamp(1, valid+Grace))
	for _, c := range []struct {
		name              string
		got               Command
		phase             Phase
		confirmed, reason string
	}{
		{"asked", asked, PhaseAsked, "", ""},
		{"sent", sent, PhaseSent, "", ""},
		{"sent at the last moment", asked.Send(stamp(1, valid-1)), PhaseSent, "", ""},
		{"never sent late", asked.Send(stamp(1, valid)), PhaseFailed, "", Expired},
		{"never sent in another boot", asked.Send(stamp(2, time.Second)), PhaseFailed, "", Expired},
		{"expires", asked.Tick(stamp(1, valid)), PhaseFailed, "", Expired},
		{"expires by a reboot", asked.Restart(stamp(2, 0)), PhaseFailed, "", Expired},
		{"outlives a restart", asked.Restart(stamp(1, valid-1)), PhaseAsked, "", ""},
		{"did not leave", sent.Unsent(), PhaseAsked, "", ""},
		{"no answer", unanswered, PhaseFailed, "", NoAnswer},
		{"waits for the grace", sent.Tick(stamp(1, valid+Grace-1)), PhaseSent, "", ""},
		{"awaits its answer after a restart", sent.Restart(stamp(1, 2*time.Second)), PhaseSent, "", ""},
		{"awaits its answer after a reboot", sent.Restart(stamp(2, time.Hour)), PhaseSent, "", ""},
		{"sent again if it is known again", repeatable.Restart(stamp(1, 2*time.Second)), PhaseAsked, "", ""},
		{"but not late", repeatable.Restart(stamp(1, valid)), PhaseSent, "", ""},
		{"nor after a reboot", repeatable.Restart(stamp(2, 0)), PhaseSent, "", ""},
		{"nor at a restart after it", repeatable.Restart(stamp(2, 0)).Restart(stamp(2, time.Second)), PhaseSent, "", ""},
		{"handed over", silent.Handed(stamp(1, 2*time.Second)), PhaseDone, ByNobody, ""},
		{"handed over to one that answers", sent.Handed(stamp(1, 2*time.Second)), PhaseSent, "", ""},
		{"answered", sent.Answer("", stamp(1, 3*time.Second)), PhaseDone, ByDevice, ""},
		{"answered no", sent.Answer("door_jammed", stamp(1, 3*time.Second)), PhaseFailed, "", "door_jammed"},
		{"answered late", unanswered.Answer("", stamp(1, time.Hour)), PhaseDone, ByDevice, ""},
		{"answered no, late", unanswered.Answer("expired", stamp(1, time.Hour)), PhaseFailed, "", "expired"},
		{"answered before it was sent", asked.Answer("", stamp(1, 0)), PhaseAsked, "", ""},
		{"answered twice", sent.Answer("", stamp(1, 2)).Answer("x", stamp(1, 3)), PhaseDone, ByDevice, ""},
		{"answered no and yes", sent.Answer("x", stamp(1, 2)).Answer("", stamp(1, 3)), PhaseFailed, "", "x"},
		{"seen to open", sent.Opened(12, stamp(1, 2)), PhaseDone, ByDoor, ""},
		{"another opens", sent.Opened(11, stamp(1, 2)), PhaseSent, "", ""},
		{"opens before it was sent", asked.Opened(12, stamp(1, 2)), PhaseAsked, "", ""},
		{"opens when it is over", unanswered.Opened(12, stamp(1, 2)), PhaseFailed, "", NoAnswer},
		{"jams", sent.Jammed(12, stamp(1, 2)), PhaseFailed, "", JamCode},
		{"another jams", sent.Jammed(11, stamp(1, 2)), PhaseSent, "", ""},
		{"given up", asked.Stop(Refused, stamp(1, 2)), PhaseFailed, "", Refused},
		{"not given up once it was sent", sent.Stop(Refused, stamp(1, 2)), PhaseSent, "", ""},
	} {
		if c.got.Phase != c.phase || c.got.Confirmed != c.confirmed || c.got.Reason != c.reason {
			t.Errorf("%s: %+v", c.name, c.got)
		}
		for _, lang := range []texts.Lang{texts.Chinese, texts.English} {
			if words := c.got.Words(lang); words == "" || strings.Contains(words, "%!") {
				t.Errorf("%s: %q", c.name, words)
			}
		}
	}
	if left := sent.Restart(stamp(2, time.Hour)).Left(stamp(2, time.Hour)); left != valid+Grace {
		t.Errorf("after a reboot an answer is awaited for %s", left)
	}
}

// Any history of a command, against the few sentences that it promises.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		valid := time.Duration(rapid.IntRange(1, 60).Draw(t, "valid")) * time.Second
		now := stamp(1, 0)
		c := New(order(), now, valid)
		c.Silent, c.Repeatable = rapid.Bool().Draw(t, "silent"), rapid.Bool().Draw(t, "repeatable")
		sends := 0     // messages that may have reached the device
		passed := true // that the present boot is the one of the asking
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			before := c
			what := rapid.SampledFrom([]string{"time", "tick", "send", "restart", "reboot", "done", "failed", "door", "jam", "stop"}).Draw(t, "what")
			switch what {
			case "time":
				now = stamp(now.Boot[0], now.Mono+time.Duration(rapid.IntRange(0, 30_000).Draw(t, "ms"))*time.Millisecond)
			case "tick":
				c = c.Tick(now)
			case "send":
				if c = c.Send(now); c.Phase == PhaseSent && before.Phase == PhaseAsked {
					if !passed || now.Mono >= valid {
						t.Fatalf("sent late: %+v", c)
					}
					switch rapid.SampledFrom([]string{"left", "not", "unknown"}).Draw(t, "fate") {
					case "left":
						sends++
						c = c.Handed(now)
					case "not":
						c = c.Unsent()
					case "unknown":
						sends++
					}
				}
			case "restart":
				c = c.Restart(now)
			case "reboot":
				now, passed = stamp(now.Boot[0]+1, time.Duration(rapid.IntRange(0, 5_000).Draw(t, "boot"))*time.Millisecond), false
				c = c.Restart(now)
			case "done":
				c = c.Answer("", now)
			case "failed":
				c = c.Answer("unsupported", now)
			case "door":
				c = c.Opened(rapid.IntRange(11, 12).Draw(t, "n"), now)
			case "jam":
				c = c.Jammed(rapid.IntRange(11, 12).Draw(t, "n"), now)
			case "stop":
				c = c.Stop(Refused, now)
			}
			if sends > 1 && !c.Repeatable {
				t.Fatalf("sent %d times", sends)
			}
			if before.Over() && (c.Phase != before.Phase || c.Reason != before.Reason) && !(before.Reason == NoAnswer && (what == "done" || what == "failed")) {
				t.Fatalf("%s: %+v became %+v", what, before, c)
			}
			if c.Phase == PhaseDone && (sends == 0 || c.Confirmed == "" || c.Reason != "") {
				t.Fatalf("done: %+v after %d sends", c, sends)
			}
			if c.Phase == PhaseFailed && (c.Reason == "" || c.Confirmed != "") || c.Over() == (c.Ended == devices.Stamp{}) {
				t.Fatalf("failed: %+v", c)
			}
			if slices.Contains([]string{Expired, Refused}, c.Reason) && sends > 0 && !c.Repeatable {
				t.Fatalf("said to be unsent after %d sends: %+v", sends, c)
			}
			if again := c.Tick(now).Tick(now); again.Phase != c.Tick(now).Phase {
				t.Fatalf("twice the same time: %+v", again)
			}
		}
		// It ends by time alone.
		end := now
		end.Mono += valid + Grace
		if c = c.Tick(end); !c.Over() {
			t.Fatalf("never ends: %+v", c)
		}
		e, err := c.Told()
		if err != nil || e.Type != TypeEnded || e.ID == "" || e.Device != devices.GatewayDevice {
			t.Fatalf("%+v, %v", e, err)
		}
	})
}

func TestOnTheWire(t *testing.T) {
	expires := time.Date(2026, 11, 23, 8, 16, 0, 500, time.FixedZone("CST", 8*60*60))
	payload, err := Encode(order(), expires)
	if want := `{"id":"7pq2x","action":"open","expires":"2026-11-23T08:16:00+08:00","data":{"compartment":12}}`; err != nil || string(payload) != want {
		t.Errorf("%s, %v", payload, err)
	}
	for payload, want := range map[string]string{
		`{`: "order: ", `[]`: "order: ", `{"id":"1","action":"ring"}`: "expires: missing",
		`{"id":"1","action":"fly","expires":"2026-11-23T08:16:00+08:00"}`:          "fly",
		`{"id":"1","action":"open","expires":"2026-11-23T08:16:00+08:00"}`:         "compartment",
		`{"id":"","action":"ring","expires":"2026-11-23T08:16:00+08:00"}`:          "id:",
		`{"id":"1","action":"ring","expires":"` + strings.Repeat("x", 5000) + `"}`: "at most 4096 bytes",
	} {
		if o, _, err := Decode([]byte(payload)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %+v, %v", payload, o, err)
		}
	}
}

// What is no order is refused, and what is one says the same when it is
// written again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"id":"7pq2x","action":"open","expires":"2026-11-23T08:16:00+08:00","data":{"compartment":12}}`))
	f.Add([]byte(`{"id":"7pq2x","action":"set","expires":"2026-11-23T08:16:00Z","data":{"name":"led","value":"关"}}`))
	f.Add([]byte(`{"id":"7pq2x","action":"notify","expires":"2026-11-23T08:16:00Z","data":{"message":"coming"}}`))
	f.Add([]byte(`{"id":"7pq2x","action":"ring","expires":"0001-01-01T00:00:00Z","data":null}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		o, expires, err := Decode(payload)
		if err != nil {
			return
		}
		written, err := Encode(o, expires)
		if err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
		again, later, err := Decode(written)
		if err != nil || !later.Equal(expires.Truncate(time.Second)) {
			t.Fatalf("%s became %s: %v", payload, written, err)
		}
		twice, err := Encode(again, later)
		if err != nil || !bytes.Equal(written, twice) {
			t.Fatalf("%s became %s and %s: %v", payload, written, twice, err)
		}
	})
}
