package devices

import (
	"encoding/base32"
	"fmt"
)

// Base32 writes what people copy by hand in digits and letters that are hard to
// mistake for each other.
var Base32 = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// CheckCompartment accepts a compartment number of 1 to 9999.
func CheckCompartment(n int) error {
	if n < 1 || n > 9999 {
		return fmt.Errorf("compartment: must be 1 to 9999 (got %d)", n)
	}
	return nil
}

// CheckCode accepts a machine-readable code: 1 to 64 of a-z, 0-9, '_', '-'
// and '.'.
func CheckCode(field, code string) error {
	if !isCode(code) {
		return fmt.Errorf("%s: must be 1 to 64 of a-z, 0-9, '_', '-' and '.' (got %.80q)", field, code)
	}
	return nil
}

// CheckID accepts the ID of a record in the registry, or an operator's own
// code: what CheckCode accepts. Its error does not repeat what it got: a name
// stands there, if anything goes wrong.
func CheckID(field, id string) error {
	if !isCode(id) {
		return fmt.Errorf("%s: must be an ID, 1 to 64 of a-z, 0-9, '_', '-' and '.'", field)
	}
	return nil
}

func isCode(s string) bool {
	if len(s) < 1 || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}
