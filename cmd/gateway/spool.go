package main

import (
	"bytes"
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// spool writes log lines behind the backs of those who log, so that a journald
// that stands still, or a slow serial console, holds up no call for help.
type spool struct {
	to     io.Writer
	lines  chan []byte
	lost   atomic.Int64 // since the latest that was written
	ending chan struct{}
	done   chan struct{}
}

const (
	// spoolLines may wait; what comes then is lost, and how many is told.
	spoolLines = 4096
	// spoolEnds is how long the last lines may take.
	spoolEnds = time.Second
)

func newSpool(to io.Writer) *spool {
	s := &spool{to: to, lines: make(chan []byte, spoolLines), ending: make(chan struct{}), done: make(chan struct{})}
	go s.run()
	return s
}

// Write takes a line, and never waits.
func (s *spool) Write(line []byte) (int, error) {
	select {
	case s.lines <- bytes.Clone(line):
	default:
		s.lost.Add(1)
	}
	return len(line), nil
}

func (s *spool) run() {
	defer close(s.done)
	for {
		select {
		case line := <-s.lines:
			s.write(line)
			continue
		default:
		}
		select { // nothing waits
		case line := <-s.lines:
			s.write(line)
		case <-s.ending:
			return
		}
	}
}

func (s *spool) write(line []byte) {
	_, _ = s.to.Write(line) // there is nowhere to tell of it
	if n := s.lost.Swap(0); n > 0 {
		fmt.Fprintf(s.to, "level=WARN msg=\"log lines lost\" lines=%d\n", n)
	}
}

// close waits for what is still to be written, though not for ever. What is
// logged afterwards, by a part that does not end, is lost.
func (s *spool) close() {
	close(s.ending)
	select {
	case <-s.done:
	case <-time.After(spoolEnds):
	}
}
