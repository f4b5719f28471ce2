package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// progress tells on the way how far a long piece of work has come: a bar on a
// terminal, a line now and then anywhere else. What is counted are bytes.
type progress struct {
	out         io.Writer
	label       string
	done, total int64 // total is 0 if it is not known
	terminal    bool
	began, told time.Time
}

const (
	redrawEvery = 100 * time.Millisecond
	lineEvery   = 10 * time.Second
	barWidth    = 24
)

// newProgress begins a progress on out, a command's standard error.
func newProgress(out io.Writer, label string, total int64) *progress {
	now := time.Now()
	return &progress{out: out, label: label, total: total, terminal: isTerminal(out), began: now, told: now}
}

// reader counts what is read from r.
func (p *progress) reader(r io.Reader) io.Reader { return io.TeeReader(r, p) }

// Write counts what is written.
func (p *progress) Write(b []byte) (int, error) {
	p.add(int64(len(b)))
	return len(b), nil
}

func (p *progress) add(n int64) {
	p.done += n
	every := lineEvery
	if p.terminal {
		every = redrawEvery
	}
	if now := time.Now(); now.Sub(p.told) >= every {
		p.told = now
		p.tell()
	}
}

func (p *progress) tell() {
	line := fmt.Sprintf("%s  %s", p.label, megabytes(p.done))
	if p.total > 0 {
		part := min(float64(p.done)/float64(p.total), 1)
		full := int(part * barWidth)
		line = fmt.Sprintf("%s  %s%s  %3.0f%%  %s / %s", p.label, strings.Repeat("█", full), strings.Repeat("░", barWidth-full),
			100*part, megabytes(p.done), megabytes(max(p.total, p.done)))
	}
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K%s", line)
	} else {
		fmt.Fprintln(p.out, line)
	}
}

// end takes the bar away.
func (p *progress) end() {
	if p.terminal && p.told != p.began {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
}

func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	_, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	return err == nil
}
