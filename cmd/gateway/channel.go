package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify"
)

// siren is everything that makes itself heard or seen at the box: what is on
// its pins, nil for nothing, and what is commanded over MQTT. It is nil if there
// is neither.
func (g *gateway) siren(pins alert.Siren) alert.Siren {
	var all []alert.Siren
	if pins != nil {
		all = append(all, pins)
	}
	if c := g.cfg.Channels.Siren; c.Topic != "" {
		// The driver is made later.
		all = append(all, notify.NewSiren(c, func(ctx context.Context, topic string, payload []byte, qos byte, retain bool) error {
			return g.driver.Publish(ctx, topic, payload, qos, retain)
		}))
	}
	if len(all) == 0 {
		return nil
	}
	g.loud = true
	return notify.NewOutputs(all...)
}

// ways are the independent paths by which a call for help can reach somebody.
func (g *gateway) ways() []string {
	return g.channels.Ways(g.registry.Snapshot(), g.loud)
}

// link makes the links of pages to the page, nil where it has no public
// address.
func (g *gateway) link() func(incident, caregiver string) string {
	base := strings.TrimSuffix(g.cfg.Console.Public, "/")
	if base == "" {
		return nil
	}
	return func(incident, caregiver string) string {
		path := g.console.Link(incident, caregiver) // the console is made later
		if path == "" {
			return ""
		}
		return base + path
	}
}

func (c *cli) channelCommand() *cobra.Command {
	t := texts.Notify
	return c.group("channel", t.Channel, &cobra.Command{
		Use: "list", Short: t.List.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var states []notify.State
			if err := c.ask(cmd, http.MethodGet, "/v1/channels", nil, &states); err != nil {
				return err
			}
			var rows [][]string
			for _, s := range states {
				accepted := "-"
				if !s.Accepted.IsZero() {
					accepted = s.Accepted.Local().Format(time.DateTime)
				}
				rows = append(rows, []string{s.Kind, notify.WayText(s.Way).In(c.lang), fmt.Sprint(s.People), fmt.Sprintf("%.0f%%", 100*s.Used),
					accepted, string(s.Last), notify.Addressing(s.Kind).In(c.lang)})
			}
			return c.table(cmd.OutOrStdout(), texts.Columns.Channels, rows)
		},
	}, c.channelTestCommand(), &cobra.Command{
		Use: "failed", Short: t.Failed.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var failures []notify.Failure
			if err := c.ask(cmd, http.MethodGet, "/v1/channels/failed", nil, &failures); err != nil {
				return err
			}
			if len(failures) == 0 {
				c.say(cmd, t.NoneFailed)
				return nil
			}
			var rows [][]string
			for _, f := range failures {
				rows = append(rows, []string{f.At.Local().Format(time.DateTime), f.Channel, f.Incident, fmt.Sprint(f.Step), fmt.Sprint(f.Attempts), string(f.Class), f.Detail})
			}
			return c.table(cmd.OutOrStdout(), texts.Columns.Failures, rows)
		},
	})
}

func (c *cli) channelTestCommand() *cobra.Command {
	t := texts.Notify
	var to control.Recipient
	cmd := &cobra.Command{
		Use: "test NAME", Short: t.Test.In(c.lang), Long: t.TestLong.In(c.lang), Args: c.args(1, 1),
		Example: "  linli channel test sms --to 13800000000\n  linli channel test dingtalk --caregiver li",
		RunE: func(cmd *cobra.Command, args []string) error {
			if (to.Address == "") == (to.Caregiver == "") {
				return mendable{texts.Errorf(t.ToOrCaregiver)}
			}
			var result alert.Result
			if err := c.ask(cmd, http.MethodPost, "/v1/channels/"+url.PathEscape(args[0])+"/test", to, &result); err != nil {
				return err
			}
			switch result.Class {
			case alert.Accepted:
				c.say(cmd, t.TestAccepted, args[0], result.Detail)
				return nil
			case alert.Unknown:
				return texts.Errorf(t.TestUnanswered, args[0], result.Detail)
			}
			return texts.Errorf(t.TestRefused, args[0], string(result.Class), result.Detail)
		},
	}
	cmd.Flags().StringVar(&to.Address, "to", "", t.ToFlag.In(c.lang))
	cmd.Flags().StringVar(&to.Caregiver, "caregiver", "", t.CaregiverFlag.In(c.lang))
	return cmd
}
