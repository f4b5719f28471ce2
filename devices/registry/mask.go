package registry

import (
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"
)

// unknownPersonal are the fields of an Unknown that are encrypted.
var unknownPersonal = personalFields(reflect.TypeFor[Unknown]())

// What may be personal in what a stranger says: names and addresses (in Han
// characters), telephone, identity and card numbers, coordinates, mail
// addresses.
var personalText = regexp.MustCompile(`[\p{Han}·]+|[0-9][0-9 -]{4,}[0-9xX]|[-+]?[0-9]+\.[0-9]{4,}|[\w.+-]+@[\w.-]+`)

// sample is the beginning of a payload, as it may be shown and kept.
func sample(payload []byte) string {
	// A match may go on behind the end: what is cut there is masked as well.
	long := clip(string(payload[:min(len(payload), 2*maxSample)]), 2*maxSample)
	shown := strings.Map(func(r rune) rune { // before a number is looked for that has one within
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, long)
	return clip(personalText.ReplaceAllString(shown, "***"), maxSample)
}

// clip is at most n bytes of s, in whole characters.
func clip(s string, n int) string {
	if len(s) > n {
		s = s[:n]
		for len(s) > 0 {
			if r, size := utf8.DecodeLastRuneInString(s); r != utf8.RuneError || size != 1 {
				break
			}
			s = s[:len(s)-1]
		}
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
