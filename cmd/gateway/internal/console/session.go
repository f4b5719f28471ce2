package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// TokenLife is how long a login link is good for.
const TokenLife = 30 * time.Minute

const (
	sessionLife = 30 * 24 * time.Hour // of what a login link is redeemed for
	maxTokens   = 100                 // outstanding login links
	keySize     = 32
	maxName     = 64 // characters, as for the by of an acknowledgement
)

// tokens are the login links that have been minted and not redeemed. They are
// lost with the process: another one is quickly had.
type tokens struct {
	clock devices.Clock

	mu   sync.Mutex
	open []token // oldest first
}

type token struct {
	hash   [sha256.Size]byte
	name   string
	minted devices.Stamp
}

// mint makes a token of 128 random bits. Over maxTokens the oldest ends.
func (t *tokens) mint(name string) string {
	secret := rand.Text()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = append(t.open, token{sha256.Sum256([]byte(secret)), name, t.clock()})
	if extra := len(t.open) - maxTokens; extra > 0 {
		t.open = slices.Delete(t.open, 0, extra)
	}
	return secret
}

// find returns for whom a token was minted, and leaves it usable.
func (t *tokens) find(secret string) (name string, ok bool) { return t.look(secret, false) }

// redeem returns for whom a token was minted, once.
func (t *tokens) redeem(secret string) (name string, ok bool) { return t.look(secret, true) }

func (t *tokens) look(secret string, take bool) (string, bool) {
	hash := sha256.Sum256([]byte(secret))
	now := t.clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.open = slices.DeleteFunc(t.open, func(o token) bool { return expired(o.minted, now, TokenLife) })
	i := slices.IndexFunc(t.open, func(o token) bool { return o.hash == hash })
	if i < 0 {
		return "", false
	}
	name := t.open[i].name
	if take {
		t.open = slices.Delete(t.open, i, i+1)
	}
	return name, true
}

// expired measures within a boot by the clock that nobody can set, so that the
// first NTP answer after a start in 1970 throws nobody out.
func expired(from, now devices.Stamp, life time.Duration) bool {
	age, ok := now.Since(from)
	if !ok {
		age = now.Wall.Sub(from.Wall)
	}
	return age > life
}

// sessions signs and checks who is logged in. Nothing is kept but the key, so
// sessions outlive the process; changing the key ends all of them.
type sessions struct {
	key   []byte
	clock devices.Clock
}

// session is what the cookie says.
type session struct {
	Name   string        `json:"name"`
	Issued devices.Stamp `json:"issued"`
}

// encoding is strict: bits of a last character that mean nothing must be zero,
// so that a session has one spelling and not four.
var encoding = base64.RawURLEncoding.Strict()

// issue makes the value of a session cookie: base64url(JSON).base64url(HMAC).
func (s *sessions) issue(name string) (string, error) {
	body, err := json.Marshal(session{name, s.clock()})
	if err != nil {
		return "", fmt.Errorf("encode session: %w", err)
	}
	return encoding.EncodeToString(body) + "." + encoding.EncodeToString(s.sign(body)), nil
}

// open returns who is logged in by the value of a cookie.
func (s *sessions) open(value string) (name string, ok bool) {
	head, tail, found := strings.Cut(value, ".")
	body, err := encoding.DecodeString(head)
	if !found || err != nil {
		return "", false
	}
	signature, err := encoding.DecodeString(tail)
	if err != nil || !hmac.Equal(signature, s.sign(body)) {
		return "", false
	}
	var opened session
	if json.Unmarshal(body, &opened) != nil || expired(opened.Issued, s.clock(), sessionLife) {
		return "", false
	}
	return opened.Name, true
}

func (s *sessions) sign(body []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write(body)
	return mac.Sum(nil)
}

// loadKey reads the key that signs sessions, and makes one where there is
// none. A file of the wrong size is replaced: that logs everybody out, and
// locks nobody out.
func loadKey(path string) ([]byte, error) {
	key, err := os.ReadFile(path)
	if err == nil && len(key) == keySize {
		return key, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read session key: %w", err)
	}
	key = make([]byte, keySize)
	rand.Read(key) // never fails
	if err := writeSynced(path, key); err != nil {
		return nil, fmt.Errorf("write session key: %w", err)
	}
	return key, nil
}

// writeSynced puts a file in place whole or not at all.
func writeSynced(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
