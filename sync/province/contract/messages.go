package contract

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Where a box posts what: PathRows is what it is configured with, the others
// stand beside it.
const (
	PathRows      = "/v1/rows"
	PathReconcile = "/v1/reconcile"
	PathEnrol     = "/v1/enrol"
	PathKeys      = "/v1/keys"
)

// Held is how many rows of one facility and period somebody has, and their
// digest.
type Held struct {
	Facility string `json:"facility"`
	Rows     int    `json:"rows"`
	// Digest is that of DigestOf.
	Digest string `json:"digest"`
}

// Reconciliation is the body of a POST to PathReconcile: what the box has of a
// period. The answer is what the platform has of the same facilities.
type Reconciliation struct {
	Period     string `json:"period"`
	Facilities []Held `json:"facilities"`
}

// Reconciled is the answer to it.
type Reconciled struct {
	ServerTime time.Time `json:"server_time"`
	Facilities []Held    `json:"facilities"`
}

// DigestOf is the SHA-256, in hexadecimal digits, of a line for each row,
// ordered by indicator:
//
//	indicator generation.n numerator denominator buckets\n
//
// with "-" for a denominator that is absent, and buckets separated by commas,
// "-" if there are none.
func DigestOf(rows []Row) string {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Indicator, b.Indicator) })
	h := sha256.New()
	for _, r := range rows {
		denominator, buckets := "-", "-"
		if r.Denominator != nil {
			denominator = strconv.FormatInt(*r.Denominator, 10)
		}
		if len(r.Buckets) > 0 {
			all := make([]string, len(r.Buckets))
			for i, b := range r.Buckets {
				all[i] = strconv.FormatInt(b, 10)
			}
			buckets = strings.Join(all, ",")
		}
		fmt.Fprintf(h, "%s %d.%d %d %s %s\n", r.Indicator, r.Generation, r.N, r.Numerator, denominator, buckets)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Enrolment is the body of a POST to PathEnrol, signed by the new key itself: a
// box that was given a one-time code tells its public key. Whatever keys the
// box had are void from then on.
type Enrolment struct {
	Box  string `json:"box"`
	Code string `json:"code"`
	PublicKey
}

// PublicKey is also the body of a POST to PathKeys, signed by the key that the
// box has had so far: that one is good for KeyOverlap more.
type PublicKey struct {
	// Algorithm is NameEd25519 or NameSM2.
	Algorithm string `json:"algorithm"`
	// Key is the public key: 32 bytes, or the 65 of an uncompressed point, in
	// Base64.
	Key []byte `json:"public_key"`
}

// Scheme is the one that verifies with the key.
func (k PublicKey) Scheme(form Form) (Scheme, error) {
	switch {
	case k.Algorithm == NameEd25519 && len(k.Key) == 32:
		return Ed25519Public(k.Key), nil
	case k.Algorithm == NameSM2:
		return SM2Public(k.Key, form)
	}
	return Scheme{}, fmt.Errorf("public_key: must be 32 bytes of %s or 65 of %s (got %d of %.20q)", NameEd25519, NameSM2, len(k.Key), k.Algorithm)
}

// KeyOverlap is for how long an old key is good after a new one was told.
const KeyOverlap = 7 * 24 * time.Hour

// Enrolled is the answer to either.
type Enrolled struct {
	ServerTime time.Time `json:"server_time"`
}

// Nonce is what a box puts into each signature: which of its requests it is. A
// request is made once, so two boxes that use one identity (one was replaced,
// or its card copied) are told apart by it: the generation of the one is lower,
// or its requests are behind.
type Nonce struct {
	Generation, Sequence uint64
	// Random tells requests of the same sequence apart.
	Random string
}

func (n Nonce) String() string { return fmt.Sprintf("%d.%d.%s", n.Generation, n.Sequence, n.Random) }

// ParseNonce reads a Nonce; ok is false for any other form, of which nothing
// can be told.
func ParseNonce(s string) (n Nonce, ok bool) {
	parts := strings.SplitN(s, ".", 3)
	if len(parts) != 3 || parts[2] == "" {
		return n, false
	}
	var err1, err2 error
	n.Generation, err1 = strconv.ParseUint(parts[0], 10, 64)
	n.Sequence, err2 = strconv.ParseUint(parts[1], 10, 64)
	n.Random = parts[2]
	return n, err1 == nil && err2 == nil
}
