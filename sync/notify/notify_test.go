package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func page() alert.Page {
	return alert.Page{
		Key: "41b0c2", Incident: "9f2c", Kind: alert.SOS, Priority: alert.High, Building: "3栋", Room: "502",
		DeviceKind: "wearable", Raised: time.Date(2026, 11, 3, 1, 31, 7, 0, time.UTC), Synced: true,
		Waiting: 61, Presses: 2, Round: 1, Step: 2, Attempt: 3, Link: "http://box/i/9f2c",
	}
}

func newWebhook(t *testing.T, timeout time.Duration) *webhook {
	t.Helper()
	w := &webhook{web: newWeb(timeout)}
	t.Cleanup(w.web.close)
	return w
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestWebhookPostsThePage(t *testing.T) {
	type received struct {
		method, contentType, key, agent string
		body                            []byte
	}
	got := make(chan received, 1)
	address := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- received{r.Method, r.Header.Get("Content-Type"), r.Header.Get("Idempotency-Key"), r.UserAgent(), body}
	})
	if r := newWebhook(t, 0).Send(t.Context(), address, page()); r.Class != alert.Accepted {
		t.Fatalf("%+v", r)
	}
	r := <-got
	if r.method != "POST" || r.contentType != "application/json; charset=utf-8" || r.key != "41b0c2" || r.agent != "linli-gateway" {
		t.Errorf("%+v", r)
	}
	const want = `{
  "version": 1,
  "key": "41b0c2",
  "incident": "9f2c",
  "kind": "sos",
  "priority": "high",
  "building": "3栋",
  "room": "502",
  "device_kind": "wearable",
  "raised": "2026-11-03T01:31:07Z",
  "clock_synchronised": true,
  "waiting_seconds": 61,
  "presses": 2,
  "round": 1,
  "step": 2,
  "attempt": 3,
  "from_memory": false,
  "test": false,
  "link": "http://box/i/9f2c",
  "title": {
    "zh-CN": "【紧急求助】3栋 502",
    "en": "[SOS] 3栋 502"
  },
  "text": {
    "zh-CN": "【紧急求助】3栋 502\n有人按下求助按钮，请立即前往，并确认“我来处理”。\n已等待 1 分钟，尚无人响应。\n共按下 2 次。\n确认：http://box/i/9f2c",
    "en": "[SOS] 3栋 502\nSomebody pressed for help. Go there now, and say \"I have it\".\nWaiting for 1 min, nobody has answered yet.\nPressed 2 times.\nAcknowledge: http://box/i/9f2c"
  }
}`
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, r.body, "", "  "); err != nil {
		t.Fatal(err)
	}
	if pretty.String() != want {
		t.Errorf("posted\n%s\nwant\n%s", pretty.String(), want)
	}
}

func TestAnswers(t *testing.T) {
	const date = "Tue, 03 Nov 2026 01:31:07 GMT"
	for _, c := range []struct {
		code   int
		header map[string]string
		want   alert.Result
	}{
		{200, nil, alert.Result{Class: alert.Accepted, Detail: "HTTP 200"}},
		{204, nil, alert.Result{Class: alert.Accepted, Detail: "HTTP 204"}},
		{302, map[string]string{"Location": "/elsewhere"}, alert.Result{Class: alert.Permanent, Detail: "HTTP 302: redirections are not followed, give the final address"}},
		{400, nil, alert.Result{Class: alert.Permanent, Detail: "HTTP 400"}},
		{401, nil, alert.Result{Class: alert.Permanent, Detail: "HTTP 401"}},
		{404, nil, alert.Result{Class: alert.Permanent, Detail: "HTTP 404"}},
		{408, nil, alert.Result{Class: alert.Temporary, Detail: "HTTP 408"}},
		{425, nil, alert.Result{Class: alert.Temporary, Detail: "HTTP 425"}},
		{429, nil, alert.Result{Class: alert.Temporary, Detail: "HTTP 429", RetryAfter: tooMany}},
		{429, map[string]string{"Retry-After": "17"}, alert.Result{Class: alert.Temporary, Detail: "HTTP 429", RetryAfter: 17 * time.Second}},
		{503, map[string]string{"Retry-After": "Tue, 03 Nov 2026 01:31:37 GMT", "Date": date}, alert.Result{Class: alert.Temporary, Detail: "HTTP 503", RetryAfter: 30 * time.Second}},
		{503, map[string]string{"Retry-After": "Tue, 03 Nov 2026 01:30:00 GMT", "Date": date}, alert.Result{Class: alert.Temporary, Detail: "HTTP 503"}},
		{503, map[string]string{"Retry-After": "-5"}, alert.Result{Class: alert.Temporary, Detail: "HTTP 503"}},
		{503, map[string]string{"Retry-After": "soon"}, alert.Result{Class: alert.Temporary, Detail: "HTTP 503"}},
		{500, map[string]string{"Retry-After": "17"}, alert.Result{Class: alert.Temporary, Detail: "HTTP 500"}},
		{502, nil, alert.Result{Class: alert.Temporary, Detail: "HTTP 502"}},
	} {
		followed := false
		address := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				followed = true
			}
			for name, value := range c.header {
				w.Header().Set(name, value)
			}
			w.WriteHeader(c.code)
		})
		if got := newWebhook(t, 0).Send(t.Context(), address+"/hook", page()); got != c.want {
			t.Errorf("%d %v: %+v, want %+v", c.code, c.header, got, c.want)
		}
		if followed {
			t.Errorf("%d: was followed", c.code)
		}
	}
}

