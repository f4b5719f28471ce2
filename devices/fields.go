package devices

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Fields calls field with the names and values in a JSON object, as they come,
// and tells whether data is one, exactly as encoding/json would find: if it is
// not, field may have been called for what came before the mistake. It is what
// is left of decoding where the names of interest are few and the rest is not
// worth the memory.
func Fields(data []byte, field func(name, value []byte)) (object bool) {
	s := scanner{data: data}
	return s.next() == '{' && s.object(field) && s.next() == 0 && s.at == len(data)
}

// deepest is how many objects and arrays encoding/json reads within each other.
const deepest = 10_000

// scanner reads JSON without keeping it. Its methods begin at the byte that
// tells what they are to read, and report whether they have read it.
type scanner struct {
	data  []byte
	at    int // of data, where to go on
	depth int
}

// next skips blanks and returns the byte that comes then, 0 at the end.
func (s *scanner) next() byte {
	for ; s.at < len(s.data); s.at++ {
		switch c := s.data[s.at]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (s *scanner) value() bool {
	switch s.next() {
	case '{':
		return s.object(nil)
	case '[':
		return s.list(']', s.value)
	case '"':
		return s.text()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	}
	return s.number()
}

func (s *scanner) object(field func(name, value []byte)) bool {
	return s.list('}', func() bool {
		if s.next() != '"' {
			return false
		}
		from := s.at
		if !s.text() {
			return false
		}
		name := s.data[from:s.at]
		if s.next() != ':' {
			return false
		}
		s.at++
		s.next()
		from = s.at
		if !s.value() {
			return false
		}
		if field != nil {
			field(unquoted(name), s.data[from:s.at])
		}
		return true
	})
}

// list reads a bracket, items with commas between them, and the bracket end.
func (s *scanner) list(end byte, item func() bool) bool {
	s.at++
	s.depth++
	if s.depth > deepest {
		return false
	}
	for c := s.next(); c != end; {
		if !item() {
			return false
		}
		if c = s.next(); c == ',' {
			s.at++
		} else if c != end {
			return false
		}
	}
	s.at++
	s.depth--
	return true
}

func (s *scanner) text() bool {
	for i := s.at + 1; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			s.at = i + 1
			return true
		case c < ' ':
			return false
		case c == '\\':
			n := escape(s.data[i:])
			if n == 0 {
				return false
			}
			i += n - 1
		}
	}
	return false
}

// escape is how long the escape sequence is with which data begins, 0 if that
// is none.
func escape(data []byte) int {
	switch {
	case len(data) > 1 && strings.IndexByte(`"\/bfnrt`, data[1]) >= 0:
		return 2
	case len(data) > 5 && data[1] == 'u' && strings.Trim(string(data[2:6]), "0123456789abcdefABCDEF") == "":
		return 6
	}
	return 0
}

func (s *scanner) word(w string) bool {
	s.at += len(w)
	return s.at <= len(s.data) && string(s.data[s.at-len(w):s.at]) == w
}

func (s *scanner) number() bool {
	s.skip("-")
	whole := s.at
	if s.digits() == 0 || s.at > whole+1 && s.data[whole] == '0' {
		return false
	}
	if s.skip(".") && s.digits() == 0 {
		return false
	}
	if s.skip("eE") {
		s.skip("+-")
		return s.digits() > 0
	}
	return true
}

// skip skips one of some bytes, if it is there.
func (s *scanner) skip(some string) bool {
	there := s.at < len(s.data) && strings.IndexByte(some, s.data[s.at]) >= 0
	if there {
		s.at++
	}
	return there
}

// digits skips them and returns how many there are.
func (s *scanner) digits() int {
	from := s.at
	for s.skip("0123456789") {
	}
	return s.at - from
}

// unquoted is the string of a literal.
func unquoted(literal []byte) []byte {
	if bytes.IndexByte(literal, '\\') < 0 {
		return literal[1 : len(literal)-1]
	}
	var s string                    // rare: spelled out
	_ = json.Unmarshal(literal, &s) // it is valid
	return []byte(s)
}
