package conformance

import (
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

// One flaw is found as that one.
func TestOneFlaw(t *testing.T) {
	scheme := contract.HMAC([]byte("0123456789abcdef"))
	url := serve(t, scheme, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == contract.PathReconcile {
				http.NotFound(w, r)
				return
			}
			h.ServeHTTP(w, r)
		})
	})
	if failed := results(t, url, scheme); len(failed) != 1 || !strings.Contains(failed[0], "comparison") {
		t.Errorf("failed: %s", strings.Join(failed, "\n"))
	}
}
