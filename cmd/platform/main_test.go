package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/sync/province/conformance"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/province/receiver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const secret = "0123456789abcdef"

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestHelp(t *testing.T) {
	var out bytes.Buffer
	if code := run(t.Context(), []string{"--help"}, io.Discard, &out); code != exitOK {
		t.Errorf("code %d", code)
	}
	for _, want := range []string{"接收网关报送的统计", "Takes the figures", " -store rows.db -keys keys.txt\n", "-tls-cert"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

func TestStartedWrongly(t *testing.T) {
	keys := write(t, "keys.txt", "box-1 "+secret+"\n")
	store := filepath.Join(t.TempDir(), "platform.bolt")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	good := []string{"-listen", "127.0.0.1:0", "-store", store, "-keys", keys}
	withKeys := func(content string) []string {
		return append(good, "-keys", write(t, "bad.txt", content))
	}
	for name, c := range map[string]struct {
		args []string
		want []string
	}{
		"no such flag":    {[]string{"-x"}, []string{"参数错误", "wrong flags"}},
		"an argument":     {append(good, "x"), []string{"参数错误", "wrong flags: x"}},
		"no store":        {[]string{"-keys", keys}, []string{"缺少参数 -store", "the flag -store is missing"}},
		"no keys":         {[]string{"-store", store}, []string{"缺少参数 -keys", "the flag -keys is missing"}},
		"keys not there":  {append(good, "-keys", "nowhere"), []string{"无法读取密钥文件", "nowhere"}},
		"keys empty":      {withKeys("# nobody\n\n"), []string{"没有网关", "has no box"}},
		"key without ID":  {withKeys("\n" + secret + "\n"), []string{"第 2 行", "line 2"}},
		"bad ID":          {withKeys("Box " + secret), []string{"网关编号", "ID is 1 to 64"}},
		"short secret":    {withKeys("box-1 x"), []string{"至少应有 16 个字符", "at least 16 characters"}},
		"same ID twice":   {withKeys("b " + secret + "\nb " + secret), []string{"出现两次", "given twice"}},
		"half of TLS":     {append(good, "-tls-cert", keys), []string{"必须同时给出", "given together"}},
		"no certificate":  {append(good, "-tls-cert", keys, "-tls-key", keys), []string{"无法载入证书", "cannot load"}},
		"store is a dir":  {append(good, "-store", t.TempDir()), []string{"无法打开数据库", "cannot open the store"}},
		"address in use":  {append(good, "-listen", taken.Addr().String()), []string{"无法监听", "cannot listen"}},
		"address is none": {append(good, "-listen", "nonsense"), []string{"无法监听", "cannot listen"}},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), c.args, &stdout, &stderr); code != exitUsage {
				t.Errorf("exit code %d, want %d", code, exitUsage)
			}
			for _, want := range c.want {
				if !strings.Contains(stderr.String(), want) {
					t.Errorf("says\n%swithout %q", &stderr, want)
				}
			}
			if strings.Contains(stderr.String(), secret) {
				t.Errorf("says the secret: %s", &stderr)
			}
		})
	}
}

// started runs the program and returns its URL, once it listens, and a
// function that stops it.
func started(t *testing.T, args ...string) (url string, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	code := make(chan int)
	go func() {
		c := run(ctx, args, writer, t.Output())
		writer.Close()
		code <- c
	}()
	var said [4096]byte
	n, err := reader.Read(said[:])
	if err != nil {
		t.Fatalf("did not start, code %d", <-code)
	}
	go func() { _, _ = io.Copy(io.Discard, reader) }()
	url = regexp.MustCompile(`https?://[0-9.:]+`).FindString(string(said[:n]))
	return url, func() {
		t.Helper()
		cancel()
		if c := <-code; c != exitOK {
			t.Errorf("exit code %d", c)
		}
	}
}

