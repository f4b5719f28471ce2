package contract

import (
	"bytes"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emmansun/gmsm/sm2"
	"github.com/emmansun/gmsm/sm3"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func unbase64(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// RFC 9421 appendix B.2.6, and the key test-key-ed25519 of B.1.4.
func TestVectorB26(t *testing.T) {
	r := &http.Request{
		Method: "POST", Host: "example.com", URL: &url.URL{Path: "/foo", RawQuery: "param=Value&Pet=dog"},
		Header: http.Header{"Date": {"Tue, 20 Apr 2021 02:07:55 GMT"}, "Content-Type": {"application/json"}, "Content-Length": {"18"}},
	}
	const params = `("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`
	in, err := parseInput(params)
	if err != nil {
		t.Fatal(err)
	}
	base, err := signatureBase(r, in.components, params)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(unbase64(t, "MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF"))
	if err != nil {
		t.Fatal(err)
	}
	scheme := Ed25519(private.(ed25519.PrivateKey))
	signature, err := scheme.Sign(base)
	if err != nil {
		t.Fatal(err)
	}
	want := "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
	if got := base64.StdEncoding.EncodeToString(signature); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	if !scheme.Verify(base, unbase64(t, want)) || scheme.Verify(append(base, ' '), unbase64(t, want)) {
		t.Error("the vector's signature is not what is verified")
	}
}

// GB/T 32905-2016 appendix A: SM3 of "abc", and of 64 bytes.
func TestVectorsSM3(t *testing.T) {
	for text, want := range map[string]string{
		"abc":                      "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0",
		strings.Repeat("abcd", 16): "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732",
	} {
		if got := digestSM3([]byte(text)); got != want {
			t.Errorf("sm3(%s) = %s, want %s", text, got, want)
		}
	}
}

// The keys and the signature of GB/T 32918.5-2017 appendix A.
const (
	sm2Private = "3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8"
	sm2Public  = "0409F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020CCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13"
	sm2Message = "message digest"
	sm2R       = "F5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3"
	sm2S       = "B1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA"
)

func TestVectorSM2(t *testing.T) {
	private, err := sm2.NewPrivateKey(unhex(t, sm2Private))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.ToUpper(hex.EncodeToString(SM2PublicKey(private))); got != sm2Public {
		t.Errorf("public key %s", got)
	}
	raw, err := SM2Public(unhex(t, sm2Public), Form{Raw: true})
	if err != nil {
		t.Fatal(err)
	}
	signature := unhex(t, sm2R+sm2S)
	if !raw.Verify([]byte(sm2Message), signature) {
		t.Error("the vector's signature is refused")
	}
	der, err := SM2Public(unhex(t, sm2Public), Form{})
	if err != nil {
		t.Fatal(err)
	}
	inDER, err := toDER(signature)
	if err != nil || !der.Verify([]byte(sm2Message), inDER) {
		t.Errorf("the vector's signature in DER is refused: %v", err)
	}
	other, err := SM2Public(unhex(t, sm2Public), Form{UserID: "somebody@else", Raw: true})
	if err != nil || other.Verify([]byte(sm2Message), signature) || raw.Verify([]byte("another"), signature) {
		t.Errorf("accepted for another user or message, %v", err)
	}
}

// schemes are one of each kind, in each form.
func schemes(t testing.TB) map[string]Scheme {
	t.Helper()
	all := map[string]Scheme{
		"hmac-sha256": secret, "ed25519": Ed25519(ed25519.NewKeyFromSeed(make([]byte, 32))),
		"hmac-sm3": HMACSM3([]byte("0123456789abcdef"), Form{}), "hmac-sm3 hex": HMACSM3([]byte("0123456789abcdef"), Form{Hex: true}),
	}
	for name, form := range map[string]Form{"sm2": {}, "sm2 raw": {Raw: true}, "sm2 hex": {Hex: true}, "sm2 raw hex": {Raw: true, Hex: true, UserID: "box@linli"}} {
		s, err := SM2(unhex(t, sm2Private), form)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = s
	}
	return all
}

func TestEachSchemeGoesOverTheWire(t *testing.T) {
	for name, scheme := range schemes(t) {
		t.Run(name, func(t *testing.T) {
			of := func(string) []Scheme { return []Scheme{secret, scheme} }
			sign := func() *http.Request {
				r, err := http.NewRequest("POST", "https://platform.example/v1/rows?x=%20y", bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				r.Header.Set("Content-Type", BatchType)
				if err := Sign(r, body, "box-1", scheme, signedAt, "n-1"); err != nil {
					t.Fatal(err)
				}
				return r
			}
			if got, err := Verify(sign(), signedAt, of); err != nil || got != (Signed{"box-1", "n-1"}) || !VerifyBody(sign(), body) {
				t.Errorf("%+v, %v", got, err)
			}
			if VerifyBody(sign(), []byte("other")) {
				t.Error("another body is accepted")
			}
			for what, tamper := range map[string]func(*http.Request){
				"method": func(r *http.Request) { r.Method = "PUT" },
				"query":  func(r *http.Request) { r.URL.RawQuery = "x=z" },
				"digest": func(r *http.Request) {
					r.Header.Set(headerDigest, digest(nil))
					r.Header.Set(headerSM3, digestSM3(nil))
				},
				"nonce": func(r *http.Request) {
					r.Header.Set(headerNonce, "n-2")
					r.Header.Set(headerInput, strings.Replace(r.Header.Get(headerInput), "n-1", "n-2", 1))
				},
			} {
				r := sign()
				tamper(r)
				if _, err := Verify(r, signedAt, of); err == nil || !strings.Contains(err.Error(), "does not match") {
					t.Errorf("%s changed: %v", what, err)
				}
			}
			if _, err := Verify(sign(), signedAt.Add(Window+1e9), of); err != ErrStale {
				t.Errorf("too late: %v", err)
			}
			if _, err := Verify(sign(), signedAt, func(string) []Scheme { return nil }); err != ErrUnknownKey {
				t.Errorf("unknown: %v", err)
			}
		})
	}
}

func openssl(t *testing.T, stdin []byte, args ...string) string {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Stdin = bytes.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func write(t *testing.T, dir, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// openssl, which shares no code with this package, accepts what it signs.
func TestOpenSSLAgrees(t *testing.T) {
	dir := t.TempDir()
	base := []byte("POST\n/v1/rows\nbox-1\n1795392000000\nn-1\n" + digestSM3(body))
	message := write(t, dir, "message", base)
	if got := openssl(t, body, "dgst", "-sm3", "-r"); !strings.HasPrefix(got, digestSM3(body)) {
		t.Errorf("sm3: openssl says %s", got)
	}
	mac := hmac.New(sm3.New, []byte("0123456789abcdef"))
	mac.Write(base)
	if got := openssl(t, base, "dgst", "-sm3", "-hmac", "0123456789abcdef", "-r"); !strings.HasPrefix(got, hex.EncodeToString(mac.Sum(nil))) {
		t.Errorf("hmac-sm3: openssl says %s", got)
	}
	key := unhex(t, sm2Public)
	// SubjectPublicKeyInfo of id-ecPublicKey on sm2p256v1.
	spki := append(unhex(t, "3059301306072a8648ce3d020106082a811ccf5501822d034200"), key...)
	public := write(t, dir, "sm2.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
	scheme, err := SM2(unhex(t, sm2Private), Form{})
	if err != nil {
		t.Fatal(err)
	}
	der, err := scheme.Sign(base)
	if err != nil {
		t.Fatal(err)
	}
	out := openssl(t, nil, "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", message, "-sigfile", write(t, dir, "sm2.sig", der), "-digest", "sm3", "-pkeyopt", "distid:"+DefaultUserID)
	if !strings.Contains(out, "Successfully") {
		t.Errorf("sm2: %s", out)
	}
	private := ed25519.NewKeyFromSeed(make([]byte, 32))
	spki, err = x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	signature, err := Ed25519(private).Sign(base)
	if err != nil {
		t.Fatal(err)
	}
	public = write(t, dir, "ed.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
	out = openssl(t, nil, "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin", "-in", message, "-sigfile", write(t, dir, "ed.sig", signature))
	if !strings.Contains(out, "Successfully") {
		t.Errorf("ed25519: %s", out)
	}
}

func FuzzVerifyCanonical(f *testing.F) {
	s := HMACSM3([]byte("0123456789abcdef"), Form{})
	r, err := http.NewRequest("POST", "https://platform.example/v1/rows", nil)
	if err != nil {
		f.Fatal(err)
	}
	if err := Sign(r, body, "box-1", s, signedAt, "n"); err != nil {
		f.Fatal(err)
	}
	genuine := r.Header.Clone()
	f.Add(genuine.Get(headerTimestamp), genuine.Get(headerCanonical), genuine.Get(headerNonce))
	f.Add("x", "=", "")
	f.Fuzz(func(t *testing.T, timestamp, signature, nonce string) {
		r := &http.Request{Method: "POST", URL: &url.URL{Path: "/v1/rows"}, Header: genuine.Clone()}
		r.Header.Set(headerTimestamp, timestamp)
		r.Header.Set(headerCanonical, signature)
		r.Header.Set(headerNonce, nonce)
		_, err := Verify(r, signedAt, func(string) []Scheme { return []Scheme{s} })
		if err == nil && (timestamp != genuine.Get(headerTimestamp) || nonce != genuine.Get(headerNonce)) {
			t.Errorf("accepted %q %q, which nobody signed", timestamp, nonce)
		}
	})
}
