package gpio

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"periph.io/x/conn/v3/gpio"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Role is what a wire is for.
type Role string

// The inputs.
const (
	PullCord       Role = "pull-cord"
	Button         Role = "button" // calls for help
	Door           Role = "door"
	Motion         Role = "motion"
	Smoke          Role = "smoke"
	Gas            Role = "gas"
	CarbonMonoxide Role = "carbon-monoxide"
	Water          Role = "water"
	Opening        Role = "opening"    // the place is open to people
	Rating         Role = "rating"     // a key of a pad
	OuterBeam      Role = "outer-beam" // of a people counter
	InnerBeam      Role = "inner-beam"
	Meter          Role = "meter"
	Acknowledge    Role = "acknowledge" // a key switch: "somebody is here"
)

// The outputs.
const (
	Siren  Role = "siren"
	Lamp   Role = "lamp"
	Strike Role = "strike"
	Fan    Role = "fan"
)

var (
	inputs  = []Role{PullCord, Button, Door, Motion, Smoke, Gas, CarbonMonoxide, Water, Opening, Rating, OuterBeam, InnerBeam, Meter, Acknowledge}
	outputs = []Role{Siren, Lamp, Strike, Fan}
)

// Input tells whether a role is that of an input.
func (r Role) Input() bool { return slices.Contains(inputs, r) }

// Wire is one line and what it means.
type Wire struct {
	Role Role
	// Device is the ID in the registry of what an input reports for, and of
	// what a strike belongs to; "" for the others.
	Device string
	// Pin is the place on the board's header, 0 if Line says where it is: the
	// kernel's name of a line, or CHIP/NUMBER with the label or name of a chip.
	Pin  int
	Line string
	// Active is the level at which the wire means what its role says.
	Active gpio.Level
	// Bias is the pull resistor of an input.
	Bias gpio.Pull
	// Debounce is how long an input must be steady.
	Debounce time.Duration
	// Compartment of a door or strike, 0 for one that has none.
	Compartment int
	// Level of a rating key, 1 (very bad) to 5 (very good).
	Level int
	// Litres of a meter's pulse.
	Litres float64
	// Pulse is how long a strike is energised.
	Pulse time.Duration
	// Longest is how long an output may be on, 0 without a limit.
	Longest time.Duration
	// Keep leaves an output as it is when the daemon ends.
	Keep bool
}

// Defaults and limits of wires.
const (
	contactDebounce = 30 * time.Millisecond
	beamDebounce    = 2 * time.Millisecond
	maxDebounce     = 10 * time.Second
	defaultPulse    = time.Second
	longestPulse    = 10 * time.Second
	maxLongest      = 24 * time.Hour
)

// chinese are the words that may be written in Chinese as well.
var chinese = strings.NewReplacer(
	"，", ",", "拉绳", "pull-cord", "按钮", "button", "门磁", "door", "人体", "motion", "烟感", "smoke", "燃气", "gas",
	"一氧化碳", "carbon-monoxide", "水浸", "water", "开放", "opening", "评价键", "rating", "外光束", "outer-beam", "内光束", "inner-beam",
	"水表", "meter", "确认钥匙", "acknowledge", "警号", "siren", "灯", "lamp", "电锁", "strike", "风扇", "fan",
	"常开", "normally open", "常闭", "normally closed", "低电平有效", "active low", "高电平有效", "active high",
	"上拉", "pull up", "下拉", "pull down", "不接电阻", "no pull", "保持", "keep", "引脚", "pin ", "线路", "line ",
	"格口", "compartment ", "等级", "level ", "每脉冲升数", "litres ", "消抖", "debounce ", "脉冲", "pulse ", "最长", "longest ",
)

// ParseWire reads a wire as it is written, words between commas. The error
// names the word and says what could stand there.
func ParseWire(s string) (Wire, error) {
	t := texts.GPIO
	words := strings.Split(chinese.Replace(s), ",")
	for i := range words {
		words[i] = strings.Join(strings.Fields(words[i]), " ")
	}
	w := Wire{Role: Role(words[0])}
	if !w.Role.Input() && !slices.Contains(outputs, w.Role) {
		return w, texts.Errorf(t.Role, words[0], join(inputs), join(outputs))
	}
	w.Debounce = contactDebounce
	if w.Role == OuterBeam || w.Role == InnerBeam || w.Role == Meter {
		w.Debounce = beamDebounce
	}
	if w.Role == Strike {
		w.Pulse, w.Longest = defaultPulse, longestPulse
	}
	w.Active, w.Bias = gpio.Low, gpio.PullUp // a contact to ground
	if !w.Role.Input() {
		w.Active, w.Bias = gpio.High, gpio.PullNoChange
	}
	words = words[1:]
	if w.Role.Input() && w.Role != Acknowledge || w.Role == Strike {
		if len(words) == 0 || devices.CheckCode("device", words[0]) != nil {
			return w, texts.Errorf(t.Device, w.Role)
		}
		w.Device, words = words[0], words[1:]
	}
	for _, word := range words {
		if err := w.option(word); err != nil {
			return w, err
		}
	}
	return w, w.check()
}

