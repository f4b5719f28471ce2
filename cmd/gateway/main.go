// Command gateway is the Linli daemon and its command line.
//
//	gateway run --config FILE   the daemon
//	gateway demo                a simulated community on this machine
//
// The wiring is in gateway.go, one straight line. Exit codes: 0 done, 1 it
// went wrong, 2 the command line, the configuration or the surroundings (a
// port in use, a missing file) must be mended first.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/linli-edge/gateway/devices/texts"
)

// version is set by the linker for a release.
var version = "dev"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, texts.FromLocale(), os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// mendable is an error that the person at the keyboard has to mend before it
// makes sense to try again.
type mendable struct{ error }

func (m mendable) Unwrap() error { return m.error }

// execute runs one command line in a language and returns its exit code.
func execute(ctx context.Context, lang texts.Lang, args []string, stdout, stderr io.Writer) int {
	err := rootCommand(lang, args, stdout, stderr).ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, texts.Of(err, lang))
	if errors.As(err, new(mendable)) {
		return 2
	}
	return 1
}
