package alert

import (
	"bytes"
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// TypeSilenced is an event of this package: see [Silenced].
const TypeSilenced devices.Type = "alert.silenced"

// Mode is what a silence does.
type Mode string

// The modes. None of them touches a call for help, all of them end by
// themselves, and what happens meanwhile is recorded and shown.
const (
	// ModeSilence: nothing but calls for help pages.
	ModeSilence Mode = "silence"
	// ModeMaintenance: somebody works on devices; what is technical does not
	// page.
	ModeMaintenance Mode = "maintenance"
	// ModeTest: somebody tries devices out; pages go as ever, marked as a test.
	ModeTest Mode = "test"
)

// Text names the mode.
func (m Mode) Text() texts.Text {
	switch m {
	case ModeMaintenance:
		return texts.AlertSilence.Maintenance
	case ModeTest:
		return texts.AlertSilence.Test
	}
	return texts.AlertSilence.Silence
}

// longest is how long each mode may last.
var longest = map[Mode]time.Duration{ModeSilence: 7 * 24 * time.Hour, ModeMaintenance: 24 * time.Hour, ModeTest: 4 * time.Hour}

// Silenced: a human has silenced something for a while, or, with Minutes 0, no
// longer. {"mode":"maintenance","scope":"device/locker-1","minutes":60,"by":"c-wang"}.
type Silenced struct {
	Mode Mode `json:"mode"`
	// Scope is "all", "elder/ID", "device/ID" or "kind/KIND".
	Scope   string `json:"scope"`
	Minutes int    `json:"minutes"`
	By      string `json:"by"`
}

var scope = regexp.MustCompile(`^(all|(elder|device|kind)/[a-z0-9_.-]{1,64})$`)

// EventType is "alert.silenced".
func (Silenced) EventType() devices.Type { return TypeSilenced }

// Validate wants a scope, an end, and to know who it was.
func (s Silenced) Validate() error {
	t := texts.AlertSilence
	limit, ok := longest[s.Mode]
	if !ok {
		return texts.Errorf(t.Mode, string(s.Mode))
	}
	if s.Minutes < 0 || time.Duration(s.Minutes)*time.Minute > limit {
		return texts.Errorf(t.Minutes, int(limit/time.Minute), s.Minutes)
	}
	if !scope.MatchString(s.Scope) {
		return texts.Errorf(t.Scope, s.Scope)
	}
	return checkBy(s.By)
}

// key is what there is one silence of.
func (s Silenced) key() string { return string(s.Mode) + " " + s.Scope }

// Silence is one that has not ended.
type Silence struct {
	Silenced
	Set devices.Stamp `json:"set"`
	// Left is for how long it lasts, when it was asked for.
	Left time.Duration `json:"left,omitempty"`
}

// silence is a Silence and whether it is on disk.
type silence struct {
	Silence
	kept bool
}

// left is how long it lasts. It ends with its time by the monotonic clock;
// after a reboot by the wall clock, and at once if that makes no sense.
func (s *silence) left(now devices.Stamp) time.Duration {
	passed, same := now.Since(s.Set)
	if !same {
		if passed = now.Wall.Sub(s.Set.Wall); passed < 0 {
			return 0
		}
	}
	return max(0, time.Duration(s.Minutes)*time.Minute-passed)
}

// silence applies an event. Saying the same again changes nothing.
func (b *board) silence(e devices.Event) error {
	p, err := decode[Silenced](e)
	if err == nil {
		err = p.Validate()
	}
	if err != nil {
		return err
	}
	b.silences[p.key()] = &silence{Silence: Silence{Silenced: p, Set: e.Received}}
	b.silencedBy[p.key()] = e.ID
	return nil
}

// keptSilence notes that a silence is on disk as value says, nil for one that
// has ended. It may have become another meanwhile.
func (b *board) keptSilence(key string, value []byte) {
	s := b.silences[key]
	switch {
	case s == nil:
	case value == nil && s.Minutes == 0:
		delete(b.silences, key)
	default:
		now, err := json.Marshal(s.Silence)
		s.kept = err == nil && bytes.Equal(now, value)
	}
}

// silenced tells for how long r is under a mode.
func (b *board) silenced(r *record, mode Mode, now devices.Stamp) (left time.Duration, ok bool) {
	if len(b.silences) == 0 { // as almost always; each turn asks for every incident
		return 0, false
	}
	scopes := []string{"all", "kind/" + string(r.Kind)}
	if r.Device != "" {
		scopes = append(scopes, "device/"+r.Device)
	}
	if r.Elder != "" {
		scopes = append(scopes, "elder/"+r.Elder)
	}
	for _, scope := range scopes {
		if s := b.silences[string(mode)+" "+scope]; s != nil {
			left = max(left, s.left(now))
		}
	}
	return left, left > 0
}

// muted is for how long r pages nobody. Calls for help are never muted.
func (b *board) muted(r *record, now devices.Stamp) time.Duration {
	if r.Priority == High || r.Kind == Drill {
		return 0
	}
	left, _ := b.silenced(r, ModeSilence, now)
	if r.Priority != Medium && r.Kind != Unprotected {
		maintained, _ := b.silenced(r, ModeMaintenance, now)
		left = max(left, maintained)
	}
	return left
}

// Silences lists those that have not ended, by scope.
func (e *Engine) Silences() []Silence {
	now := e.options.Clock()
	e.mu.Lock()
	defer e.mu.Unlock()
	var list []Silence
	for _, s := range e.board.silences {
		if left := s.left(now); left > 0 {
			s := s.Silence
			s.Left = left
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b Silence) int { return cmp.Or(cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Mode, b.Mode)) })
	return list
}
