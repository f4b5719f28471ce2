package profile

import (
	"strings"
)

// pattern is a topic with named levels: "zigbee2mqtt/{name...}/availability".
type pattern struct {
	text   string
	levels []level
	many   int // index of the level that stands for several, -1 if none
}

type level struct {
	fixed   string
	capture string // its name, "" for a fixed level
}

func parsePattern(text string) (pattern, bool) {
	p := pattern{text: text, many: -1}
	names := map[string]bool{}
	for i, l := range strings.Split(text, "/") {
		inner, opens := strings.CutPrefix(l, "{")
		inner, closes := strings.CutSuffix(inner, "}")
		if !opens || !closes {
			if l == "" || strings.ContainsAny(l, "{}+#\x00") {
				return pattern{}, false
			}
			p.levels = append(p.levels, level{fixed: l})
			continue
		}
		name, many := strings.CutSuffix(inner, "...")
		if !isName(name) || names[name] || many && p.many >= 0 {
			return pattern{}, false
		}
		names[name] = true
		if many {
			p.many = i
		}
		p.levels = append(p.levels, level{capture: name})
	}
	return p, true
}

// isName wants what can be written behind a dot in an expression.
func isName(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for i, c := range []byte(s) {
		if (c < 'a' || c > 'z') && c != '_' && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// match returns the captured levels of a topic, nil if it is another. No
// capture is ever empty.
func (p pattern) match(topic string) map[string]any {
	given := strings.Split(topic, "/")
	extra := len(given) - len(p.levels)
	if extra < 0 || extra > 0 && p.many < 0 {
		return nil
	}
	captures := make(map[string]any, 1)
	for i, l := range p.levels {
		from, to := i, i+1
		switch {
		case p.many >= 0 && i == p.many:
			to += extra
		case p.many >= 0 && i > p.many:
			from, to = from+extra, to+extra
		}
		value := strings.Join(given[from:to], "/")
		switch {
		case l.capture == "" && value != l.fixed, value == "":
			return nil
		case l.capture != "":
			captures[l.capture] = value
		}
	}
	return captures
}

// captures are the names of the named levels.
func (p pattern) captures() []string {
	var names []string
	for _, l := range p.levels {
		if l.capture != "" {
			names = append(names, l.capture)
		}
	}
	return names
}

func isFilter(s string) bool {
	levels := strings.Split(s, "/")
	for i, l := range levels {
		if strings.ContainsAny(l, "+#\x00") && l != "+" && (l != "#" || i != len(levels)-1) {
			return false
		}
	}
	return s != ""
}

// takes tells whether an MQTT filter takes a topic.
func takes(filter, topic string) bool {
	levels := strings.Split(topic, "/")
	for i, wanted := range strings.Split(filter, "/") {
		switch {
		case wanted == "#":
			return true
		case i >= len(levels) || wanted != "+" && wanted != levels[i]:
			return false
		case i == len(levels)-1:
			rest := strings.Split(filter, "/")[i+1:]
			return len(rest) == 0 || len(rest) == 1 && rest[0] == "#"
		}
	}
	return false
}

// covers tells whether an MQTT filter takes every topic of the pattern.
func covers(filter string, p pattern) bool {
	wanted := strings.Split(filter, "/")
	for i, l := range p.levels {
		switch {
		case i >= len(wanted):
			return false
		case wanted[i] == "#":
			return true
		case i == p.many:
			return false
		case wanted[i] != "+" && (l.capture != "" || l.fixed != wanted[i]):
			return false
		}
	}
	return len(wanted) == len(p.levels) || len(wanted) == len(p.levels)+1 && wanted[len(p.levels)] == "#"
}

// takes tells whether p matches a topic that q was written for: its fixed
// levels with something in place of the named ones.
func (p pattern) takes(q pattern) bool {
	var sample []string
	for _, l := range q.levels {
		if l.capture != "" {
			l.fixed = "\x00" // equal to no fixed level
		}
		sample = append(sample, l.fixed)
	}
	return p.match(strings.Join(sample, "/")) != nil
}
