package main

import (
	"bufio"
	"context"
	"errors"
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

// mostMapped is how much of files, the program's own among them, a gateway
// has mapped before it gives that back, in bytes.
const mostMapped = 16 << 20

// settle gives back to the kernel what the start has needed and nothing else
// does, and from then on what is mapped of files whenever it has become much.
// What was given back stays so: where huge pages are always on, as in Debian's
// kernel for ARM64, the kernel may fill it up to one again.
func settle(ctx context.Context, journal interface{ Unmap() error }, logger *slog.Logger) error {
	if err := unix.Prctl(unix.PR_SET_THP_DISABLE, 1, 0, 0, 0); err != nil {
		logger.Info("the kernel may use huge pages", "error", err)
	}
	tick := time.NewTimer(startTakes)
	defer tick.Stop()
	var program []part
	for first := true; ; first = false {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		tick.Reset(time.Second)
		much, err := mapped()
		if first && err == nil {
			debug.FreeOSMemory()
			program, err = programParts()
		}
		if err == nil && (first || much > mostMapped) {
			err = errors.Join(unmap(program), journal.Unmap())
		}
		if err != nil {
			logger.Info("mapped memory is kept", "error", err)
			<-ctx.Done()
			return nil
		}
	}
}

// mapped is how much of files is mapped and in memory, in bytes.
func mapped() (int64, error) {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0, err
	}
	var size, resident, shared int64
	_, err = fmt.Sscan(string(statm), &size, &resident, &shared)
	return shared * int64(os.Getpagesize()), err
}

// unmap takes parts of the program out of the process. To read profiles,
// templates and command lines touches a little of almost all code, the kernel
// maps 64 KiB around each touch, and mapped code is among the last that it takes
// when memory is short. What is needed again is mapped again out of the page
// cache, without a look at the card.
func unmap(parts []part) error {
	for _, p := range parts {
		if _, _, errno := unix.Syscall(unix.SYS_MADVISE, p.start, p.end-p.start, unix.MADV_DONTNEED); errno != 0 {
			return fmt.Errorf("give back %x-%x: %w", p.start, p.end, errno)
		}
	}
	return nil
}

// programParts are the parts of this program that [unmap] may give back.
func programParts() ([]part, error) {
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil, err
	}
	smaps, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil, err
	}
	defer smaps.Close()
	return unchanged(smaps, program)
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
