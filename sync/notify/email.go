package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/textproto"
	"strconv"

	"github.com/wneessen/go-mail"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// email sends mail by a server. The address is a mailbox.
type email struct {
	config Email
	secret string
	tls    *tls.Config // nil but in tests: the system's certificates
	// implicit is set where TLS begins with the first byte: port 465.
	implicit bool
	lang     texts.Lang
}

// newEmail sets e up for a server; Load has checked its address.
func newEmail(c Email, secret string, lang texts.Lang) *email {
	_, port, _ := net.SplitHostPort(c.Server)
	return &email{config: c, secret: secret, lang: lang, implicit: port == "465"}
}

func (e *email) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	m := mail.NewMsg()
	if err := errors.Join(m.From(e.config.From), m.To(address)); err != nil {
		return alert.Result{Class: alert.Permanent, Detail: "not a mail address"}
	}
	m.Subject(p.Title(e.lang))
	m.SetMessageIDWithValue(p.Key + "." + strconv.Itoa(p.Attempt) + "@linli")
	m.SetDate()
	if p.Priority == alert.High {
		m.SetImportance(mail.ImportanceUrgent)
	}
	m.SetBodyString(mail.TypeTextPlain, p.Text(e.lang))
	client, err := e.client(ctx)
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: "server not understood"}
	}
	if err := client.DialWithContext(ctx); err != nil {
		return judgeSMTP(err, false)
	}
	err = client.Send(m)
	// What the server says to a goodbye changes nothing.
	_ = client.Close()
	return judgeSMTP(err, true)
}

// Check logs in at the server and leaves.
func (e *email) Check(ctx context.Context) alert.Result {
	ctx, cancel := context.WithTimeout(ctx, defaultTimeout)
	defer cancel()
	client, err := e.client(ctx)
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: "server not understood"}
	}
	if err := client.DialWithContext(ctx); err != nil {
		return judgeSMTP(err, false)
	}
	_ = client.Close()
	return alert.Result{Class: alert.Accepted}
}

func (e *email) client(ctx context.Context) (*mail.Client, error) {
	host, service, err := net.SplitHostPort(e.config.Server)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(service)
	if err != nil {
		return nil, err
	}
	certificates := e.certificates(host)
	options := []mail.Option{
		mail.WithPort(port), mail.WithTimeout(defaultTimeout), mail.WithHELO("linli-gateway"),
		mail.WithoutRset(), // one mail a connection, and some servers refuse it
		mail.WithTLSPolicy(mail.TLSMandatory), mail.WithTLSConfig(certificates),
		// The library looks at the context while it connects only: the
		// connection itself ends with it.
		mail.WithDialContextFunc(func(_ context.Context, network, address string) (net.Conn, error) {
			conn, err := (&net.Dialer{Timeout: connectTimeout}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			context.AfterFunc(ctx, func() { _ = conn.Close() })
			if e.implicit {
				return tls.Client(conn, certificates), nil
			}
			return conn, nil
		}),
	}
	if e.implicit {
		// Of a connection that it finds encrypted the library wants no more.
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if e.config.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(e.config.User), mail.WithPassword(e.secret))
	}
	return mail.NewClient(host, options...)
}

func (e *email) certificates(host string) *tls.Config {
	if e.tls != nil {
		return e.tls
	}
	return &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
}

// judgeSMTP says what an error of the dialogue means; sending is set once the
// server had been logged in at. The server's words are not passed on: they
// quote addresses.
func judgeSMTP(err error, sending bool) alert.Result {
	if err == nil {
		return alert.Result{Class: alert.Accepted, Detail: "SMTP 250"}
	}
	var send *mail.SendError
	if errors.As(err, &send) {
		code := send.ErrorCode()
		result := alert.Result{Class: alert.Permanent, Detail: "SMTP " + strconv.Itoa(code)}
		switch {
		case code == 0 && (send.Reason == mail.ErrSMTPDataClose || send.Reason == mail.ErrWriteContent):
			// The mail was on its way when the line broke.
			result = alert.Result{Class: alert.Unknown, Detail: "no answer: " + reason(err)}
		case code == 0:
			result = alert.Result{Class: alert.Temporary, Detail: reason(err)}
		case code < 500 || send.IsTemp():
			result.Class = alert.Temporary
		}
		return result
	}
	if code := smtpCode(err); code >= 500 {
		return alert.Result{Class: alert.Permanent, Detail: "SMTP " + strconv.Itoa(code)}
	} else if code > 0 {
		return alert.Result{Class: alert.Temporary, Detail: "SMTP " + strconv.Itoa(code)}
	}
	if sending {
		return alert.Result{Class: alert.Unknown, Detail: "no answer: " + reason(err)}
	}
	return alert.Result{Class: alert.Temporary, Detail: "connection: " + reason(err)}
}

// smtpCode is the code of a refusal, 0 if it is none.
func smtpCode(err error) int {
	var refused *textproto.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return 0
}
