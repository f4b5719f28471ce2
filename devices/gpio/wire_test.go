package gpio

import (
	"strings"
	"testing"
	"time"
	"unicode"

	"periph.io/x/conn/v3/gpio"

	"github.com/linli-edge/gateway/devices/texts"
)

func TestParseWire(t *testing.T) {
	for s, want := range map[string]Wire{
		"pull-cord, cord-302, normally closed, pin 11": {
			Role: PullCord, Device: "cord-302", Pin: 11, Active: gpio.High, Bias: gpio.PullUp, Debounce: contactDebounce},
		"拉绳，cord-302，常闭，引脚 11": {
			Role: PullCord, Device: "cord-302", Pin: 11, Active: gpio.High, Bias: gpio.PullUp, Debounce: contactDebounce},
		"door, locker-east,  compartment 3 ,line GPIO17": {
			Role: Door, Device: "locker-east", Compartment: 3, Line: "GPIO17", Active: gpio.Low, Bias: gpio.PullUp, Debounce: contactDebounce},
		"motion, room-1, active high, line pinctrl-bcm2711/4, debounce 200ms": {
			Role: Motion, Device: "room-1", Line: "pinctrl-bcm2711/4", Active: gpio.High, Bias: gpio.PullDown, Debounce: 200 * time.Millisecond},
		"rating, pad, level 5, pin 7, no pull": {
			Role: Rating, Device: "pad", Level: 5, Pin: 7, Active: gpio.Low, Bias: gpio.Float, Debounce: contactDebounce},
		"水表, meter-302, 每脉冲升数 0.5, 引脚 13": {
			Role: Meter, Device: "meter-302", Litres: 0.5, Pin: 13, Active: gpio.Low, Bias: gpio.PullUp, Debounce: beamDebounce},
		"acknowledge, pin 5":               {Role: Acknowledge, Pin: 5, Active: gpio.Low, Bias: gpio.PullUp, Debounce: contactDebounce},
		"siren, pin 16, active low, keep":  {Role: Siren, Pin: 16, Active: gpio.Low, Debounce: contactDebounce, Keep: true},
		"lamp, pin 18, longest 30m":        {Role: Lamp, Pin: 18, Active: gpio.High, Debounce: contactDebounce, Longest: 30 * time.Minute},
		"strike, gate, pin 22":             {Role: Strike, Device: "gate", Pin: 22, Active: gpio.High, Debounce: contactDebounce, Pulse: time.Second, Longest: 10 * time.Second},
		"strike, l1, compartment 2, pin 3": {Role: Strike, Device: "l1", Compartment: 2, Pin: 3, Active: gpio.High, Debounce: contactDebounce, Pulse: time.Second, Longest: 10 * time.Second},
	} {
		if got, err := ParseWire(s); err != nil || got != want {
			t.Errorf("%s:\n got %+v, %v\nwant %+v", s, got, err, want)
		}
	}
}

// Each message names the word and what could stand there.
func TestParseWireRefuses(t *testing.T) {
	for s, want := range map[string]string{
		"":                                       `"" is no use of a wire; inputs: pull-cord`,
		"pullcord, c, pin 1":                     `"pullcord" is no use of a wire`,
		"pull-cord":                              `behind "pull-cord" must stand the ID of the device`,
		"pull-cord, Room 302, pin 1":             `behind "pull-cord" must stand the ID of the device`,
		"pull-cord, c":                           "say where it is connected",
		"pull-cord, c, pin 1, line GPIO1":        "say where it is connected",
		"pull-cord, c, pin 0":                    `"pin 0" needs a number from 1 to 999`,
		"pull-cord, c, pin eleven":               `"pin eleven" needs a number`,
		"pull-cord, c, pin 1, normaly open":      `"normaly open" is not understood`,
		"pull-cord, c, pin 1, compartment 2":     `"compartment 2" is not for such a wire`,
		"pull-cord, c, pin 1, longest 3s":        `"longest 3s" is not for such a wire`,
		"siren, pin 1, normally closed":          `"normally closed" is not for such a wire`,
		"door, l, pin 1, keep":                   `"keep" is not for such a wire`,
		"door, l, pin 1, debounce 1h":            `"debounce 1h" needs a time from 0s to 10s`,
		"rating, p, pin 1":                       "a key of a rating pad, and nothing else, needs a level",
		"door, l, pin 1, level 3":                "a key of a rating pad, and nothing else, needs a level",
		"meter, m, pin 1":                        "a meter, and nothing else, needs its litres",
		"meter, m, pin 1, litres NaN":            "litres a pulse must be above 0",
		"strike, g, pin 1, pulse 20s":            `"pulse 20s" needs a time from 10ms to 10s`,
		"strike, g, pin 1, longest 1m":           "longer than the strike may be energised",
		"strike, g, pin 1, pulse 5s, longest 2s": "a pulse of 5s is longer than the strike may be energised: 2s",
		"siren, pin 1, pulse 1s":                 `"pulse 1s" is not for such a wire`,
	} {
		_, err := ParseWire(s)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", s, err, want)
		}
		if err != nil && !strings.ContainsFunc(texts.Of(err, texts.Chinese), func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("%s: in Chinese %q", s, texts.Of(err, texts.Chinese))
		}
	}
}

func TestBoards(t *testing.T) {
	b := Board{Name: "pi", Chips: []string{"no such chip"}, Pins: map[int]int{11: 17, 13: 27}}
	wires := func(lines ...string) (all []Wire) {
		for _, s := range lines {
			w, err := ParseWire(s)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, w)
		}
		return all
	}
	for _, c := range []struct {
		board Board
		wires []Wire
		at    int
		want  string
	}{
		{b, wires("siren, pin 11", "lamp, pin 13"), -1, ""},
		{Board{}, wires("siren, line A", "lamp, line B"), -1, ""},
		{b, wires("siren, pin 11", "lamp, pin 12"), 1, "pin 12 of a pi is no input or output"},
		{Board{}, wires("siren, pin 11"), 0, "pin 11 is written, and no board"},
		{b, wires("siren, pin 11", "lamp, pin 13", "fan, pin 11"), 2, `"fan, pin 11" and "siren, pin 11" are at the same place`},
	} {
		at, err := c.board.CheckWires(c.wires)
		if at != c.at || (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %d, %v; want %d, %q", c.wires, at, err, c.at, c.want)
		}
	}
	if _, err := b.Find(wires("siren, pin 11")[0]); err == nil || !strings.Contains(err.Error(), "there is no GPIO chip no such chip") {
		t.Errorf("a chip that is not there: %v", err)
	}
	if err := (Board{Name: "x", Chips: []string{"c"}, Pins: map[int]int{1: 2, 3: 2}}).Check(); err == nil {
		t.Error("two pins are one line")
	}
}

func FuzzParseWire(f *testing.F) {
	f.Add("pull-cord, cord-302, normally closed, pin 11")
	f.Add("拉绳，cord-302，常闭，引脚 11")
	f.Add("strike, gate, line a/1, pulse 2s, longest 3s, keep")
	f.Add("meter, m, litres 1e3, debounce 1ms, pin 9")
	f.Fuzz(func(t *testing.T, s string) {
		w, err := ParseWire(s)
		if err != nil {
			return
		}
		if (w.Pin == 0) == (w.Line == "") || w.Name() == "" || w.Longest > maxLongest || w.Role == Strike && (w.Pulse <= 0 || w.Pulse > w.Longest) {
			t.Errorf("%q: %+v", s, w)
		}
	})
}
