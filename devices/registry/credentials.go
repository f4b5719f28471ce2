package registry

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Secrets is the table of the hashed secrets; they are written with Issue and
// Revoke only.
const Secrets Table = "secrets"

type secretHash [sha256.Size]byte

// Secrets are written in digits and letters that are hard to mistake for each
// other, in groups that are easy to copy.
var secretAlphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

const (
	secretBytes = 16
	secretGroup = 5
)

func newSecret() string {
	random := make([]byte, secretBytes)
	rand.Read(random) // never fails
	plain := secretAlphabet.EncodeToString(random)
	var b strings.Builder
	for i := 0; i < len(plain); i += secretGroup {
		if i > 0 {
			b.WriteByte('-')
		}
		b.WriteString(plain[i:min(i+secretGroup, len(plain))])
	}
	return b.String()
}

// hashSecret forgives what is lost in copying: case, dashes, blanks.
func hashSecret(secret []byte) secretHash {
	plain := make([]byte, 0, len(secret))
	for _, c := range secret {
		switch {
		case c == '-' || c == ' ':
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		plain = append(plain, c)
	}
	return sha256.Sum256(plain)
}

// Issue gives a device a new secret, in place of one it may have had, and
// returns it: "k3f9d-…", 128 random bits. It is shown now and never again.
func (r *Registry) Issue(device string) (secret string, err error) {
	err = r.Update(func(tx *Tx) error {
		secret, err = tx.Issue(device)
		return err
	})
	if err != nil {
		return "", err
	}
	return secret, nil
}

// Revoke takes a device's secret away. Ending its connections is up to the
// caller.
func (r *Registry) Revoke(device string) error {
	return r.Update(func(tx *Tx) error { return tx.Revoke(device) })
}

// Login tells which device has this ID and secret. Case, dashes and blanks in
// the secret do not matter. A retired device cannot log in.
func (r *Registry) Login(id string, secret []byte) (devices.Device, bool) {
	return r.Snapshot().Login(id, secret)
}

// Login is that of the Registry.
func (s *Snapshot) Login(id string, secret []byte) (devices.Device, bool) {
	if len(secret) > maxAddress {
		return devices.Device{}, false
	}
	given := hashSecret(secret)
	kept, known := s.secrets[id] // the zero hash for an unknown device
	same := subtle.ConstantTimeCompare(given[:], kept[:]) == 1
	d, registered := s.Device(id)
	if !same || !known || !registered || d.Retired {
		return devices.Device{}, false
	}
	return d, true
}

// Issue is that of the Registry, as part of a batch.
func (tx *Tx) Issue(device string) (string, error) {
	if !tx.next.has(Devices, device) {
		return "", refuse(Devices, device, texts.Errorf(texts.Registry.NotFound))
	}
	secret := newSecret()
	hash := hashSecret([]byte(secret))
	tx.next.secrets[device] = hash
	tx.next.mended(Secrets, device)
	tx.writes[place{Secrets, device}] = seal(Secrets, device, hash[:])
	return secret, nil
}

// Revoke is that of the Registry, as part of a batch.
func (tx *Tx) Revoke(device string) error {
	if !tx.next.has(Devices, device) {
		return refuse(Devices, device, texts.Errorf(texts.Registry.NotFound))
	}
	tx.revoke(device)
	return nil
}

func (tx *Tx) revoke(device string) {
	delete(tx.next.secrets, device)
	tx.next.mended(Secrets, device)
	tx.writes[place{Secrets, device}] = nil
}
