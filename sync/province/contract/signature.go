package contract

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Header names.
const (
	headerDigest    = "Content-Digest"
	headerInput     = "Signature-Input"
	headerSignature = "Signature"
)

// Window is how far a signature's creation may lie from the receiver's time.
const Window = 300 * time.Second

// covered are the components that a signature must cover. The authority is
// not among them: a TLS terminator in front of the platform may rewrite it.
var covered = []string{"@method", "@path", "@query", "content-digest", "content-type"}

// Signed is what a good signature tells.
type Signed struct {
	// KeyID is the box in whose name the request was signed.
	KeyID string
	Nonce string
}

// Sign adds to the request the digest of its body and a signature in the name
// of keyID, which holds printable ASCII without quotes and backslashes.
func Sign(r *http.Request, body []byte, keyID string, scheme Scheme, created time.Time, nonce string) error {
	if scheme.canonical() {
		return signCanonical(r, body, keyID, scheme, created, nonce)
	}
	r.Header.Set(headerDigest, digest(body))
	var params strings.Builder
	params.WriteByte('(')
	for i, name := range covered {
		if i > 0 {
			params.WriteByte(' ')
		}
		params.WriteString(strconv.Quote(name))
	}
	fmt.Fprintf(&params, `);created=%d;keyid="%s";alg="%s";nonce="%s"`, created.Unix(), keyID, scheme.Name, nonce)
	base, err := signatureBase(r, covered, params.String())
	if err != nil {
		return err
	}
	signature, err := scheme.Sign(base)
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	r.Header.Set(headerInput, "sig1="+params.String())
	r.Header.Set(headerSignature, "sig1=:"+base64.StdEncoding.EncodeToString(signature)+":")
	return nil
}

// Errors of Verify, besides those of a malformed signature.
var (
	ErrUnknownKey = errors.New("keyid: unknown")
	ErrStale      = errors.New("created: too far from the server's time")
)

// Verify checks the signature of a request, of which it needs the headers
// only. The body must then be checked by VerifyBody. A box may have several
// keys, while one takes the place of another; lookup returns none for a box
// that is not known.
func Verify(r *http.Request, now time.Time, lookup func(keyID string) []Scheme) (Signed, error) {
	if r.Header.Get(headerCanonical) != "" {
		return verifyCanonical(r, now, lookup)
	}
	var signed Signed
	label, params, err := oneMember(r, headerInput)
	if err != nil {
		return signed, err
	}
	signedLabel, encoded, err := oneMember(r, headerSignature)
	if err != nil {
		return signed, err
	}
	if label != signedLabel {
		return signed, fmt.Errorf("signature: labels differ (%.40q, %.40q)", label, signedLabel)
	}
	input, err := parseInput(params)
	if err != nil {
		return signed, fmt.Errorf("signature-input: %w", err)
	}
	for _, name := range covered {
		if !slices.Contains(input.components, name) {
			return signed, fmt.Errorf("signature-input: must cover %s", name)
		}
	}
	signed.KeyID, signed.Nonce = input.keyID, input.nonce
	schemes := lookup(input.keyID)
	if len(schemes) == 0 {
		return signed, ErrUnknownKey
	}
	if input.alg != "" && !slices.ContainsFunc(schemes, func(s Scheme) bool { return s.Name == input.alg }) {
		return signed, fmt.Errorf("alg: must be %s (got %.40q)", schemes[0].Name, input.alg)
	}
	signature, err := byteSequence(encoded)
	if err != nil {
		return signed, fmt.Errorf("signature: %w", err)
	}
	base, err := signatureBase(r, input.components, params)
	if err != nil {
		return signed, err
	}
	if !slices.ContainsFunc(schemes, func(s Scheme) bool { return !s.canonical() && s.Verify(base, signature) }) {
		return signed, errors.New("signature: does not match")
	}
	if d := now.Sub(time.Unix(input.created, 0)); d > Window || d < -Window {
		return signed, ErrStale
	}
	return signed, nil
}

// VerifyBody says whether the body is the one whose digest was signed.
func VerifyBody(r *http.Request, body []byte) bool {
	if r.Header.Get(headerCanonical) != "" {
		return r.Header.Get(headerSM3) == digestSM3(body)
	}
	return r.Header.Get(headerDigest) == digest(body)
}

func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// oneMember splits a dictionary header of a single member.
func oneMember(r *http.Request, header string) (label, value string, err error) {
	name := strings.ToLower(header)
	values := r.Header.Values(header)
	if len(values) != 1 {
		return "", "", fmt.Errorf("%s: must be given once (got %d)", name, len(values))
	}
	label, value, found := strings.Cut(strings.TrimSpace(values[0]), "=")
	if !found || !isKey(label) {
		return "", "", fmt.Errorf("%s: no label", name)
	}
	return label, value, nil
}

// signatureBase is what is signed, by RFC 9421 section 2.5.
func signatureBase(r *http.Request, components []string, params string) ([]byte, error) {
	var base []byte
	for _, name := range components {
		value, err := component(r, name)
		if err != nil {
			return nil, err
		}
		base = fmt.Appendf(base, "\"%s\": %s\n", name, value)
	}
	return fmt.Appendf(base, "\"@signature-params\": %s", params), nil
}

func component(r *http.Request, name string) (string, error) {
	switch name {
	case "@method":
		return r.Method, nil
	case "@path":
		if path := r.URL.EscapedPath(); path != "" {
			return path, nil
		}
		return "/", nil
	case "@query":
		return "?" + r.URL.RawQuery, nil
	case "@authority":
		host := r.Host
		if host == "" {
			host = r.URL.Host
		}
		return strings.ToLower(host), nil
	}
	values := r.Header.Values(name)
	if strings.HasPrefix(name, "@") || len(values) == 0 {
		return "", fmt.Errorf("signature-input: the request has no %.80q", name)
	}
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.TrimSpace(v)
	}
	return strings.Join(trimmed, ", "), nil
}
