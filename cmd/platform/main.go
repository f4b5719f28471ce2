// Platform takes the usage statistics of gateways, as a provincial platform
// would: sync/province/receiver as a program.
//
//	platform -listen 127.0.0.1:8700 -store platform.bolt -keys keys.txt
//
// The keys file has a line for each gateway, its ID and its secret, or its ID,
// "enrol" and a one-time code, and must be readable by nobody else. It is read at the start.
//
// It ends with 0 after SIGINT or SIGTERM, with 2 if it was started wrongly,
// and with 1 if serving failed.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/province/receiver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitOK    = 0
	exitServe = 1
	exitUsage = 2
)

// stopTime is how long requests may take to end when the program is stopped.
const stopTime = 5 * time.Second

type config struct {
	listen, store, keys, tlsCert, tlsKey string
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	c, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	var p *platform
	if err == nil {
		p, err = newPlatform(c, stderr)
	}
	if err != nil {
		say(stderr, err)
		return exitUsage
	}
	announce(stdout, texts.Platform.Listening, p.url, p.boxes)
	if c.tlsCert == "" {
		announce(stdout, texts.Platform.PlainHTTP)
	}
	if err := p.serve(ctx); err != nil {
		say(stderr, texts.Errorf(texts.Platform.Serve, err))
		return exitServe
	}
	return exitOK
}

// say prints an error in both languages.
func say(w io.Writer, err error) {
	_, _ = fmt.Fprintf(w, "%s\n%s\n", texts.Of(err, texts.Chinese), texts.Of(err, texts.English))
}

func announce(w io.Writer, t texts.Text, args ...any) {
	_, _ = fmt.Fprintf(w, "%s\n%s\n", t.In(texts.Chinese, args...), t.In(texts.English, args...))
}

func parse(args []string, stderr io.Writer) (config, error) {
	var c config
	flags := flag.NewFlagSet("platform", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // its words are said in both languages
	flags.StringVar(&c.listen, "listen", "127.0.0.1:8700", "监听地址 address to listen on")
	flags.StringVar(&c.store, "store", "", "数据库文件 file to keep the rows in")
	flags.StringVar(&c.keys, "keys", "", "密钥文件 file with a line \"ID secret\" or \"ID enrol CODE\" for each gateway")
	flags.StringVar(&c.tlsCert, "tls-cert", "", "证书文件 certificate, PEM")
	flags.StringVar(&c.tlsKey, "tls-key", "", "证书私钥文件 its private key, PEM")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		announce(stderr, texts.Platform.Help)
		_, _ = fmt.Fprint(stderr, "\n  go run ./cmd/platform -store rows.db -keys keys.txt\n\n")
		flags.SetOutput(stderr)
		flags.PrintDefaults()
		return c, err
	}
	switch {
	case err != nil:
		return c, texts.Errorf(texts.Platform.Usage, err)
	case flags.NArg() > 0:
		return c, texts.Errorf(texts.Platform.Usage, errors.New(flags.Arg(0)))
	case c.store == "":
		return c, texts.Errorf(texts.Platform.FlagMissing, "store")
	case c.keys == "":
		return c, texts.Errorf(texts.Platform.FlagMissing, "keys")
	case (c.tlsCert == "") != (c.tlsKey == ""):
		return c, texts.Errorf(texts.Platform.TLSPair)
	}
	return c, nil
}

// platform is a receiver and the server in front of it.
type platform struct {
	receiver *receiver.Receiver
	listener net.Listener
	server   *http.Server
	url      string
	boxes    int
}

func newPlatform(c config, logs io.Writer) (_ *platform, err error) {
	keys, codes, err := readKeys(c.keys)
	if err != nil {
		return nil, err
	}
	var certificates []tls.Certificate
	if c.tlsCert != "" {
		certificate, err := tls.LoadX509KeyPair(c.tlsCert, c.tlsKey)
		if err != nil {
			return nil, texts.Errorf(texts.Platform.TLSLoad, err)
		}
		certificates = append(certificates, certificate)
	}
	now, err := clock.System()
	if err != nil {
		return nil, err
	}
	logger := slog.New(slog.NewTextHandler(logs, nil))
	metrics := prometheus.NewRegistry()
	r, err := receiver.Open(c.store, receiver.Options{Keys: keys, Codes: codes, Clock: now, Logger: logger, Registerer: metrics})
	if err != nil {
		return nil, texts.Errorf(texts.Platform.Store, err)
	}
	listener, err := net.Listen("tcp", c.listen)
	if err != nil {
		return nil, errors.Join(texts.Errorf(texts.Platform.Listen, err), r.Close())
	}
	mux := http.NewServeMux()
	mux.Handle("/", r)
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	p := &platform{receiver: r, listener: listener, url: "http://" + listener.Addr().String(), boxes: len(keys) + len(codes), server: &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}}
	if certificates != nil {
		p.server.TLSConfig = &tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS12}
		p.url = "https://" + listener.Addr().String()
	}
	return p, nil
}

// serve takes batches until ctx ends, and lets those under way end.
func (p *platform) serve(ctx context.Context) error {
	served := make(chan error, 1)
	go func() {
		if p.server.TLSConfig != nil {
			served <- p.server.ServeTLS(p.listener, "", "")
		} else {
			served <- p.server.Serve(p.listener)
		}
	}()
	var err error
	select {
	case err = <-served:
	case <-ctx.Done():
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
		defer cancel()
		if p.server.Shutdown(stopping) != nil {
			err = p.server.Close() // who was cut off sends again
		}
		<-served
	}
	return errors.Join(err, p.receiver.Close())
}
