package contract

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/emmansun/gmsm/sm3"
)

// Headers of the schemes that sign the canonical string
//
//	METHOD\npath?query\nappid\ntimestamp_ms\nnonce\nhex(sm3(body))
const (
	headerAppID     = "Linli-Appid"
	headerTimestamp = "Linli-Timestamp"
	headerNonce     = "Linli-Nonce"
	headerAlgorithm = "Linli-Algorithm"
	headerSM3       = "Linli-Digest"
	headerCanonical = "Linli-Signature"
)

func canonicalString(r *http.Request, appID, timestamp, nonce, digest string) []byte {
	target := r.URL.EscapedPath()
	if target == "" {
		target = "/"
	}
	if r.URL.RawQuery != "" {
		target += "?" + r.URL.RawQuery
	}
	return []byte(r.Method + "\n" + target + "\n" + appID + "\n" + timestamp + "\n" + nonce + "\n" + digest)
}

func digestSM3(body []byte) string {
	sum := sm3.Sum(body)
	return hex.EncodeToString(sum[:])
}

func signCanonical(r *http.Request, body []byte, appID string, scheme Scheme, created time.Time, nonce string) error {
	timestamp := strconv.FormatInt(created.UnixMilli(), 10)
	digest := digestSM3(body)
	signature, err := scheme.Sign(canonicalString(r, appID, timestamp, nonce, digest))
	if err != nil {
		return fmt.Errorf("sign: %w", err)
	}
	for name, value := range map[string]string{
		headerAppID: appID, headerTimestamp: timestamp, headerNonce: nonce, headerAlgorithm: scheme.Name,
		headerSM3: digest, headerCanonical: scheme.encode(signature),
	} {
		r.Header.Set(name, value)
	}
	return nil
}

func verifyCanonical(r *http.Request, now time.Time, lookup func(string) []Scheme) (Signed, error) {
	var signed Signed
	values := map[string]string{}
	for _, name := range []string{headerAppID, headerTimestamp, headerNonce, headerAlgorithm, headerSM3, headerCanonical} {
		all := r.Header.Values(name)
		if len(all) != 1 || all[0] == "" {
			return signed, fmt.Errorf("%s: must be given once (got %d)", name, len(all))
		}
		values[name] = all[0]
	}
	signed.KeyID, signed.Nonce = values[headerAppID], values[headerNonce]
	ms, err := strconv.ParseInt(values[headerTimestamp], 10, 64)
	if err != nil || ms < 0 {
		return signed, fmt.Errorf("%s: must be milliseconds since 1970", headerTimestamp)
	}
	schemes := lookup(signed.KeyID)
	if len(schemes) == 0 {
		return signed, ErrUnknownKey
	}
	base := canonicalString(r, signed.KeyID, values[headerTimestamp], signed.Nonce, values[headerSM3])
	good := slices.ContainsFunc(schemes, func(s Scheme) bool {
		signature, err := s.decode(values[headerCanonical])
		return s.canonical() && s.Name == values[headerAlgorithm] && err == nil && s.Verify(base, signature)
	})
	if !good {
		return signed, errors.New("signature: does not match")
	}
	if d := now.Sub(time.UnixMilli(ms)); d > Window || d < -Window {
		return signed, ErrStale
	}
	return signed, nil
}