func TestNoConnectionIsTemporary(t *testing.T) {
	refused := "http://127.0.0.1:1/secret" // nobody listens there
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secure.StartTLS()
	defer secure.Close()
	for _, c := range []struct{ address, detail string }{
		{refused, "dial: connect: connection refused"},
		{"http://secret.invalid/secret", "name not resolved"},
		{secure.URL + "/secret", "certificate not accepted"},
	} {
		got := newWebhook(t, 0).Send(t.Context(), c.address, page())
		if got != (alert.Result{Class: alert.Temporary, Detail: c.detail}) {
			t.Errorf("%s: %+v", c.address, got)
		}
	}
}

func TestSilenceAfterTheRequestIsUnknown(t *testing.T) {
	hang := make(chan struct{})
	var asked atomic.Int64
	silent := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1); <-hang })
	defer close(hang)
	cut := serve(t, func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) })
	got := sendInTime(func() bool { return asked.Load() > 0 }, func() alert.Result { return newWebhook(t, 50*time.Millisecond).Send(t.Context(), silent, page()) })
	if got != (alert.Result{Class: alert.Unknown, Detail: "no answer: timeout"}) {
		t.Errorf("silent: %+v", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan alert.Result)
	go func() { done <- newWebhook(t, 0).Send(ctx, silent, page()) }()
	stop()
	if got := <-done; got.Class == alert.Accepted || got.Class == alert.Permanent {
		t.Errorf("stopped: %+v", got)
	}
	if got := newWebhook(t, 0).Send(t.Context(), cut, page()); got.Class != alert.Unknown {
		t.Errorf("cut: %+v", got)
	}
}

// sendInTime sends again where a slow machine has used up the time before the
// request was out.
func sendInTime(out func() bool, send func() alert.Result) (r alert.Result) {
	for r = send(); r.Class == alert.Temporary && !out(); r = send() {
	}
	return r
}

// A receiver that never stops talking costs neither memory nor time.
func TestEndlessAnswer(t *testing.T) {
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		line := []byte(strings.Repeat("x", 1<<10))
		for r.Context().Err() == nil {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
	})
	if got := newWebhook(t, 0).Send(t.Context(), address, page()); got.Class != alert.Accepted {
		t.Errorf("%+v", got)
	}
	boastful := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for i := range 100 {
			w.Header().Set("X-"+strconv.Itoa(i), strings.Repeat("x", 1<<10))
		}
	})
	if got := newWebhook(t, 0).Send(t.Context(), boastful, page()); got.Class != alert.Unknown {
		t.Errorf("100 KiB of header: %+v", got)
	}
}

func TestProxyOfTheEnvironmentIsNotUsed(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	if proxy := newWebhook(t, 0).web.client.Transport.(*http.Transport).Proxy; proxy != nil {
		t.Error("a proxy may be used")
	}
}

func TestCheckWebhook(t *testing.T) {
	for address, want := range map[string]string{
		"http://10.0.0.7:8080/hook?token=x": "",
		"https://example.com/hook":          "",
		"":                                  `the URL must begin with http:// or https:// (got "")`,
		"ftp://example.com":                 `the URL must begin with http:// or https:// (got "ftp")`,
		"13800000000":                       `the URL must begin with http:// or https:// (got "")`,
		"https://":                          "the URL has no host",
		"http://%zz":                        "not a URL",
	} {
		err := checkWebhook(address)
		if got := errorText(err); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
		if err != nil {
			if r := newWebhook(t, 0).Send(t.Context(), address, page()); r != (alert.Result{Class: alert.Permanent, Detail: want}) {
				t.Errorf("%q: %+v", address, r)
			}
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestLogSaysNeitherWhoNorWhere(t *testing.T) {
	var out bytes.Buffer
	l := line{slog.New(slog.NewTextHandler(&out, nil))}
	if r := l.Send(t.Context(), "", page()); r.Class != alert.Accepted {
		t.Fatalf("%+v", r)
	}
	line := out.String()
	if strings.Count(line, "\n") != 1 || !strings.Contains(line, `msg="call for help" incident=9f2c kind=sos step=2`) {
		t.Errorf("%s", line)
	}
	if strings.Contains(line, "502") || strings.Contains(line, "3栋") {
		t.Errorf("the place is in %s", line)
	}
}

// Each channel has a name that people read, and says what its address is.
func TestEachChannelHasAName(t *testing.T) {
	for kind := range traits {
		if texts.Part(texts.Chinese, kind) == kind || Addressing(kind).ZH == "" {
			t.Errorf("%s has no name", kind)
		}
	}
}
