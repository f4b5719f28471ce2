package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/supervision"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

func (c *cli) loginCommand() *cobra.Command {
	return &cobra.Command{
		Use: "login NAME", Short: texts.Command.Login.In(c.lang), Long: texts.Command.LoginLong.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var link control.Invitation
			if err := c.ask(cmd, http.MethodPost, "/v1/login", map[string]string{"name": args[0]}, &link); err != nil {
				return err
			}
			var urls, secure []string
			for _, host := range hosts() {
				urls = append(urls, "  http://"+net.JoinHostPort(host, link.Port)+link.Path)
				secure = append(secure, "  https://"+net.JoinHostPort(host, link.TLSPort)+link.Path)
			}
			valid := time.Duration(link.Valid) * time.Second
			if link.TLSPort == "" {
				c.say(cmd, texts.Command.LoginURL, valid, strings.Join(urls, "\n"))
				return nil
			}
			c.say(cmd, texts.Command.LoginURL, valid, strings.Join(secure, "\n"))
			c.say(cmd, texts.Door.LoginPlain, net.JoinHostPort(hosts()[0], link.Port), strings.Join(urls, "\n"))
			return nil
		},
	}
}

// hosts are the addresses under which the box may be reached from a phone, and
// at last the box itself.
func hosts() []string {
	var found []string
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		addresses = nil // then there is at least the box itself
	}
	for _, a := range addresses {
		if ip, ok := a.(*net.IPNet); ok && ip.IP.IsGlobalUnicast() && ip.IP.To4() != nil {
			found = append(found, ip.IP.String())
		}
	}
	return append(found, "127.0.0.1")
}

func (c *cli) statusCommand() *cobra.Command {
	t := texts.Status
	return &cobra.Command{
		Use: "status", Short: texts.Command.Status.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s control.Status
			if err := c.ask(cmd, http.MethodGet, "/v1/status", nil, &s); err != nil {
				return err
			}
			c.say(cmd, t.Running, s.Box, s.Version, time.Duration(s.Up)*time.Second)
			if s.NotReady != [2]string{} {
				c.say(cmd, t.NotReady, fromBoth(s.NotReady))
			}
			if s.Unreachable {
				c.say(cmd, t.Unreachable)
			}
			if !s.Synchronised {
				c.say(cmd, t.Clock)
			}
			if s.Locked > 0 {
				c.say(cmd, texts.Device.Locked, s.Locked, s.Key)
			}
			if s.Newcomers > 0 {
				c.say(cmd, texts.Device.Newcomers, s.Newcomers)
			}
			if s.Damaged > 0 {
				c.say(cmd, t.Damaged, s.Damaged, s.Salvaged, s.Lost)
			}
			if s.AuthorityDamaged != "" {
				c.say(cmd, texts.Door.AuthorityDamaged, s.AuthorityDamaged)
			}
			c.say(cmd, texts.Door.Authority, s.Authority)
			c.say(cmd, t.Incidents, s.OpenIncidents)
			c.say(cmd, t.Devices, s.Devices)
			for _, typ := range supervision.Types() {
				if n := s.Findings[typ]; n > 0 {
					c.say(cmd, texts.Supervision.Count, texts.Findings[string(typ)].Begun, n)
				}
			}
			c.say(cmd, t.Journal, s.Events, megabytes(s.Bytes))
			c.say(cmd, t.Province, s.Waiting, s.Refused)
			return nil
		},
	}
}

func megabytes(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/1e6) }

func (c *cli) incidentCommand() *cobra.Command {
	t := texts.Command
	var h control.Human
	act := func(use string, short texts.Text, done texts.Text, flags ...string) *cobra.Command {
		cmd := &cobra.Command{
			Use: use + " ID", Short: short.In(c.lang), Args: c.args(1, 1),
			RunE: func(cmd *cobra.Command, args []string) error {
				if err := c.require(cmd, flags...); err != nil {
					return err
				}
				if err := c.ask(cmd, http.MethodPost, "/v1/incidents/"+url.PathEscape(args[0])+"/"+use, h, nil); err != nil {
					return err
				}
				c.say(cmd, done, args[0], h.By)
				return nil
			},
		}
		cmd.Flags().StringVar(&h.By, "by", "", t.ByFlag.In(c.lang))
		return cmd
	}
	u := texts.ConsoleIncidents
	note := act("note", u.Note, u.NoteDone, "by", "text")
	note.Flags().StringVar(&h.Text, "text", "", u.TextFlag.In(c.lang))
	handOver := act("handover", u.HandOver, u.HandOverDone, "by", "to")
	handOver.Flags().StringVar(&h.To, "to", "", u.ToFlag.In(c.lang))
	resolve := act("resolve", t.IncidentResolve, t.Resolved, "by", "cause")
	var causes []string
	for _, cause := range alert.Causes() {
		said := string(cause)
		if words := cause.Text().In(c.lang); words != said {
			said += " (" + words + ")"
		}
		causes = append(causes, said)
	}
	resolve.Flags().StringVar((*string)(&h.Cause), "cause", "", t.CauseFlag.In(c.lang, strings.Join(causes, ", ")))
	return c.group("incident", t.Incident, &cobra.Command{
		Use: "list", Short: t.IncidentList.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var incidents []alert.Incident
			if err := c.ask(cmd, http.MethodGet, "/v1/incidents", nil, &incidents); err != nil {
				return err
			}
			if len(incidents) == 0 {
				c.say(cmd, t.NoIncidents)
				return nil
			}
			var rows [][]string
			for _, i := range incidents {
				rows = append(rows, []string{i.ID, i.Raised.Wall.Local().Format(time.DateTime),
					i.Priority.Text().In(c.lang), i.Kind.Text().In(c.lang), i.Phase.Text().In(c.lang), i.Building, i.Room, whoHas(i)})
			}
			return c.table(cmd.OutOrStdout(), texts.Columns.Incidents, rows)
		},
	}, c.showIncidentCommand(), act("acknowledge", t.IncidentAcknowledge, t.Acknowledged, "by"),
		act("onscene", u.OnScene, u.OnSceneDone, "by"), note, handOver, resolve)
}

// whoHas is who acknowledged or resolved the incident, "" for nobody.
func whoHas(i alert.Incident) string {
	switch {
	case i.Resolved != nil:
		return i.Resolved.By
	case i.Acknowledged != nil:
		return i.Acknowledged.By
	}
	return ""
}

func (c *cli) journalCommand() *cobra.Command {
	t := texts.Command
	return c.group("journal", t.Journal, c.statCommand(), c.tailCommand(), c.verifyCommand(), c.exportCommand())
}
