package main

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/capture"
	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/intake"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
)

func (c *cli) captureCommand() *cobra.Command {
	t := texts.ProfileTool
	var limit time.Duration
	var address string
	cmd := &cobra.Command{
		Use: "capture DIR", Short: t.Capture.In(c.lang), Long: t.CaptureLong.In(c.lang), Args: c.args(1, 1),
		Example: "  linli capture cases --for 10m\n  linli capture cases --address 302/卫生间",
		RunE: func(cmd *cobra.Command, args []string) error {
			profiles, err := profile.Load(firmwareconfig.Profiles(), kinds.Vocabulary())
			if err != nil {
				return err
			}
			r := capture.New(profiles)
			lost, err := c.record(cmd, r, limit, address)
			if err != nil {
				return err
			}
			cases, err := r.Write(args[0])
			for _, written := range cases {
				c.say(cmd, t.Wrote, written.Folder, written.Messages, written.Events)
			}
			if lost > 0 {
				c.say(cmd, t.Lost, lost)
			}
			if r.Skipped > 0 {
				c.say(cmd, t.Skipped, r.Skipped, capture.MaxDevices, capture.MaxMessages, capture.MaxPayload)
			}
			var at *fs.PathError
			switch {
			case errors.Is(err, fs.ErrExist) && errors.As(err, &at):
				return mendable{texts.Errorf(t.Exists, at.Path)}
			case err != nil:
				return mendable{err}
			case len(cases) == 0:
				c.say(cmd, t.NoneHeard)
			}
			return nil
		},
	}
	cmd.Flags().DurationVar(&limit, "for", 0, t.ForFlag.In(c.lang))
	cmd.Flags().StringVar(&address, "address", "", t.AddressFlag.In(c.lang))
	return cmd
}

// record takes in what bridges send, until the time is over, somebody presses
// Ctrl-C or the daemon stops.
func (c *cli) record(cmd *cobra.Command, r *capture.Recording, limit time.Duration, address string) (lost int, err error) {
	cfg, err := c.load()
	if err != nil {
		return 0, err
	}
	ctx, stop := context.WithCancel(cmd.Context())
	defer stop()
	client := control.Client{HTTP: control.Dial(cfg.Socket), Lang: c.lang}
	stream, err := client.Stream(ctx, http.MethodGet, "/v1/capture", nil)
	if err != nil {
		return 0, c.explain(cfg.Socket, err)
	}
	defer stream.Close()
	if limit > 0 {
		timer := time.AfterFunc(limit, stop)
		defer timer.Stop()
	}
	c.say(cmd, texts.ProfileTool.Capturing)
	for in := json.NewDecoder(stream); ; {
		var h intake.Heard
		if in.Decode(&h) != nil {
			return lost, nil // it is over, whoever ended it
		}
		if lost = h.Lost; h.Address == "" || address != "" && h.Address != address {
			continue
		}
		r.Add(h)
		c.say(cmd, texts.ProfileTool.Heard, h.Topic)
	}
}
