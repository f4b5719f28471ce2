package condition_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/spell"
)

func at(n int) time.Time { return time.Date(2026, 11, 23, 8, n, 0, 0, time.UTC) }

// Each condition is a spell of its own, faults by their code.
func TestConditionsAreSpells(t *testing.T) {
	var l spell.Levels
	var got []spell.Change
	for i, p := range []devices.Payload{
		condition.Status{Online: true}, condition.Opening{}, condition.Fault{Code: "paper_out"}, condition.Fault{Code: "screen"},
		condition.Opening{Open: true}, condition.Fault{Code: "paper_out", Cleared: true}, condition.Status{},
	} {
		var changes []spell.Change
		l, changes = l.Step(p, at(i))
		got = append(got, changes...)
	}
	want := []spell.Change{
		{Kind: spell.Found, At: at(0), Level: "status"},
		{Kind: spell.Found, At: at(2), Level: "fault/paper_out"},
		{Kind: spell.Found, At: at(3), Level: "fault/screen"},
		{Kind: spell.Began, At: at(4), Level: "opening"},
		{Kind: spell.Ended, At: at(5), Seen: at(2), Level: "fault/paper_out"},
		{Kind: spell.Ended, At: at(6), Seen: at(0), Level: "status"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("amounts to\n%+v\nwant\n%+v", got, want)
	}
}
