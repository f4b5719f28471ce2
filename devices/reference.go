package devices

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Reference is a number of somebody else's book: of a booking, a session, a
// service that was given. It serves to find again what belongs together, and
// no clear form of it exists in an event: reading it from JSON (a string or a
// number) makes it a Refer, and so does writing it.
//
// It is a pseudonym and no encryption: who has the journal and guesses the
// number can see that the guess is right. So it is kept like the journal, is
// trimmed with it, and is never in what leaves the box.
type Reference string

// referencePrefix marks what has been referred already, by the box or by the
// device itself.
const referencePrefix = "sha256-"

// referenceLength is that of a Reference: the prefix and 128 bits in hex.
const referenceLength = len(referencePrefix) + 32

// maxNumber is how long a number of a book may be, in bytes.
const maxNumber = 256

// Refer is the Reference to a number, blanks around it apart; "" for none.
// What is one already stays as it is.
func Refer(number string) Reference {
	number = strings.TrimSpace(number)
	if number == "" || isReference(number) {
		return Reference(number)
	}
	sum := sha256.Sum256([]byte("linli reference\n" + number))
	return Reference(referencePrefix + hex.EncodeToString(sum[:16]))
}

func isReference(s string) bool {
	digits, ok := strings.CutPrefix(s, referencePrefix)
	return ok && len(s) == referenceLength && strings.Trim(digits, "0123456789abcdef") == ""
}

// UnmarshalJSON reads a number of a book, written as a string or a number, or
// what MarshalJSON wrote.
func (r *Reference) UnmarshalJSON(b []byte) error {
	number := string(b)
	switch {
	case number == "null":
		return nil
	case number[0] == '"':
		if err := json.Unmarshal(b, &number); err != nil {
			return err
		}
		if len(number) > maxNumber {
			return &json.UnmarshalTypeError{Value: fmt.Sprintf("string of over %d bytes", maxNumber), Type: reflect.TypeFor[string]()}
		}
	case number[0] != '-' && (number[0] < '0' || number[0] > '9') || len(number) > maxNumber:
		return &json.UnmarshalTypeError{Value: "value that is none", Type: reflect.TypeFor[string]()}
	}
	*r = Refer(number)
	return nil
}

// MarshalJSON writes the Reference, and never a number in clear.
func (r Reference) MarshalJSON() ([]byte, error) { return json.Marshal(string(Refer(string(r)))) }

// CheckReference wants a number to be there.
func CheckReference(field string, r Reference) error {
	if r == "" {
		return fmt.Errorf("%s: must not be empty", field)
	}
	return nil
}
