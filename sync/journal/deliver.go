package journal

import (
	"context"
	"fmt"
	"time"
)

// Delivery hands on what a numbered source holds: the rows of a follower, say,
// by the number of their last change.
type Delivery[T any] struct {
	// Name of the cursor, of its own within the State.
	Name string
	// Most is how many items are sent together; 0 is 256.
	Most int
	// Pace is the least time from the beginning of one Send to the next, so
	// that a backlog does not take the whole line; 0 is none.
	Pace time.Duration
	// Fetch returns up to most items that follow the number after, and the
	// number of the last of them. A number beyond after with no items skips.
	Fetch func(after uint64, most int) (items []T, last uint64, err error)
	// Send returns nil when the other side has accepted all of the items. It
	// may be given the same items again, so each needs an identity that the
	// other side knows it by.
	Send func(ctx context.Context, items []T) error
}

// Deliver sends what the source holds beyond the cursor, batch by batch, until
// nothing is left, and returns how many items were accepted. The cursor is
// moved after the acceptance. After an error, which may be Fetch's, Send's or
// the state's, what was accepted before stays so; when to try again is the
// caller's business.
func Deliver[T any](ctx context.Context, s *State, d Delivery[T]) (sent int, err error) {
	most := d.Most
	if most <= 0 {
		most = 256
	}
	at, err := s.Cursor(d.Name)
	if err != nil {
		return 0, fmt.Errorf("deliver %s: %w", d.Name, err)
	}
	var next <-chan time.Time // when the next Send may begin; nil is now
	for ctx.Err() == nil {
		items, last, err := d.Fetch(at, most)
		if err != nil {
			return sent, fmt.Errorf("deliver %s: %w", d.Name, err)
		}
		if last <= at {
			return sent, nil
		}
		if len(items) > 0 {
			if next != nil {
				select {
				case <-next:
				case <-ctx.Done():
					continue
				}
			}
			if d.Pace > 0 {
				next = time.After(d.Pace)
			}
			if err := d.Send(ctx, items); err != nil {
				return sent, fmt.Errorf("deliver %s: %w", d.Name, err)
			}
		}
		if err := s.Update(func(t *Tx) error {
			t.setCursor(deliverCursor(d.Name), last)
			return nil
		}); err != nil {
			return sent, fmt.Errorf("deliver %s: %w", d.Name, err)
		}
		sent += len(items)
		at = last
	}
	return sent, fmt.Errorf("deliver %s: %w", d.Name, context.Cause(ctx))
}
