package registry

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
)

// Secrets and Certificates are the tables of what devices log in with: the
// SHA-256 of a secret, or of a whole certificate. A device has one or the
// other. They are written with Issue and Certify, and go with the device, or when
// it is retired or put behind a bridge.
const (
	Secrets      Table = "secrets"
	Certificates Table = "certificates"
)

// credentialNames are how the journal calls a change of them.
var credentialNames = map[Table]string{Secrets: "secret", Certificates: "certificate"}

// hashes are those of a table of credentials, nil for another table.
func (s *Snapshot) hashes(t Table) map[string]secretHash {
	switch t {
	case Secrets:
		return s.secrets
	case Certificates:
		return s.certificates
	}
	return nil
}

type secretHash [sha256.Size]byte

// Secrets are written in groups that are easy to copy.
const (
	secretBytes = 16
	secretGroup = 5
)

func newSecret() string {
	random := make([]byte, secretBytes)
	rand.Read(random) // never fails
	plain := devices.Base32.EncodeToString(random)
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

// Issue gives a device a new secret, in place of what it may have logged in
// with before, and returns it: "k3f9d-…", 128 random bits. It is shown now and never again.
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
	if err := tx.mayLogIn(device); err != nil {
		return "", err
	}
	secret := newSecret()
	tx.admit(Secrets, device, hashSecret([]byte(secret)))
	return secret, nil
}

// Certify lets a device log in with a certificate, given in DER, in place of
// what it may have logged in with before.
func (tx *Tx) Certify(device string, certificate []byte) error {
	if err := tx.mayLogIn(device); err != nil {
		return err
	}
	tx.admit(Certificates, device, sha256.Sum256(certificate))
	return nil
}

// mayLogIn says why a device may not.
func (tx *Tx) mayLogIn(device string) error {
	d, known := tx.Device(device)
	switch {
	case !known:
		return refuse(Devices, device, texts.Errorf(texts.Registry.NotFound))
	case d.Bridge != "":
		return refuse(Devices, device, texts.Errorf(texts.Adopt.NoLogin, d.Bridge))
	case d.Retired:
		return refuse(Devices, device, texts.Errorf(texts.Adopt.RetiredLogin, device))
	}
	return nil
}

// admit makes hash, of a table, the only thing that a device logs in with.
func (tx *Tx) admit(t Table, device string, hash secretHash) {
	tx.revoke(device)
	tx.next.hashes(t)[device] = hash
	tx.writes[place{t, device}] = seal(t, device, hash[:])
}

// LoginCertificate tells which device has this certificate, given in DER. That
// it was shown by the owner of its key is up to the caller. A retired device
// cannot log in.
func (s *Snapshot) LoginCertificate(certificate []byte) (devices.Device, bool) {
	given := secretHash(sha256.Sum256(certificate))
	for id, hash := range s.certificates { // a few hundred, at a login
		if d, ok := s.Device(id); ok && hash == given && !d.Retired {
			return d, true
		}
	}
	return devices.Device{}, false
}

func (tx *Tx) revoke(device string) {
	for t := range credentialNames {
		delete(tx.next.hashes(t), device)
		tx.next.mended(t, device)
		tx.writes[place{t, device}] = nil
	}
}
