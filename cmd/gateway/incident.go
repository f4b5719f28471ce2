package main

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

func (c *cli) showIncidentCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: texts.ConsoleIncidents.Show.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.incident(cmd, args[0])
			if err != nil {
				return err
			}
			c.sayIncident(cmd, i)
			return nil
		},
	}
}

// incident asks the daemon for one incident.
func (c *cli) incident(cmd *cobra.Command, id string) (alert.Incident, error) {
	var all []alert.Incident
	if err := c.ask(cmd, http.MethodGet, "/v1/incidents", nil, &all); err != nil {
		return alert.Incident{}, err
	}
	n := slices.IndexFunc(all, func(i alert.Incident) bool { return i.ID == id })
	if n < 0 {
		return alert.Incident{}, mendable{texts.Errorf(texts.ConsoleIncidents.NoSuch, id)}
	}
	return all[n], nil
}

func (c *cli) sayIncident(cmd *cobra.Command, i alert.Incident) {
	t := texts.ConsoleIncidents
	c.say(cmd, t.Priority, i.Kind.Text(), i.Priority.Text(), i.Phase.Text())
	c.say(cmd, t.Phase, i.Round, i.Step)
	if where := strings.TrimSpace(i.Building + " " + i.Room + " " + i.Place); where != "" {
		c.say(cmd, t.Where, where)
	}
	c.say(cmd, t.Raised, clockTime(i.Raised))
	for _, s := range i.Because {
		c.say(cmd, t.Because, s.Text(c.lang))
	}
	for _, d := range i.Deliveries {
		if d.Step == i.Step {
			c.say(cmd, t.Step, d.Recipient, d.Channel, string(d.Result), d.Attempts, d.Detail)
		}
	}
	if a := i.Acknowledged; a != nil {
		c.say(cmd, t.Taken, alert.PhaseAcknowledged.Text(), a.By, a.How, clockTime(a.At))
	}
	if a := i.OnScene; a != nil {
		c.say(cmd, t.Taken, alert.PhaseOnScene.Text(), a.By, a.How, clockTime(a.At))
	}
	for _, n := range i.Notes {
		if n.To != "" {
			c.say(cmd, t.HandedOver, clockTime(n.At), n.By, n.To)
		} else {
			c.say(cmd, t.Said, clockTime(n.At), n.By, n.Text)
		}
	}
	if a := i.Resolved; a != nil {
		c.say(cmd, t.Closed, clockTime(a.At), a.By, a.Cause.Text())
	}
}

// clockTime is a stamp in the box's zone, with a question mark where the clock
// was not sure.
func clockTime(s devices.Stamp) string {
	at := s.Wall.Local().Format(time.DateTime)
	if !s.Synced {
		at += "?"
	}
	return at
}
