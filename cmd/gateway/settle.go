package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// startTakes is how long after the parts of the gateway have begun they have
// also come to rest. Nothing depends on it but how much is given back.
const startTakes = 2 * time.Second

// settle gives back, once, what only the start has needed.
func settle(ctx context.Context, logger *slog.Logger) error {
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(startTakes):
	}
	if err := giveBack(); err != nil {
		logger.Info("memory of the start is kept", "error", err)
	}
	<-ctx.Done()
	return nil
}

// giveBack returns to the kernel the free pages of the heap and those of the
// program itself. To read profiles, templates and command lines touches a
// little of almost all code, the kernel maps 64 KiB around each touch, and
// mapped code is among the last that it takes when memory is short. What is needed
// again is mapped again out of the page cache, without a look at the card.
func giveBack() error {
	debug.FreeOSMemory()
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return err
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return err
	}
	defer smaps.Close()
	parts, err := unchanged(smaps, program)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, p.start, p.end-p.start, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("give back %x-%x: %w", p.start, p.end, errno)
		}
	}
	return nil
}

// part is a range of addresses, without its end.
type part struct{ start, end uintptr }

// unchanged are the parts of the program's file in smaps, as of proc(5), of
// which memory holds nothing that the file does not: mapped without leave to
// write, and no page of it copied, as a loader does that relocates. They stay
// where they are for as long as the process lives.
func unchanged(smaps io.Reader, program string) ([]part, error) {
	var parts []part
	var last *part
	lines := bufio.NewScanner(smaps)
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		switch {
		case len(f) >= 5 && len(f[1]) == 4 && strings.Contains(f[0], "-"):
			last = nil
			if f[1][1] == 'w' || !strings.HasSuffix(lines.Text(), " "+program) {
				continue
			}
			from, to, _ := strings.Cut(f[0], "-")
			start, err := strconv.ParseUint(from, 16, strconv.IntSize)
			if err != nil {
				return nil, err
			}
			end, err := strconv.ParseUint(to, 16, strconv.IntSize)
			if err != nil {
				return nil, err
			}
			last = &part{uintptr(start), uintptr(end)}
		case len(f) == 3 && f[0] == "Anonymous:" && f[1] == "0" && last != nil:
			parts = append(parts, *last)
		}
	}
	return parts, lines.Err()
}
