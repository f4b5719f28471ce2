package main

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
)

// A log that stands still holds up nobody who logs, nor the end; once it goes
// on, it says how much is missing.
func TestLogThatStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe, stuck := io.Pipe() // nobody reads
		s := newSpool(stuck)
		const lines = spoolLines + 100
		for i := range lines {
			fmt.Fprintf(s, "line %d\n", i)
		}
		s.close()
		text := make(chan string)
		go func() {
			all, _ := io.ReadAll(pipe)
			text <- string(all)
		}()
		<-s.done
		stuck.Close()
		got := <-text
		written := strings.Count(got, "\nline ") + 1
		var lost int
		if _, told, ok := strings.Cut(got, "lines="); !ok {
			t.Fatal("nothing is said to be lost")
		} else if _, err := fmt.Sscan(told, &lost); err != nil {
			t.Fatal(err)
		}
		if written < spoolLines || written+lost != lines || !strings.HasPrefix(got, "line 0\n") {
			t.Errorf("%d lines written, %d said to be lost, of %d", written, lost, lines)
		}
	})
}