func post(t *testing.T, client *http.Client, url string) {
	t.Helper()
	e, err := contract.NewEvent("box-1", contract.Row{
		Facility: "f-1", Indicator: "parcel.deposits", Period: "2026-01-23", Numerator: 5, Generation: 1, N: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal([]contract.Event{e})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest("POST", url+receiver.Path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contract.BatchType)
	if err := contract.Sign(req, body, "box-1", contract.HMAC([]byte(secret)), time.Now(), "x"); err != nil {
		t.Fatal(err)
	}
	if status, answer := do(t, client, req); status != 200 || !strings.Contains(answer, `"accepted"`) {
		t.Errorf("status %d: %s", status, answer)
	}
}

func do(t *testing.T, client *http.Client, req *http.Request) (int, string) {
	t.Helper()
	response, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	req, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	status, body := do(t, client, req)
	if status != 200 {
		t.Errorf("%s: status %d", url, status)
	}
	return body
}

// What it has taken is there after a restart.
func TestServes(t *testing.T) {
	args := []string{
		"-listen", "127.0.0.1:0", "-store", filepath.Join(t.TempDir(), "platform.bolt"),
		"-keys", write(t, "keys.txt", "# ours\nbox-1 "+secret+"\r\n"),
	}
	client := &http.Client{Transport: &http.Transport{}}
	url, stop := started(t, args...)
	post(t, client, url)
	if got := get(t, client, url+"/healthz"); got != "ok\n" {
		t.Errorf("healthz: %q", got)
	}
	if got := get(t, client, url+"/metrics"); !strings.Contains(got, `linli_receiver_rows_total{status="accepted"} 1`) {
		t.Errorf("metrics: %s", got)
	}
	client.CloseIdleConnections()
	stop()
	url, stop = started(t, args...)
	if got := get(t, client, url+"/v1/totals?period=2026-01"); !strings.Contains(got, `"numerator":5`) {
		t.Errorf("totals: %s", got)
	}
	client.CloseIdleConnections()
	stop()
}

// It is what the contract asks for, point by point.
func TestKeepsTheContract(t *testing.T) {
	url, stop := started(t, "-listen", "127.0.0.1:0", "-store", filepath.Join(t.TempDir(), "platform.bolt"), "-keys", write(t, "keys.txt", "box-1 "+secret))
	client, points := &http.Client{Transport: &http.Transport{}}, 0
	for c := range conformance.Run(t.Context(), client, url+receiver.Path, "box-1", contract.HMAC([]byte(secret)), time.Now) {
		if points++; c.Err != nil {
			t.Errorf("%s: %v", c.Name, c.Err)
		}
	}
	if points < 17 {
		t.Errorf("%d points only", points)
	}
	client.CloseIdleConnections()
	stop()
}

func TestServesTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	url, stop := started(t, "-listen", "127.0.0.1:0", "-store", filepath.Join(t.TempDir(), "platform.bolt"),
		"-keys", write(t, "keys.txt", "box-1 "+secret), "-tls-cert", cert, "-tls-key", key)
	if !strings.HasPrefix(url, "https://") {
		t.Errorf("announces %s", url)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	post(t, client, url)
	client.CloseIdleConnections()
	stop()
}

// certificate makes one for 127.0.0.1 and says where it is.
func certificate(t *testing.T) (certFile, keyFile string, pool *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	asPEM := func(kind string, b []byte) string {
		return write(t, fmt.Sprintf("%x.pem", b[:4]), string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b})))
	}
	return asPEM("CERTIFICATE", der), asPEM("PRIVATE KEY", keyDER), pool
}

// A box may be known by a secret or by a one-time code, not by both.
func TestCodesInTheKeysFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("box-1 0123456789abcdef\nbox-2 enrol J4K7-Q2MX\n")
	keys, codes, err := readKeys(file)
	if err != nil || len(keys) != 1 || codes["box-2"] != "J4K7-Q2MX" {
		t.Errorf("%v %v, %v", keys, codes, err)
	}
	for text, want := range map[string]string{
		"box-1 0123456789abcdef\nbox-1 enrol X\n": "twice", "box-1 enroll X\n": "one-time code", "Box enrol X\n": "one-time code",
	} {
		write(text)
		if _, _, err := readKeys(file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
