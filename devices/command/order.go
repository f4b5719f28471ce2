package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/bed"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/wearable"
)

// Action is what a device is asked to do.
type Action string

// The actions, with the fields of Data that they need.
const (
	Open   Action = "open"   // a compartment's door: Compartment
	Ring   Action = "ring"   // so that it is found, or its wearer looks at it
	Notify Action = "notify" // show or sound a message: Message
	Set    Action = "set"    // a parameter of the device: Name, Value
)

// kinds are those that can be asked for an action; every kind can be asked to
// Set, but a bridge.
var kinds = map[Action][]devices.Kind{
	Open:   {locker.Kind, cabinet.Kind, pickup.Kind},
	Ring:   {wearable.Kind, alarm.Kind},
	Notify: {wearable.Kind, bed.Kind, alarm.Kind},
}

// Actions are all there are.
func Actions() []Action { return []Action{Open, Ring, Notify, Set} }

// Can tells whether devices of a kind can be asked for an action at all.
func Can(kind devices.Kind, a Action) bool {
	if a == Set {
		return kind != devices.KindBridge
	}
	return slices.Contains(kinds[a], kind)
}

// Coming is the message that somebody has the call for help and will come.
const Coming = "coming"

// Blocked is the parameter by which a meal cabinet keeps one compartment shut,
// true, or releases it, false.
const Blocked = "blocked"

// Data says more of an action.
type Data struct {
	// Compartment to open, or of which a parameter is, 1 to 9999.
	Compartment int `json:"compartment,omitempty"`
	// Message is a code: Coming, or what the device knows besides.
	Message string `json:"message,omitempty"`
	// Name is that of the parameter, as the device calls it; Value a JSON
	// string, number or boolean.
	Name  string          `json:"name,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
}

// Order is what somebody asks of a device.
type Order struct {
	// ID is unique: the same order given twice is carried out once.
	ID     string `json:"id"`
	Device string `json:"device"`
	Action Action `json:"action"`
	Data   Data   `json:"data"`
	// By is who asked: a caregiver's ID, or what else is known of them.
	By string `json:"by"`
}

const (
	maxBy    = 64  // characters
	maxValue = 256 // bytes
)

// Validate says what is wrong with an order, in words for whoever gave it.
func (o Order) Validate() error {
	if devices.CheckCode("id", o.ID) != nil {
		return texts.Errorf(texts.Order.ID)
	}
	if n := utf8.RuneCountInString(o.By); n < 1 || n > maxBy || !utf8.ValidString(o.By) {
		return texts.Errorf(texts.Order.By, maxBy)
	}
	switch o.Action {
	case Open:
		if devices.CheckCompartment(o.Data.Compartment) != nil {
			return texts.Errorf(texts.Order.Compartment, o.Data.Compartment)
		}
	case Ring:
	case Notify:
		if devices.CheckCode("message", o.Data.Message) != nil {
			return texts.Errorf(texts.Order.Message)
		}
	case Set:
		if devices.CheckCode("name", strings.ToLower(o.Data.Name)) != nil {
			return texts.Errorf(texts.Order.Name)
		}
		if !isScalar(o.Data.Value) {
			return texts.Errorf(texts.Order.Value, maxValue)
		}
	default:
		return texts.Errorf(texts.Order.Action, string(o.Action), list(Actions()))
	}
	return nil
}

func list(actions []Action) string {
	var names []string
	for _, a := range actions {
		names = append(names, string(a))
	}
	return strings.Join(names, ", ")
}

// isScalar accepts a JSON string, number or boolean.
func isScalar(value json.RawMessage) bool {
	if len(value) == 0 || len(value) > maxValue || !json.Valid(value) || !utf8.Valid(value) {
		return false
	}
	return !bytes.ContainsAny(value[:1], "{[n")
}

// Text names the action.
func (a Action) Text() texts.Text {
	switch a {
	case Open:
		return texts.Order.Open
	case Ring:
		return texts.Order.Ring
	case Notify:
		return texts.Order.Notify
	default:
		return texts.Order.Set
	}
}

// native is an order on the wire.
type native struct {
	ID      string    `json:"id"`
	Action  Action    `json:"action"`
	Expires time.Time `json:"expires"`
	Data    Data      `json:"data"`
}

// Topic is where a device that speaks for itself hears its orders.
func Topic(device string) string { return "linli/v1/" + device + "/command" }

// Encode is the payload on Topic.
func Encode(o Order, expires time.Time) ([]byte, error) {
	b, err := json.Marshal(native{o.ID, o.Action, expires.Truncate(time.Second), o.Data})
	if err != nil {
		return nil, fmt.Errorf("encode order: %w", err)
	}
	return b, nil
}

// maxOrder is the longest payload in bytes that is an order.
const maxOrder = 4 << 10

// Decode reads what Encode wrote, on the device's side. Who asked is not told
// to a device; the error is for its log.
func Decode(payload []byte) (o Order, expires time.Time, err error) {
	if len(payload) > maxOrder {
		return o, expires, fmt.Errorf("order: must be at most %d bytes (got %d)", maxOrder, len(payload))
	}
	var n native
	if err := json.Unmarshal(payload, &n); err != nil {
		return o, expires, fmt.Errorf("order: %w", err)
	}
	if n.Expires.IsZero() {
		return o, expires, errors.New("order: expires: missing")
	}
	o = Order{ID: n.ID, Action: n.Action, Data: n.Data, By: "gateway"}
	if err := o.Validate(); err != nil {
		return Order{}, expires, fmt.Errorf("order: %w", err)
	}
	o.By = ""
	return o, n.Expires, nil
}
