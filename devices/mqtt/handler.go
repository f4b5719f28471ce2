package mqtt

import (
	"context"
	"crypto/x509"
	"errors"
	"net/netip"

	"github.com/linli-edge/gateway/devices"
)

// Handler takes a message and calls done once, at any time. Only when done was
// called with nil is the message acknowledged; after an error it will be
// delivered again. A Handler is called by several goroutines at once, waits
// for no other message, and must not keep the payload after it has returned.
// When ctx ends, done must be called soon.
type Handler func(ctx context.Context, m devices.Message, done func(error))

// wait calls the handler and waits for done.
func (h Handler) wait(ctx context.Context, m devices.Message) error {
	result := make(chan error, 1)
	h(ctx, m, func(err error) { result <- err })
	return <-result
}

// Credentials are what a client shows at its login.
type Credentials struct {
	User   string
	Secret []byte // nil if it gave none; not to be kept
	Client string // the client ID, "" if it gave none
	// Certificate was verified by the listener's TLS configuration; nil
	// without TLS or without a certificate.
	Certificate *x509.Certificate
	Remote      netip.AddrPort
}

// Login tells who shows c, and what that principal may do. ok is false if
// they are unknown or the secret is not theirs. It is called by several
// goroutines at once.
type Login func(c Credentials) (account devices.Account, ok bool)

// Errors of Publish.
var (
	// ErrNotConnected: there is no connection to the broker, or, with the
	// embedded one, it does not run. The message was not sent.
	ErrNotConnected = errors.New("mqtt: not connected")
	// ErrTopic: the topic cannot be published on.
	ErrTopic = errors.New("mqtt: invalid topic")
)
