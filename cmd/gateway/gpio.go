package main

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/gpio"
	"github.com/linli-edge/gateway/devices/texts"
)

// watchEvery is how often "linli gpio watch" looks.
const watchEvery = 200 * time.Millisecond

func (c *cli) gpioCommand() *cobra.Command {
	t := texts.GPIOCommand
	release := &cobra.Command{
		// For the service, as soon as the daemon has ended, however it ended.
		Use: "release", Short: t.Release.In(c.lang), Args: c.args(0, 0),
		RunE: func(*cobra.Command, []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			board, wires, err := cfg.GPIO.Connected()
			if err != nil {
				return err
			}
			return gpio.Release(wires, board.Find)
		},
	}
	return c.group("gpio", t.Group, c.gpioListCommand(), c.gpioWatchCommand(), c.gpioIdentifyCommand(), c.gpioTestCommand(), release)
}

// gpioListCommand shows the kernel's lines, and what the daemon makes of those
// that something is wired to.
func (c *cli) gpioListCommand() *cobra.Command {
	t := texts.GPIOCommand
	return &cobra.Command{
		Use: "list", Short: t.List.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var lines [][]string
			for l := range gpio.Lines() {
				direction := t.In
				if l.Output {
					direction = t.Out
				}
				lines = append(lines, []string{l.Name(), dash(l.Kernel()), direction.In(c.lang), dash(l.Consumer)})
			}
			if len(lines) == 0 {
				c.say(cmd, t.NoLines)
			} else if err := c.table(cmd.OutOrStdout(), t.LineColumns, lines); err != nil {
				return err
			}
			var pins control.Pins
			if err := c.ask(cmd, http.MethodGet, "/v1/gpio", nil, &pins); err != nil {
				return err
			}
			if len(pins.Inputs)+len(pins.Outputs) == 0 {
				c.say(cmd, t.NoWires)
				return nil
			}
			c.say(cmd, t.Wired)
			var wires [][]string
			for _, p := range pins.Inputs {
				wires = append(wires, []string{"-", p.Wire, dash(p.Device), c.state(p), fmt.Sprint(p.Changes), fmt.Sprint(p.Lost)})
			}
			for i, p := range pins.Outputs {
				wires = append(wires, []string{fmt.Sprint(i + 1), p.Wire, dash(p.Device), c.state(p)})
			}
			return c.table(cmd.OutOrStdout(), t.WireColumns, wires)
		},
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// state says how a wire is.
func (c *cli) state(p control.Pin) string {
	t := texts.GPIOCommand
	switch {
	case p.Problem[0] != "":
		return fromBoth(p.Problem).In(c.lang)
	case p.Active:
		return t.Active.In(c.lang)
	}
	return t.Rest.In(c.lang)
}

func (c *cli) gpioWatchCommand() *cobra.Command {
	t := texts.GPIOCommand
	return &cobra.Command{
		Use: "watch", Short: t.Watch.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c.say(cmd, t.Watching)
			var before control.Pins
			for first := true; ; first = false {
				var pins control.Pins
				if err := c.ask(cmd, http.MethodGet, "/v1/gpio", nil, &pins); err != nil {
					if cmd.Context().Err() != nil {
						return nil // Ctrl-C
					}
					return err
				}
				c.compare(cmd, before.Inputs, pins.Inputs, first)
				c.compare(cmd, before.Outputs, pins.Outputs, first)
				before = pins
				select {
				case <-cmd.Context().Done():
					return nil
				case <-time.After(watchEvery):
				}
			}
		},
	}
}

func (c *cli) compare(cmd *cobra.Command, before, after []control.Pin, first bool) {
	for i, p := range after {
		if !first && i < len(before) && p == before[i] {
			continue
		}
		c.say(cmd, texts.GPIOCommand.Change, time.Now().Format("15:04:05.0"), p.Wire, dash(p.Device), c.state(p), p.Changes)
	}
}

// gpioIdentifyCommand finds out which line something is wired to: whoever asks
// presses it, and sees which one moves. No line is driven, or its direction or
// resistor changed.
func (c *cli) gpioIdentifyCommand() *cobra.Command {
	t := texts.GPIOCommand
	var length time.Duration
	cmd := &cobra.Command{
		Use: "identify", Short: t.Identify.In(c.lang), Long: t.IdentifyLong.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			lines, err := gpio.Peek()
			if err != nil {
				return err
			}
			defer lines.Close()
			c.say(cmd, t.Press, lines.Len(), length)
			end := time.After(length)
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-cmd.Context().Done():
					return nil
				case <-end:
					return nil
				case <-tick.C:
				}
				for l, level := range lines.Moved() {
					c.say(cmd, t.Moved, l.Name(), dash(l.Kernel()), level.String())
				}
			}
		},
	}
	cmd.Flags().DurationVar(&length, "for", 30*time.Second, t.ForFlag.In(c.lang))
	return cmd
}

func (c *cli) gpioTestCommand() *cobra.Command {
	t := texts.GPIOCommand
	var length time.Duration
	cmd := &cobra.Command{
		Use: "test NUMBER", Short: t.Test.In(c.lang), Args: c.args(1, 1), Example: "  linli gpio test 1 --for 2s",
		RunE: func(cmd *cobra.Command, args []string) error {
			which, err := strconv.Atoi(args[0])
			if err != nil || which < 1 {
				return mendable{texts.Errorf(t.Number, args[0])}
			}
			path := fmt.Sprintf("/v1/gpio/%d/test", which)
			if err := c.ask(cmd, http.MethodPost, path, control.OutputTest{Milliseconds: int(length.Milliseconds())}, nil); err != nil {
				return err
			}
			c.say(cmd, t.Tested, which, length)
			return nil
		},
	}
	cmd.Flags().DurationVar(&length, "for", time.Second, t.ForFlag.In(c.lang))
	return cmd
}
