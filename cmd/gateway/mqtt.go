package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/texts"
)

func (c *cli) mqttCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "mqtt", Short: texts.MQTT.Group.In(c.lang), Args: c.args(0, 0), RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	cmd.AddCommand(c.mqttClientsCommand(), c.mqttWatchCommand())
	return cmd
}

func (c *cli) mqttClientsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "clients", Short: texts.MQTT.Clients.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []mqtt.ClientState
			if err := c.ask(cmd, http.MethodGet, "/v1/mqtt/clients", nil, &all); err != nil {
				return err
			}
			switch {
			case asJSON:
				return json.NewEncoder(cmd.OutOrStdout()).Encode(all)
			case len(all) == 0:
				c.say(cmd, texts.MQTT.None)
				return nil
			}
			var rows [][]string
			for _, s := range all {
				state := texts.MQTT.Away
				if s.Connected {
					state = texts.MQTT.Connected
				}
				rows = append(rows, []string{s.Account, strconv.Quote(s.Client), state.In(c.lang),
					s.Since.Local().Format(time.DateTime), dash(s.Listener), dash(s.Version), fmt.Sprint(s.Unsettled), fmt.Sprint(s.Queued), dash(strings.Join(s.Subscriptions, " "))})
			}
			return c.table(cmd.OutOrStdout(), texts.MQTT.Columns, rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, texts.Inspect.JSONFlag.In(c.lang))
	return cmd
}

func (c *cli) mqttWatchCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "watch TOPIC", Short: texts.MQTT.Watch.In(c.lang), Long: texts.MQTT.WatchLong.In(c.lang), Args: c.args(1, 1),
		Example: `  linli mqtt watch "linli/v1/+/event"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			client := control.Client{HTTP: control.Dial(cfg.Socket), Lang: c.lang}
			stream, err := client.Stream(cmd.Context(), http.MethodGet, "/v1/mqtt/watch?filter="+url.QueryEscape(args[0]), nil)
			if err != nil {
				return c.explain(cfg.Socket, err)
			}
			defer stream.Close()
			for in := json.NewDecoder(stream); ; {
				var m mqtt.Watched
				err := in.Decode(&m)
				if cmd.Context().Err() != nil || errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
					return nil // Ctrl-C, or the daemon stopped
				}
				if err != nil {
					return err
				}
				if asJSON {
					err = json.NewEncoder(cmd.OutOrStdout()).Encode(m)
				} else {
					err = c.showMessage(cmd, m)
				}
				if err != nil {
					return err
				}
			}
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, texts.Inspect.JSONFlag.In(c.lang))
	return cmd
}

// showMessage prints a line a message; what a terminal would act on is not
// printed as it is.
func (c *cli) showMessage(cmd *cobra.Command, m mqtt.Watched) error {
	if m.Missed > 0 {
		c.say(cmd, texts.MQTT.Missed, m.Missed)
	}
	payload := string(m.Payload)
	if !utf8.Valid(m.Payload) {
		payload = fmt.Sprintf(texts.MQTT.Binary.In(c.lang), len(m.Payload))
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", printable(m.Topic), printable(payload))
	return err
}
