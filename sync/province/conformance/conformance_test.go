package conformance

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/province/receiver"
)

func serve(t *testing.T, scheme contract.Scheme, around func(http.Handler) http.Handler) string {
	t.Helper()
	r, err := receiver.Open(filepath.Join(t.TempDir(), "rows.bolt"), receiver.Options{
		Keys:   map[string]contract.Scheme{"box-1": scheme},
		Clock:  func() devices.Stamp { return devices.Stamp{Wall: time.Now().Add(7 * time.Hour)} }, // unlike the kit's
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(around(r))
	t.Cleanup(func() {
		s.Close()
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.URL + receiver.Path
}

func results(t *testing.T, url string, scheme contract.Scheme) (failed []string) {
	t.Helper()
	for c := range Run(t.Context(), http.DefaultClient, url, "box-1", scheme, time.Now) {
		if c.Err != nil {
			failed = append(failed, c.Name+": "+c.Err.Error())
		}
	}
	return failed
}

// The project's own receiver keeps every point, and again with the rows of the
// run before in its store.
func TestOwnReceiver(t *testing.T) {
	secret := []byte("0123456789abcdef")
	for _, scheme := range []contract.Scheme{contract.HMAC(secret), contract.HMACSM3(secret, contract.Form{})} {
		url := serve(t, scheme, func(h http.Handler) http.Handler { return h })
		if failed := results(t, url, scheme); len(failed) > 0 {
			t.Errorf("%s: %s", scheme.Name, strings.Join(failed, "\n"))
		}
	}
}

// A receiver that takes everything, whoever says it, fails nearly everywhere.
func TestCarelessReceiver(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	defer s.Close()
	if failed := results(t, s.URL+"/v1/rows", contract.HMAC([]byte("0123456789abcdef"))); len(failed) < 16 {
		t.Errorf("%d points failed only: %s", len(failed), strings.Join(failed, "\n"))
	}
}

// Each flaw is found as that one, and no other.
func TestOneFlaw(t *testing.T) {
	scheme := contract.HMAC([]byte("0123456789abcdef"))
	for want, flaw := range map[string]struct {
		path     string
		status   int // of the answers that are spoilt
		from, to string
		becomes  int
	}{
		"comparison tells count and digest":       {contract.PathReconcile, 200, `"rows":1`, `"rows":2`, 200},
		"a copied identity is 409":                {contract.PathRows, 409, "", "", 200},
		"500 rows are taken, 501 are 413":         {contract.PathRows, 413, "", "", 400},
		"a body that was not signed is 400":       {contract.PathRows, 400, `"digest"`, `""`, 400},
		"an older revision is superseded":         {contract.PathRows, 200, `"superseded"`, `"accepted"`, 200},
		"an unknown field is refused":             {contract.PathRows, 200, `"status":"refused","reason":"data`, `"status":"accepted","reason":"data`, 200},
		"another box's source is refused":         {contract.PathRows, 200, `"status":"refused","reason":"source`, `"status":"accepted","reason":"source`, 200},
		"another figure under the same revision":  {contract.PathRows, 200, `"status":"refused","reason":"generation`, `"status":"accepted","reason":"generation`, 200},
		"a bad row is refused, and the good ones": {contract.PathRows, 200, `"status":"refused","reason":"numerator`, `"status":"accepted","reason":"numerator`, 200},
	} {
		url := serve(t, scheme, func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				said := httptest.NewRecorder()
				h.ServeHTTP(said, r)
				status, body := said.Code, said.Body.String()
				if r.URL.Path == flaw.path && status == flaw.status {
					status, body = flaw.becomes, strings.ReplaceAll(body, flaw.from, flaw.to)
				}
				w.WriteHeader(status)
				_, _ = io.WriteString(w, body)
			})
		})
		if failed := results(t, url, scheme); len(failed) != 1 || !strings.Contains(failed[0], want) {
			t.Errorf("%s: failed are %q", want, failed)
		}
	}
}