func join(roles []Role) string {
	words := make([]string, len(roles))
	for i, r := range roles {
		words[i] = string(r)
	}
	return strings.Join(words, ", ")
}

// option reads one of the words behind role and device.
func (w *Wire) option(word string) error {
	t := texts.GPIO
	name, value, _ := strings.Cut(word, " ")
	input := w.Role.Input()
	switch word {
	case "normally open":
		w.Active, w.Bias = gpio.Low, gpio.PullUp
		return onlyFor(input, word)
	case "normally closed":
		w.Active, w.Bias = gpio.High, gpio.PullUp
		return onlyFor(input, word)
	case "active low":
		w.Active = gpio.Low
		return nil
	case "active high":
		w.Active = gpio.High
		if input {
			w.Bias = gpio.PullDown
		}
		return nil
	case "pull up":
		w.Bias = gpio.PullUp
		return onlyFor(input, word)
	case "pull down":
		w.Bias = gpio.PullDown
		return onlyFor(input, word)
	case "no pull":
		w.Bias = gpio.Float
		return onlyFor(input, word)
	case "keep":
		w.Keep = true
		return onlyFor(!input, word)
	}
	switch name {
	case "pin":
		return number(word, value, 1, 999, &w.Pin)
	case "line":
		if w.Line = value; value == "" {
			return texts.Errorf(t.Word, word)
		}
		return nil
	case "compartment":
		return number(word, value, 1, 9999, &w.Compartment)
	case "level":
		return number(word, value, 1, 5, &w.Level)
	case "litres":
		v, err := strconv.ParseFloat(value, 64)
		if w.Litres = v; err != nil || !(v > 0 && v <= 10_000) {
			return texts.Errorf(t.Litres, value)
		}
		return nil
	case "debounce":
		return span(word, value, 0, maxDebounce, &w.Debounce)
	case "pulse":
		return span(word, value, 10*time.Millisecond, longestPulse, &w.Pulse)
	case "longest":
		return span(word, value, 10*time.Millisecond, maxLongest, &w.Longest)
	}
	return texts.Errorf(t.Word, word)
}

func onlyFor(yes bool, word string) error {
	if yes {
		return nil
	}
	return texts.Errorf(texts.GPIO.NotHere, word)
}

func number(word, value string, least, most int, into *int) error {
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		return texts.Errorf(texts.GPIO.Number, word, least, most)
	}
	*into = n
	return nil
}

func span(word, value string, least, most time.Duration, into *time.Duration) error {
	d, err := time.ParseDuration(value)
	if err != nil || d < least || d > most {
		return texts.Errorf(texts.GPIO.Span, word, least, most)
	}
	*into = d
	return nil
}

func (w *Wire) check() error {
	t := texts.GPIO
	switch {
	case (w.Pin == 0) == (w.Line == ""):
		return texts.Errorf(t.Place)
	case w.Compartment != 0 && w.Role != Door && w.Role != Strike:
		return texts.Errorf(t.NotHere, fmt.Sprint("compartment ", w.Compartment))
	case (w.Level != 0) != (w.Role == Rating):
		return texts.Errorf(t.Level)
	case (w.Litres != 0) != (w.Role == Meter):
		return texts.Errorf(t.Meter)
	case w.Role == Strike && (w.Longest > longestPulse || w.Pulse > w.Longest):
		return texts.Errorf(t.Pulse, w.Pulse, min(w.Longest, longestPulse))
	case w.Pulse != 0 && w.Role != Strike:
		return texts.Errorf(t.NotHere, fmt.Sprint("pulse ", w.Pulse))
	case w.Longest != 0 && w.Role.Input():
		return texts.Errorf(t.NotHere, fmt.Sprint("longest ", w.Longest))
	}
	return nil
}

// Name is what the wire is called in messages: its role and place.
func (w Wire) Name() string { return string(w.Role) + ", " + w.place() }

func (w Wire) place() string {
	if w.Pin != 0 {
		return fmt.Sprint("pin ", w.Pin)
	}
	return "line " + w.Line
}
