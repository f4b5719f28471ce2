package notifytest

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"sync"
	"testing"
)

// What the mail server wants to be shown.
const MailUser, MailSecret = "linli@example.com", "mail-secret"

// MailServer takes mail over SMTP, as a submission server does: STARTTLS, then
// a login, then mail. Its certificate is for example.com.
type MailServer struct {
	// Address is its host:port, TLS what a client needs to trust it.
	Address string
	TLS     *tls.Config

	certificate tls.Certificate
	mu          sync.Mutex
	replies     map[string]string // to the next commands of a verb
	mail        []Message
}

// NewMailServer starts it for the length of a test; with implicit, TLS begins
// with the first byte.
func NewMailServer(t testing.TB, implicit bool) *MailServer {
	// The certificate that net/http/httptest brings for tests.
	donor := httptest.NewTLSServer(nil)
	defer donor.Close()
	pool := x509.NewCertPool()
	pool.AddCert(donor.Certificate())
	s := &MailServer{
		certificate: donor.TLS.Certificates[0], replies: map[string]string{},
		TLS: &tls.Config{RootCAs: pool, ServerName: "example.com", MinVersion: tls.VersionTLS12},
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Address = l.Addr().String()
	var all sync.WaitGroup
	conns := map[net.Conn]bool{}
	var mu sync.Mutex
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns[c] = true
			mu.Unlock()
			all.Go(func() {
				_ = s.serve(c, implicit) // the client's side tells what went wrong
				mu.Lock()
				delete(conns, c)
				mu.Unlock()
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return s
}

// Answer makes the server answer a verb (EHLO, AUTH, RCPT, DATA, ".") with a
// line of its own from now on; "" hangs up in place of an answer.
func (s *MailServer) Answer(verb, reply string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies[verb] = reply
}

// Mail lists what was taken.
func (s *MailServer) Mail() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.mail...)
}

var errHungUp = errors.New("hung up")

// serve speaks with one client.
func (s *MailServer) serve(c net.Conn, secure bool) error {
	if secure {
		c = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{s.certificate}})
	}
	in, user, to := bufio.NewReader(c), "", ""
	say := func(verb, reply string) error {
		s.mu.Lock()
		other, asked := s.replies[verb]
		s.mu.Unlock()
		if asked {
			reply = other
		}
		if reply == "" {
			return errHungUp
		}
		_, err := io.WriteString(c, reply+"\r\n")
		return err
	}
	if err := say("", "220 mail.example.com ESMTP"); err != nil {
		return err
	}
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		verb = strings.ToUpper(verb)
		switch {
		case verb == "EHLO" && !secure:
			err = say(verb, "250-mail.example.com\r\n250 STARTTLS")
		case verb == "EHLO":
			err = say(verb, "250-mail.example.com\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN")
		case verb == "STARTTLS":
			if err = say(verb, "220 ready"); err == nil {
				t := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{s.certificate}})
				if err = t.Handshake(); err == nil {
					c, in, secure = t, bufio.NewReader(t), true
				}
			}
		case verb == "AUTH" && secure:
			given, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			if string(given) == "\x00"+MailUser+"\x00"+MailSecret {
				user = MailUser
				err = say(verb, "235 authenticated")
			} else {
				err = say("", "535 authentication failed")
			}
		case verb == "MAIL" && user == "":
			err = say("", "530 authentication required")
		case verb == "RCPT":
			to = strings.Trim(strings.TrimPrefix(rest, "TO:"), "<>")
			err = say(verb, "250 ok")
		case verb == "DATA":
			if err = say(verb, "354 go on"); err != nil {
				break
			}
			var text strings.Builder
			for line = ""; line != ".\r\n"; {
				if line, err = in.ReadString('\n'); err != nil {
					return err
				}
				text.WriteString(line)
			}
			m, bad := mail.ReadMessage(strings.NewReader(text.String()))
			if bad != nil {
				err = say("", "554 no mail")
				break
			}
			if err = say(".", "250 taken"); err == nil {
				s.take(to, m)
			}
		case verb == "QUIT":
			return say(verb, "221 bye")
		default:
			err = say(verb, "250 ok")
		}
		if err != nil {
			return err
		}
	}
}

func (s *MailServer) take(to string, m *mail.Message) {
	subject, _ := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	body := m.Body
	if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	text, _ := io.ReadAll(body)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mail = append(s.mail, Message{"email", to, fmt.Sprintf("%s\n%s", subject, text)})
}
