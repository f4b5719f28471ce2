package journal

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// ErrDamaged is wrapped by errors about a file whose content makes no sense.
var ErrDamaged = errors.New("damaged file")

// guard runs work on a bbolt file. A damaged file makes bbolt panic or read
// outside of its memory map; both become an error that wraps ErrDamaged, after
// which the handle must not be used again: its locks may still be held.
func guard(work func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", ErrDamaged, p)
		}
	}()
	return work()
}
