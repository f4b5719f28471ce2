package mqtt

import (
	"context"
	"errors"

	"github.com/linli-edge/gateway/devices"
)

// Handler takes a message. Only when it has returned nil is the message
// acknowledged; after an error it will be delivered again. It is called by
// several goroutines at once, must return soon after ctx ends, and must not
// keep the payload.
type Handler func(ctx context.Context, m devices.Message) error

// Login tells who user is, and what that principal may do. ok is false if
// user is unknown or secret is not theirs. It is called by several goroutines
// at once.
type Login func(user string, secret []byte) (account devices.Account, ok bool)

// Errors of Publish.
var (
	// ErrNotConnected: there is no connection to the broker, or, with the
	// embedded one, it does not run. The message was not sent.
	ErrNotConnected = errors.New("mqtt: not connected")
	// ErrTopic: the topic cannot be published on.
	ErrTopic = errors.New("mqtt: invalid topic")
)
