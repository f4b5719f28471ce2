package contract

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The request of RFC 9421 appendix B.2, and the key and signature of B.2.5.
func TestVectorB25(t *testing.T) {
	secret, err := base64.StdEncoding.DecodeString("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")
	if err != nil {
		t.Fatal(err)
	}
	r := &http.Request{
		Method: "POST", Host: "example.com", URL: &url.URL{Path: "/foo", RawQuery: "param=Value&Pet=dog"},
		Header: http.Header{
			"Date":         {"Tue, 20 Apr 2021 02:07:55 GMT"},
			"Content-Type": {"application/json"},
		},
	}
	const params = `("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret"`
	in, err := parseInput(params)
	if err != nil {
		t.Fatal(err)
	}
	if in.keyID != "test-shared-secret" || in.created != 1618884473 {
		t.Errorf("parsed %+v", in)
	}
	base, err := signatureBase(r, in.components, params)
	if err != nil {
		t.Fatal(err)
	}
	wantBase := `"date": Tue, 20 Apr 2021 02:07:55 GMT
"@authority": example.com
"content-type": application/json
"@signature-params": ` + params
	if string(base) != wantBase {
		t.Errorf("signature base\n%s\nwant\n%s", base, wantBase)
	}
	signature, err := HMAC(secret).Sign(base)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := base64.StdEncoding.EncodeToString(signature), "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
}

// The sha-256 of RFC 9530's examples.
func TestDigestVector(t *testing.T) {
	if got, want := digest([]byte(`{"hello": "world"}`)), "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"; got != want {
		t.Errorf("digest %s, want %s", got, want)
	}
}

var (
	signedAt = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	secret   = HMAC([]byte("0123456789abcdef"))
	body     = []byte(`[{"id":"1"}]`)
)

func signed(t testing.TB) *http.Request {
	t.Helper()
	r, err := http.NewRequest("POST", "https://platform.example/v1/rows?x=%20y", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", BatchType)
	if err := Sign(r, body, "box-1", secret, signedAt, "bm9uY2U"); err != nil {
		t.Fatal(err)
	}
	return r
}

func lookup(keyID string) []Scheme {
	if keyID == "box-1" {
		return []Scheme{secret}
	}
	return nil
}

func TestSignedIsVerified(t *testing.T) {
	for _, late := range []time.Duration{0, Window, -Window} {
		r := signed(t)
		if box, err := Verify(r, signedAt.Add(late), lookup); err != nil || box != (Signed{"box-1", "bm9uY2U"}) {
			t.Errorf("at %v: %v, %v", late, box, err)
		}
		if !VerifyBody(r, body) {
			t.Error("the body is not accepted")
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	edit := func(header, old, with string) func(*http.Request) {
		return func(r *http.Request) {
			before := r.Header.Get(header)
			after := strings.Replace(before, old, with, 1)
			if before == after {
				t.Fatalf("%s has no %q: %s", header, old, before)
			}
			r.Header.Set(header, after)
		}
	}
	for name, c := range map[string]struct {
		tamper func(*http.Request)
		want   string
	}{
		"method":          {func(r *http.Request) { r.Method = "PUT" }, "does not match"},
		"path":            {func(r *http.Request) { r.URL.Path = "/v2/rows" }, "does not match"},
		"query":           {func(r *http.Request) { r.URL.RawQuery = "x=z" }, "does not match"},
		"digest":          {func(r *http.Request) { r.Header.Set("Content-Digest", digest([]byte("other"))) }, "does not match"},
		"media type":      {func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, "does not match"},
		"created":         {edit("Signature-Input", "created=", "created=1"), "does not match"},
		"nonce":           {edit("Signature-Input", "bm9", "bm8"), "does not match"},
		"other box":       {edit("Signature-Input", "box-1", "box-2"), "unknown"},
		"other algorithm": {edit("Signature-Input", "hmac-sha256", "ed25519"), "alg: must be hmac-sha256"},
		"covers less":     {edit("Signature-Input", `"@query" `, ""), "must cover @query"},
		"component twice": {edit("Signature-Input", `"@query"`, `"@path"`), "given once"},
		"component param": {edit("Signature-Input", `"@query"`, `"@query";req`), "without parameters"},
		"param twice":     {edit("Signature-Input", `;nonce=`, `;created=1;nonce=`), "given twice"},
		"no created":      {edit("Signature-Input", `;created=`, `;x=`), "must be given"},
		"not a time":      {edit("Signature-Input", `;created=`, `;created=x`), "seconds since 1970"},
		"absent header":   {func(r *http.Request) { r.Header.Del("Content-Digest") }, `has no "content-digest"`},
		"no signature":    {func(r *http.Request) { r.Header.Del("Signature") }, "must be given once"},
		"two signatures":  {func(r *http.Request) { r.Header.Add("Signature", "sig2=:AA==:") }, "must be given once"},
		"other label":     {edit("Signature", "sig1", "sig2"), "labels differ"},
		"not base64":      {edit("Signature", "=:", "=:!"), "base64"},
		"two in one":      {edit("Signature-Input", `nonce=`, `nonce="a", sig2=();created=1;n2=`), ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := signed(t)
			c.tamper(r)
			box, err := Verify(r, signedAt, lookup)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Verify = %v, %v, want an error with %q", box, err, c.want)
			}
		})
	}
}

func TestVerifyRefusesStale(t *testing.T) {
	for _, late := range []time.Duration{Window + time.Second, -Window - time.Second} {
		if _, err := Verify(signed(t), signedAt.Add(late), lookup); !errors.Is(err, ErrStale) {
			t.Errorf("at %v: %v", late, err)
		}
	}
	if VerifyBody(signed(t), append(body, ' ')) {
		t.Error("another body is accepted")
	}
}

// What nobody signed is never accepted, and nothing makes Verify panic.
func FuzzVerify(f *testing.F) {
	r := signed(f)
	f.Add(r.Header.Get("Signature-Input"), r.Header.Get("Signature"))
	f.Add(`sig1=("date" "@authority");created=1;keyid="box-1"`, "sig1=:AA==:")
	f.Add(`sig1=();created=1;keyid="`, "sig1=::")
	f.Add("sig1=(", "sig1=:")
	_, genuine, err := oneMember(r, headerInput)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, input, signature string) {
		r := signed(t)
		r.Header.Set("Signature-Input", input)
		r.Header.Set("Signature", signature)
		if _, err := Verify(r, signedAt, lookup); err != nil {
			return
		}
		if _, params, err := oneMember(r, headerInput); err != nil || params != genuine {
			t.Errorf("accepted %q, which nobody signed", input)
		}
	})
}

// A request that has gone over the wire is still the one that was signed.
func TestSurvivesTheWire(t *testing.T) {
	var wire bytes.Buffer
	if err := signed(t).Write(&wire); err != nil {
		t.Fatal(err)
	}
	r, err := readRequest(&wire)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(r, signedAt, lookup); err != nil || !VerifyBody(r, got) {
		t.Errorf("not accepted: %v", err)
	}
}
