package mqtt

import (
	"strings"
	"unicode/utf8"
)

// maxTopic is the longest topic or filter accepted, in bytes. MQTT allows
// 65,535; nothing that speaks to a gateway needs a tenth of a thousandth.
const maxTopic = 1024

// ValidTopic tells whether topic may be published on: non-empty UTF-8 without
// NUL or wildcards, and not a topic of the broker itself ($...).
func ValidTopic(topic string) bool {
	return validText(topic) && topic[0] != '$' && !strings.ContainsAny(topic, "+#")
}

// ValidFilter tells whether filter is a topic filter as MQTT 4.7.1 has it: a
// wildcard fills its whole level, and # is the last one. A shared
// subscription ($share/group/filter) is valid if its filter is.
func ValidFilter(filter string) bool {
	if !validText(filter) {
		return false
	}
	filter, ok := unshare(filter)
	if !ok {
		return false
	}
	for level, rest, more := "", filter, true; more; {
		level, rest, more = strings.Cut(rest, "/")
		switch {
		case level == "#":
			if more {
				return false
			}
		case level == "+":
		case strings.ContainsAny(level, "+#"):
			return false
		}
	}
	return true
}

func validText(s string) bool {
	return s != "" && len(s) <= maxTopic && utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// unshare takes the $share/group/ off a shared subscription. ok is false if
// there is no group or no filter in it.
func unshare(filter string) (plain string, ok bool) {
	rest, shared := strings.CutPrefix(filter, "$share/")
	if !shared {
		return filter, filter != "$share"
	}
	group, plain, found := strings.Cut(rest, "/")
	if !found || group == "" || plain == "" || strings.ContainsAny(group, "+#") {
		return "", false
	}
	return plain, true
}

// Covers tells whether every topic that wanted matches is matched by filter
// as well. wanted may be a topic, and then this is plain matching, or itself
// a filter, and then it tells whether that subscription stays within what
// filter allows. Both must be valid. As MQTT 4.7.2 has it, a wildcard in the
// first level never reaches a topic that begins with $.
func Covers(filter, wanted string) bool {
	if filter == "" || wanted == "" {
		return false
	}
	if wanted[0] == '$' && (filter[0] == '+' || filter[0] == '#') {
		return false
	}
	for {
		f, restF, moreF := strings.Cut(filter, "/")
		w, restW, moreW := strings.Cut(wanted, "/")
		switch {
		case f == "#":
			return true
		case w == "#":
			return false
		case f != "+" && f != w:
			return false
		case !moreF && !moreW:
			return true
		case !moreW:
			return restF == "#" // "a/#" matches "a" too
		case !moreF:
			return false
		}
		filter, wanted = restF, restW
	}
}

func coveredByAny(filters []string, wanted string) bool {
	for _, f := range filters {
		if Covers(f, wanted) {
			return true
		}
	}
	return false
}
