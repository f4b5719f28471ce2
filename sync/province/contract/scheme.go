package contract

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

// Names of the schemes. The first two are those of RFC 9421's registry, and
// sign by it; the others sign the canonical string, see canonical.go.
const (
	NameHMACSHA256 = "hmac-sha256"
	NameEd25519    = "ed25519"
	NameHMACSM3    = "hmac-sm3"
	NameSM2        = "sm2"
)

// Schemes lists the names.
func Schemes() []string { return []string{NameHMACSHA256, NameEd25519, NameHMACSM3, NameSM2} }

// Scheme is a way to sign. Sign is nil in one made of a public key.
type Scheme struct {
	Name   string
	Sign   func(base []byte) (signature []byte, err error)
	Verify func(base, signature []byte) bool

	hex bool // how a signature of the canonical string is written
}

// canonical tells which of the two forms the scheme signs.
func (s Scheme) canonical() bool { return s.Name == NameHMACSM3 || s.Name == NameSM2 }

// HMAC is the scheme hmac-sha256 with a shared secret.
func HMAC(secret []byte) Scheme {
	sum := func(base []byte) []byte {
		mac := hmac.New(sha256.New, secret)
		mac.Write(base)
		return mac.Sum(nil)
	}
	return Scheme{
		Name:   NameHMACSHA256,
		Sign:   func(base []byte) ([]byte, error) { return sum(base), nil },
		Verify: func(base, signature []byte) bool { return hmac.Equal(sum(base), signature) },
	}
}

// Ed25519 is the scheme ed25519 with a private key.
func Ed25519(key ed25519.PrivateKey) Scheme {
	s := Ed25519Public(key.Public().(ed25519.PublicKey))
	s.Sign = func(base []byte) ([]byte, error) { return ed25519.Sign(key, base), nil }
	return s
}

// Ed25519Public is the scheme ed25519 that can only verify.
func Ed25519Public(key ed25519.PublicKey) Scheme {
	return Scheme{Name: NameEd25519, Verify: func(base, signature []byte) bool {
		return len(key) == ed25519.PublicKeySize && ed25519.Verify(key, base, signature)
	}}
}

// Form are the switches in which platforms that use SM2 or SM3 differ.
type Form struct {
	// Raw is a signature of SM2 as r || s, 64 bytes; else it is DER.
	Raw bool
	// Hex is a signature in small hexadecimal digits; else it is Base64.
	Hex bool
	// UserID of SM2; "" is DefaultUserID.
	UserID string
}

// DefaultUserID is the one of GB/T 35276.
const DefaultUserID = "1234567812345678"

// HMACSM3 is the scheme hmac-sm3 with a shared secret.
func HMACSM3(secret []byte, form Form) Scheme {
	sum := func(base []byte) []byte {
		mac := hmac.New(sm3.New, secret)
		mac.Write(base)
		return mac.Sum(nil)
	}
	return Scheme{
		Name:   NameHMACSM3,
		Sign:   func(base []byte) ([]byte, error) { return sum(base), nil },
		Verify: func(base, signature []byte) bool { return hmac.Equal(sum(base), signature) },
		hex:    form.Hex,
	}
}

// SM2 is the scheme sm2 with a private key of 32 bytes.
func SM2(key []byte, form Form) (Scheme, error) {
	private, err := sm2.NewPrivateKey(key)
	if err != nil {
		return Scheme{}, fmt.Errorf("sm2 key: %w", err)
	}
	s, err := SM2Public(SM2PublicKey(private), form)
	s.Sign = func(base []byte) ([]byte, error) {
		der, err := sm2.SignASN1(rand.Reader, private, base, sm2.NewSM2SignerOption(true, form.userID()))
		if err != nil || !form.Raw {
			return der, err
		}
		return toRaw(der)
	}
	return s, err
}

// SM2PublicKey is the uncompressed form of a key's public part: 65 bytes.
func SM2PublicKey(key *sm2.PrivateKey) []byte {
	b := make([]byte, 65)
	b[0] = 4
	key.X.FillBytes(b[1:33])
	key.Y.FillBytes(b[33:])
	return b
}

// SM2Public is the scheme sm2 that can only verify; the key is uncompressed, 65
// bytes.
func SM2Public(key []byte, form Form) (Scheme, error) {
	public, err := sm2.NewPublicKey(key)
	if err != nil {
		return Scheme{}, fmt.Errorf("sm2 key: %w", err)
	}
	return Scheme{Name: NameSM2, hex: form.Hex, Verify: func(base, signature []byte) bool {
		if form.Raw {
			if len(signature) != 64 {
				return false
			}
			var err error
			if signature, err = toDER(signature); err != nil {
				return false
			}
		}
		return sm2.VerifyASN1WithSM2(public, form.userID(), base, signature)
	}}, nil
}

func (f Form) userID() []byte {
	if f.UserID == "" {
		return []byte(DefaultUserID)
	}
	return []byte(f.UserID)
}

type rs struct{ R, S *big.Int }

func toRaw(der []byte) ([]byte, error) {
	var v rs
	if rest, err := asn1.Unmarshal(der, &v); err != nil || len(rest) > 0 {
		return nil, errors.New("sm2: no signature")
	}
	raw := make([]byte, 64)
	v.R.FillBytes(raw[:32])
	v.S.FillBytes(raw[32:])
	return raw, nil
}

func toDER(raw []byte) ([]byte, error) {
	return asn1.Marshal(rs{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
}

func (s Scheme) encode(signature []byte) string {
	if s.hex {
		return hex.EncodeToString(signature)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func (s Scheme) decode(text string) ([]byte, error) {
	if s.hex {
		return hex.DecodeString(text)
	}
	return base64.StdEncoding.DecodeString(text)
}
