package contract

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// input is a parsed Signature-Input.
type input struct {
	components         []string
	keyID, alg, nonce  string
	created            int64
	hasCreated, hasKey bool
}

// parseInput reads the part of RFC 8941 that a signature needs: an inner list
// of strings without parameters, then parameters that are strings, integers or
// tokens. Stricter than the RFC in that a parameter must not come twice.
func parseInput(s string) (input, error) {
	var in input
	rest, ok := strings.CutPrefix(s, "(")
	if !ok {
		return in, errors.New("no list of components")
	}
	for {
		rest = strings.TrimLeft(rest, " ")
		if after, ok := strings.CutPrefix(rest, ")"); ok {
			rest = after
			break
		}
		name, after, err := quoted(rest)
		if err != nil {
			return in, err
		}
		if !strings.HasPrefix(after, " ") && !strings.HasPrefix(after, ")") {
			return in, errors.New("components must be strings without parameters")
		}
		if name != strings.ToLower(name) || slices.Contains(in.components, name) {
			return in, fmt.Errorf("component %.80q: must be in lower case and given once", name)
		}
		in.components = append(in.components, name)
		rest = after
	}
	var seen []string
	for rest != "" {
		name, value, after, err := parameter(rest)
		if err != nil {
			return in, err
		}
		if slices.Contains(seen, name) {
			return in, fmt.Errorf("%s: given twice", name)
		}
		seen = append(seen, name)
		if err := in.set(name, value); err != nil {
			return in, err
		}
		rest = after
	}
	if !in.hasCreated || !in.hasKey {
		return in, errors.New("created and keyid must be given")
	}
	return in, nil
}

// parameter reads `;name=value`. The value of a string keeps its quotes.
func parameter(s string) (name, value, rest string, err error) {
	s, ok := strings.CutPrefix(s, ";")
	if !ok {
		return "", "", "", errors.New("a parameter must follow ';'")
	}
	name, s, ok = strings.Cut(strings.TrimLeft(s, " "), "=")
	if !ok || !isKey(name) {
		return "", "", "", errors.New("a parameter must have a name and a value")
	}
	if strings.HasPrefix(s, `"`) {
		_, rest, err = quoted(s)
		return name, s[:len(s)-len(rest)], rest, err
	}
	end := strings.IndexByte(s, ';')
	if end < 0 {
		end = len(s)
	}
	return name, s[:end], s[end:], nil
}

func (in *input) set(name, value string) (err error) {
	switch name {
	case "created":
		in.hasCreated = true
		if in.created, err = strconv.ParseInt(value, 10, 64); err != nil || in.created < 0 || in.created > 1<<40 {
			return errors.New("created: must be seconds since 1970")
		}
	case "keyid":
		in.hasKey = true
		in.keyID, _, err = quoted(value)
	case "nonce":
		in.nonce, _, err = quoted(value)
	case "alg":
		in.alg, _, err = quoted(value)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// quoted reads a string without escapes, which no component or key has.
func quoted(s string) (value, rest string, err error) {
	s, ok := strings.CutPrefix(s, `"`)
	end := strings.IndexByte(s, '"')
	if !ok || end < 0 {
		return "", "", errors.New("must be a string in quotes")
	}
	for _, c := range []byte(s[:end]) {
		if c < ' ' || c > '~' || c == '\\' {
			return "", "", errors.New("a string must be of printable ASCII without backslashes")
		}
	}
	return s[:end], s[end+1:], nil
}

// byteSequence reads `:base64:`.
func byteSequence(s string) ([]byte, error) {
	if len(s) < 2 || s[0] != ':' || s[len(s)-1] != ':' {
		return nil, errors.New("must be base64 between colons")
	}
	b, err := base64.StdEncoding.DecodeString(s[1 : len(s)-1])
	if err != nil {
		return nil, fmt.Errorf("must be base64 between colons: %w", err)
	}
	return b, nil
}

func isKey(s string) bool {
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' && c != '*' {
			return false
		}
	}
	return s != ""
}
