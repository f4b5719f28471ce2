package mqtt

import (
	"strings"
	"testing"
)

func TestCovers(t *testing.T) {
	for _, c := range []struct {
		filter, wanted string
		want           bool
	}{
		{"linli/v1/l1/#", "linli/v1/l1/event", true},
		{"linli/v1/l1/#", "linli/v1/l1", true},
		{"linli/v1/l1/#", "linli/v1/l10/event", false},
		{"linli/v1/l1", "linli/v1/l1/event", false},
		{"linli/v1/l1/event", "linli/v1/l1", false},
		{"linli/v1/+/event", "linli/v1/l1/event", true},
		{"linli/v1/+/event", "linli/v1//event", true},
		{"linli/v1/+", "linli/v1/a/b", false},
		{"+/+", "/finance", true},
		{"/+", "/finance", true},
		{"+", "/finance", false},
		{"sport/+", "sport", false},
		{"sport/+", "sport/", true},
		{"#", "anything/at/all", true},
		{"#", "$SYS/broker/version", false},
		{"+/broker", "$SYS/broker", false},
		{"$SYS/#", "$SYS/broker/version", true},
		{"$SYS/+", "$SYS/broker", true},
		{"a/#", "a/#", true},
		{"a/#", "a/b/#", true},
		{"a/#", "a/+/c", true},
		{"a/#", "#", false},
		{"a/+", "a/#", false},
		{"a/+", "a/+", true},
		{"a/b", "a/+", false},
		{"+/b", "+/b", true},
		{"#", "+/b", true},
		{"#", "#", true},
		{"a/+/c", "a/#", false},
		{"", "a", false},
		{"#", "", false},
	} {
		if got := Covers(c.filter, c.wanted); got != c.want {
			t.Errorf("Covers(%q, %q) = %v", c.filter, c.wanted, got)
		}
	}
}

func TestValid(t *testing.T) {
	for _, c := range []struct {
		s             string
		topic, filter bool
	}{
		{"linli/v1/柜门/event", true, true},
		{"/", true, true},
		{"a//b", true, true},
		{"a/+/b", false, true},
		{"a/#", false, true},
		{"#", false, true},
		{"+", false, true},
		{"a+/b", false, false},
		{"a/#/b", false, false},
		{"a#", false, false},
		{"", false, false},
		{"a\x00b", false, false},
		{"a\xffb", false, false},
		{"$SYS/x", false, true},
		{"$share/group/a/#", false, true},
		{"$share/group", false, false},
		{"$share", false, false},
		{"$share//a", false, false},
		{"$share/g+/a", false, false},
		{strings.Repeat("a", maxTopic), true, true},
		{strings.Repeat("a", maxTopic+1), false, false},
	} {
		if got := ValidTopic(c.s); got != c.topic {
			t.Errorf("ValidTopic(%.40q) = %v", c.s, got)
		}
		if got := ValidFilter(c.s); got != c.filter {
			t.Errorf("ValidFilter(%.40q) = %v", c.s, got)
		}
	}
}

// matches is MQTT 4.7 written down a second time, level by level from behind,
// sharing nothing with Covers.
func matches(filter, topic []string) bool {
	if len(filter) == 0 {
		return len(topic) == 0
	}
	if filter[0] == "#" {
		return true
	}
	if len(topic) == 0 {
		return false
	}
	return (filter[0] == "+" || filter[0] == topic[0]) && matches(filter[1:], topic[1:])
}

func modelMatches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") && (strings.HasPrefix(filter, "+") || strings.HasPrefix(filter, "#")) {
		return false
	}
	return matches(strings.Split(filter, "/"), strings.Split(topic, "/"))
}

// FuzzCovers holds matching to the model, and what is allowed to be
// subscribed to what may be heard through it.
func FuzzCovers(f *testing.F) {
	f.Add("a/+/#", "a/b/c", "a/b/#")
	f.Add("#", "$SYS/a", "$SYS/#")
	f.Add("+/+", "/", "+/")
	f.Add("a/#", "a", "a/+")
	f.Fuzz(func(t *testing.T, filter, topic, wanted string) {
		if !ValidFilter(filter) || strings.HasPrefix(filter, "$share") {
			return
		}
		concrete := validText(topic) && !strings.ContainsAny(topic, "+#")
		if concrete && Covers(filter, topic) != modelMatches(filter, topic) {
			t.Errorf("Covers(%q, %q) = %v", filter, topic, Covers(filter, topic))
		}
		if !ValidFilter(wanted) || strings.HasPrefix(wanted, "$share") || !Covers(filter, wanted) {
			return
		}
		if concrete && modelMatches(wanted, topic) && !modelMatches(filter, topic) {
			t.Errorf("%q covers %q, and yet only that matches %q", filter, wanted, topic)
		}
	})
}
