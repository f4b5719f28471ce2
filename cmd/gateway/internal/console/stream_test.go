package console

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
)

// follow opens a stream and hands each panel's new content to see, until see
// returns false or the stream ends; then it returns why it ended.
func (b *box) follow(ctx context.Context, see func(panel, body string) bool) error {
	value, err := b.Session("zhou")
	b.must(err)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.server.URL+"/stream", nil)
	b.must(err)
	r.Header.Set("Authorization", "Bearer "+value)
	answer, err := b.server.Client().Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	lines := bufio.NewScanner(answer.Body)
	lines.Buffer(nil, 1<<20)
	panel, body := "", ""
	for lines.Scan() {
		line := lines.Text()
		if name, ok := strings.CutPrefix(line, "event: "); ok {
			panel, body = name, ""
		} else if text, ok := strings.CutPrefix(line, "data: "); ok {
			body += text + "\n"
		} else if !see(panel, body) {
			return nil
		}
	}
	return lines.Err()
}

func TestTheStreamBringsWhatChanges(t *testing.T) {
	b := newBox(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	seen := map[string]int{}
	err := b.follow(ctx, func(panel, body string) bool {
		seen[panel]++
		switch {
		case panel == "status" && seen[panel] == 1: // the last panel of the first look
			for _, name := range []string{"clock", "incidents", "events", "warnings", "figures", "status"} {
				if seen[name] != 1 {
					t.Errorf("%s came %d times at first", name, seen[name])
				}
			}
			b.report("band-01", "1", wearable.SOS{}, devices.Urgent)
		case panel == "incidents" && strings.Contains(body, "陈桂英"):
			if id := b.engine.Incidents()[0].ID; b.engine.Incidents()[0].Phase == alert.PhaseRaised {
				b.must(b.engine.Acknowledge(ctx, id, "zhou", "page"))
			}
			return !strings.Contains(body, "周护理员 已接手")
		}
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestStreamsEndWithTheConsole(t *testing.T) {
	b := newBox(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := b.follow(ctx, func(panel, _ string) bool {
		if panel == "status" {
			b.Close()
		}
		return true
	})
	if err != nil || ctx.Err() != nil {
		t.Errorf("the stream ended with %v, %v", err, ctx.Err())
	}
}

// reader is the other end of a stream; it takes what it is given until it
// does not.
type reader struct {
	*httptest.ResponseRecorder
	panels   int
	takes    int // panels, then it is too slow
	deadline time.Time
}

func (r *reader) SetWriteDeadline(t time.Time) error { r.deadline = t; return nil }

func (r *reader) Write(p []byte) (int, error) {
	if r.panels++; r.panels > r.takes {
		return 0, os.ErrDeadlineExceeded
	}
	return r.ResponseRecorder.Write(p)
}

// quiet is a console on a box where nothing happens, in virtual time.
func quietStream(t *testing.T, b *box, r *reader, d time.Duration) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	b.Console.stream(r, httptest.NewRequestWithContext(ctx, http.MethodGet, "/stream", nil))
}

func TestASlowReaderIsDropped(t *testing.T) {
	b := newBox(t)
	synctest.Test(t, func(t *testing.T) {
		r := &reader{ResponseRecorder: httptest.NewRecorder(), takes: 3}
		began := time.Now()
		quietStream(t, b, r, time.Hour)
		if waited := time.Since(began); waited > time.Second || r.panels != 4 {
			t.Errorf("dropped after %s and %d panels", waited, r.panels)
		}
		if allowed := r.deadline.Sub(began); allowed != streamSlow {
			t.Errorf("a reader may take %s", allowed)
		}
	})
	if len(b.streams) != 0 {
		t.Error("the place is not given back")
	}
}

func TestTooManyStreamsAreRefused(t *testing.T) {
	b := newBox(t)
	for range maxStreams {
		b.streams <- struct{}{}
	}
	if status, _ := b.get(b.enter("zhou"), "/stream"); status != http.StatusServiceUnavailable {
		t.Errorf("stream %d: %d", maxStreams+1, status)
	}
}

func TestAStreamThatEndsIsNoError(t *testing.T) {
	b := newBox(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := b.follow(ctx, func(panel, _ string) bool {
		if panel == "status" {
			cancel()
		}
		return true
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("ended by %v", err)
	}
}

// A browser ends a line of the stream at a carriage return as well: what a
// stranger calls itself must not become the panel of the calls for help.
func TestWhatAStrangerSaysStaysInItsPanel(t *testing.T) {
	b := newBox(t)
	b.Registry.Inbox().Heard(devices.Contact{Bridge: "z2m", Address: "lamp\revent: incidents\rdata: all is calm\r\r", Received: b.clock()}, func() devices.Looks { return devices.Looks{} })
	r := &reader{ResponseRecorder: httptest.NewRecorder(), takes: 100}
	s := &stream{c: b.Console, lang: texts.English, w: r, out: http.NewResponseController(r), sent: map[string][]byte{}}
	b.must(s.look(true))
	incidents := 0
	for _, line := range strings.FieldsFunc(r.Body.String(), func(c rune) bool { return c == '\r' || c == '\n' }) {
		if line == "event: incidents" {
			incidents++
		}
	}
	if incidents != 1 || !strings.Contains(r.Body.String(), "lamp event: incidents") {
		t.Errorf("%d panels of incidents: %q", incidents, r.Body)
	}
}
