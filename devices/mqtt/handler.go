package mqtt

import (
	"context"
	"crypto/x509"
	"errors"
	"net/netip"

	"github.com/linli-edge/gateway/devices"
)

// Handler takes a message. Only when it has returned nil is the message
// acknowledged; after an error it will be delivered again. It is called by
// several goroutines at once, must return soon after ctx ends, and must not
// keep the payload.
type Handler func(ctx context.Context, m devices.Message) error

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
