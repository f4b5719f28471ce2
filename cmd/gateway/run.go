package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/gpio"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/notify"
)

func (c *cli) runCommand() *cobra.Command {
	return &cobra.Command{
		Use: "run", Short: texts.Command.Run.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			log := newSpool(cmd.ErrOrStderr())
			defer log.close()
			return runGateway(cmd.Context(), cfg, newLogger(log, cfg.Log))
		},
	}
}

func (c *cli) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check [FILE]", Short: texts.Command.Check.In(c.lang), Args: c.args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				c.config = args[0]
			}
			cfg, err := firmwareconfig.Check(c.config)
			if err != nil {
				return mendable{err}
			}
			c.say(cmd, texts.Command.CheckOK, c.config)
			_, wires, err := cfg.GPIO.Connected()
			if err != nil {
				return mendable{err}
			}
			siren := slices.ContainsFunc(wires, func(w gpio.Wire) bool { return w.Role == gpio.Siren || w.Role == gpio.Lamp })
			ways := cfg.Channels.Ways(siren)
			var d control.Duty
			err = c.ask(cmd, http.MethodGet, "/v1/duty", nil, &d)
			if err == nil {
				ways = d.Ways // by what people have, not by what could be
			}
			if len(ways) == 1 {
				c.say(cmd, texts.Notify.OneWay, notify.WayText(ways[0]))
			}
			switch {
			case down(err):
				return nil
			case err != nil:
				return err
			}
			// What is wrong with the rota keeps nobody from a restart: a channel
			// that somebody lacks begins with it.
			if err := c.sayFlaws(cmd, d); err != nil {
				fmt.Fprintln(cmd.OutOrStdout(), texts.Of(err, c.lang))
			}
			return nil
		},
	}
}

// down tells whether err says that no daemon is running.
func down(err error) bool {
	var said *texts.Error
	return errors.As(err, &said) && said.Text == texts.Command.NotRunning
}

// load reads the configuration file; what is wrong with it has to be mended.
func (c *cli) load() (firmwareconfig.Config, error) {
	cfg, err := firmwareconfig.Load(c.config)
	if err != nil {
		return cfg, mendable{err}
	}
	return cfg, nil
}

// runGateway starts a gateway and runs it until ctx ends.
func runGateway(ctx context.Context, cfg firmwareconfig.Config, logger *slog.Logger) error {
	now, err := clock.System()
	if err != nil {
		return err
	}
	g, err := newGateway(cfg, now, logger)
	if err != nil {
		return mendable{err}
	}
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-ended:
		return err
	case <-time.After(stopWithin):
		return texts.Errorf(texts.Gateway.Stuck, stopWithin)
	}
}

// stopWithin is how long the gateway may take to end. A disk that hangs would
// hold it for ever; what it has acknowledged is on disk before that.
const stopWithin = 5 * time.Second

func newLogger(w io.Writer, cfg firmwareconfig.Log) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(cfg.Level)); err != nil {
		level = slog.LevelInfo // Load has refused any other word
	}
	o := &slog.HandlerOptions{Level: level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, o))
	}
	return slog.New(slog.NewTextHandler(w, o))
}
