package devices

import "fmt"

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
