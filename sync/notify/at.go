package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"
)

// dialogue speaks AT commands with a modem: one command at a time, each with
// a time limit. What the modem says by itself in between is kept apart.
type dialogue struct {
	port io.ReadWriteCloser
	// lines are what the modem says; closed when the port is gone.
	lines  chan string
	heard  []string // unsolicited, not looked at yet
	report bool     // the next line is the body of an unsolicited one
	reader sync.WaitGroup
	ended  chan struct{}
}

const (
	prompt    = ">" // the modem waits for a message
	endOfText = "\x1a"
	escape    = "\x1b"
	restarted = "RDY" // says a modem that was reset
	maxLine   = 2048  // bytes of a line; a long message is 340
)

// converse begins a dialogue over port, which it closes at the end.
func converse(port io.ReadWriteCloser) *dialogue {
	d := &dialogue{port: port, lines: make(chan string, 64), ended: make(chan struct{})}
	d.reader.Go(d.read)
	return d
}

func (d *dialogue) close() error {
	close(d.ended)
	err := d.port.Close()
	d.reader.Wait()
	return err
}

func (d *dialogue) read() {
	defer close(d.lines)
	var s splitter
	buffer := make([]byte, 512)
	for {
		n, err := d.port.Read(buffer)
		for _, line := range s.split(buffer[:n]) {
			if line == restarted {
				return // of what was set up nothing is left, of what it was doing neither
			}
			select {
			case d.lines <- line:
			case <-d.ended:
				return
			}
		}
		if err != nil || n == 0 {
			return // unplugged: a port that is there blocks until it has something
		}
	}
}

// splitter makes lines of what comes in pieces.
type splitter struct{ rest []byte }

// split returns the lines that are whole now, and the prompt, which has no end
// of line. A line that is too long is cut: it is noise.
func (s *splitter) split(piece []byte) (lines []string) {
	s.rest = append(s.rest, piece...)
	for {
		i := bytes.IndexAny(s.rest, "\r\n")
		if i < 0 {
			break
		}
		if line := strings.TrimSpace(string(s.rest[:min(i, maxLine)])); line != "" {
			lines = append(lines, line)
		}
		s.rest = s.rest[i+1:]
	}
	if string(bytes.TrimLeft(s.rest, " ")) == "> " || string(s.rest) == prompt {
		lines, s.rest = append(lines, prompt), nil
	}
	if len(s.rest) > maxLine {
		s.rest = s.rest[:0]
	}
	return lines
}

// refusal is a final "no" of the modem.
type refusal struct {
	kind string // "ERROR", "CMS" for messages, "CME" for the modem itself
	code int    // -1 if there is none
}

func (r refusal) Error() string {
	if r.code < 0 {
		return "modem says " + r.kind
	}
	return fmt.Sprintf("modem says %s %d", r.kind, r.code)
}

// final tells whether a line ends a command, and how.
func final(line string) (done bool, err error) {
	switch {
	case line == "OK":
		return true, nil
	case line == "ERROR", line == "NO CARRIER", line == "COMMAND NOT SUPPORT":
		return true, refusal{"ERROR", -1}
	}
	for _, kind := range []string{"CMS", "CME"} {
		if rest, ok := strings.CutPrefix(line, "+"+kind+" ERROR:"); ok {
			code, err := strconv.Atoi(strings.TrimSpace(rest))
			if err != nil || code < 0 {
				code = -1 // in words
			}
			return true, refusal{kind, code}
		}
	}
	return false, nil
}

// unsolicited are the beginnings of what a modem says by itself.
var unsolicited = []string{"+CMTI:", "+CDS:", "+CDSI:", "+CUSD:", "RING", "^", "*", "+CGEV", "+QIND", "SMS DONE", "PB DONE", "+CTZV", "+CFUN"}

// aside keeps a line that answers nothing, and tells whether it is one.
func (d *dialogue) aside(line string) bool {
	if d.report {
		d.report = false
		d.heard[len(d.heard)-1] += "\n" + line
		return true
	}
	for _, begins := range unsolicited {
		if strings.HasPrefix(line, begins) {
			if len(d.heard) < 100 {
				d.heard = append(d.heard, line)
				d.report = begins == "+CDS:" // a report follows
			}
			return true
		}
	}
	return false
}

// errUnplugged is returned when the port is gone.
var errUnplugged = errors.New("the modem is gone")

// next is the next line, of whatever sort.
func (d *dialogue) next(ctx context.Context) (string, error) {
	select {
	case line, ok := <-d.lines:
		if !ok {
			return "", errUnplugged
		}
		return line, nil
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// do sends a command and returns the lines of its answer, without the final
// one. An error other than a refusal leaves the dialogue unusable.
func (d *dialogue) do(ctx context.Context, command string, limit time.Duration) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := d.write(command + "\r"); err != nil {
		return nil, err
	}
	var answer []string
	for {
		line, err := d.next(ctx)
		if err != nil {
			return nil, err
		}
		if line == command || line == prompt || d.aside(line) {
			continue // its echo
		}
		if done, err := final(line); done {
			return answer, err
		}
		if answer = append(answer, line); len(answer) > 2000 {
			return nil, errors.New("the modem talks without end")
		}
	}
}

// submit sends the body of a message after its command. on is whether the
// modem had the body when it went wrong: then nobody knows whether it is sent.
func (d *dialogue) submit(ctx context.Context, command, body string, limit time.Duration) (answer []string, on bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := d.write(command + "\r"); err != nil {
		return nil, false, err
	}
	for {
		line, err := d.next(ctx)
		if err != nil {
			return nil, false, err
		}
		if line == prompt {
			break
		}
		if line == command || d.aside(line) {
			continue
		}
		if done, err := final(line); done {
			if err == nil {
				err = errors.New("the modem does not ask for the message")
			}
			return nil, false, err
		}
	}
	if err := d.write(body + endOfText); err != nil {
		return nil, true, err
	}
	for {
		line, err := d.next(ctx)
		if err != nil {
			return nil, true, err
		}
		if strings.TrimSuffix(line, endOfText) == body || d.aside(line) {
			continue
		}
		if done, err := final(line); done {
			return answer, false, err
		}
		answer = append(answer, line)
	}
}

func (d *dialogue) write(s string) error {
	if _, err := io.WriteString(d.port, s); err != nil {
		return errUnplugged
	}
	return nil
}

// field is the n-th of what stands after the colon of a line, without quotes:
// the answers of a modem are such lists.
func field(line string, n int) string {
	_, list, _ := strings.Cut(line, ":")
	begin, quoted := 0, false
	for i, r := range list + "," {
		switch {
		case r == '"':
			quoted = !quoted
		case r == ',' && (!quoted || i == len(list)):
			if n--; n < 0 {
				return strings.Trim(strings.TrimSpace(list[begin:i]), `"`)
			}
			begin = i + 1
		}
	}
	return ""
}
