package console

import (
	"bytes"
	"fmt"
	"net/http"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
)

const (
	maxStreams  = 100
	streamEvery = time.Second      // how often a stream looks for changes
	statusEvery = 5                // looks between two of what changes slowly
	streamAlive = 15 * time.Second // a sign of life when nothing changes
	streamSlow  = 10 * time.Second // how long a reader may take
)

// stream is one open page's view of the console.
type stream struct {
	c    *Console
	lang texts.Lang
	w    http.ResponseWriter
	out  *http.ResponseController
	sent map[string][]byte // panel -> how it was last sent
}

// stream keeps a page current until the request ends, the reader is too slow,
// or the console is closed.
func (c *Console) stream(w http.ResponseWriter, r *http.Request) {
	select {
	case c.streams <- struct{}{}:
		defer func() { <-c.streams }()
	default:
		c.dropped.Inc()
		http.Error(w, "too many open pages", http.StatusServiceUnavailable)
		return
	}
	c.open.Inc()
	defer c.open.Dec()
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	s := &stream{c: c, lang: language(w, r), w: w, out: http.NewResponseController(w), sent: map[string][]byte{}}
	_ = s.out.SetReadDeadline(time.Time{}) // there is nothing more to be read; if that cannot be said, the page opens another one
	ticker := time.NewTicker(streamEvery)
	defer ticker.Stop()
	alive := c.Clock()
	for n := 0; ; n++ {
		now := c.Clock()
		if quiet, ok := now.Since(alive); n == 0 || !ok || quiet >= streamAlive {
			delete(s.sent, "clock")
			alive = now
		}
		if err := s.look(n%statusEvery == 0); err != nil {
			if r.Context().Err() == nil {
				c.dropped.Inc()
				c.Logger.Info("console stream dropped", "error", err)
			}
			return
		}
		select {
		case <-ticker.C:
		case <-r.Context().Done():
			return
		case <-c.closing:
			return
		}
	}
}

// look sends the panels that have changed; the slow ones only if asked to.
func (s *stream) look(all bool) error {
	c, changed := s.c, false
	panel := func(name string, view any) error {
		body, err := c.pages.render(s.lang, name, view)
		if err != nil {
			return err
		}
		sent, err := s.send(name, body)
		changed = changed || sent
		return err
	}
	if s.sent["clock"] == nil {
		sent, err := s.send("clock", fmt.Appendf(nil, "%d", c.Clock().Mono.Milliseconds()))
		if err != nil {
			return err
		}
		changed = sent
	}
	if err := panel("incidents", c.incidents(s.lang)); err != nil {
		return err
	}
	if err := panel("events", c.feed.view(s.lang)); err != nil {
		return err
	}
	inbox := c.inboxPanel(s.lang)
	for _, name := range []string{"inbox", "newcomers"} {
		if err := panel(name, inbox); err != nil {
			return err
		}
	}
	if all {
		if err := panel("rounds", c.roundsDue(s.lang)); err != nil {
			return err
		}
		if err := panel("warnings", c.warnings(s.lang)); err != nil {
			return err
		}
		if err := panel("figures", c.figures(s.lang)); err != nil {
			return err
		}
		if err := panel("status", c.status(s.lang)); err != nil {
			return err
		}
	}
	if !changed {
		return nil
	}
	return s.out.Flush()
}

// send writes an event of the stream unless it says what was last sent.
func (s *stream) send(name string, body []byte) (sent bool, err error) {
	if last, ok := s.sent[name]; ok && bytes.Equal(last, body) {
		return false, nil
	}
	if err := s.out.SetWriteDeadline(time.Now().Add(streamSlow)); err != nil {
		return false, err
	}
	var message bytes.Buffer
	fmt.Fprintf(&message, "event: %s\n", name)
	// A carriage return ends a line, too, and what follows it would be read as
	// a field of the stream: it may be in what a device calls itself.
	for line := range bytes.SplitSeq(bytes.ReplaceAll(body, []byte("\r"), []byte(" ")), []byte("\n")) {
		fmt.Fprintf(&message, "data: %s\n", line)
	}
	message.WriteByte('\n')
	if _, err := s.w.Write(message.Bytes()); err != nil {
		return false, err
	}
	s.sent[name] = body
	return true, nil
}
