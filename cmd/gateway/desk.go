package main

import (
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/desk"
	"github.com/linli-edge/gateway/devices/texts"
)

// deskCommand is how staff enter services that were given without a code, so
// that they are counted beside the others.
func (c *cli) deskCommand() *cobra.Command {
	t := texts.Desk
	var e control.DeskEntry
	var at string
	cmd := &cobra.Command{
		Use: "desk WAY", Short: t.Short.In(c.lang), Long: t.Long.In(c.lang), Args: c.args(1, 1),
		Example: `  linli desk phone --facility meals --count 3 --service meal_order --by zhou
  linli desk key --facility east --at 14:30 --by zhou`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.require(cmd, "facility", "by"); err != nil {
				return err
			}
			e.Way = args[0]
			if err := c.enter(cmd, "/v1/desk", &e.ID, &e.At, at, &e); err != nil {
				return err
			}
			c.say(cmd, t.Recorded, max(1, e.Count), desk.WayText(e.Way), e.Facility, e.ID)
			return nil
		},
	}
	cmd.Flags().StringVarP(&e.Facility, "facility", "f", "", t.FacilityFlag.In(c.lang))
	cmd.Flags().IntVar(&e.Count, "count", 1, t.CountFlag.In(c.lang))
	cmd.Flags().StringVar(&e.Service, "service", "", t.ServiceFlag.In(c.lang))
	cmd.Flags().StringVar(&e.By, "by", "", t.ByFlag.In(c.lang))
	cmd.Flags().StringVar(&at, "at", "", t.AtFlag.In(c.lang))
	cmd.Flags().StringVar(&e.ID, "id", "", t.IDFlag.In(c.lang))
	return cmd
}

// visitCommand is how a caregiver enters a visit where nothing can be tapped.
func (c *cli) visitCommand() *cobra.Command {
	t := texts.Desk
	var e control.VisitEntry
	var at string
	cmd := &cobra.Command{
		Use: "visit ELDER", Short: t.Visit.In(c.lang), Args: c.args(1, 1),
		Example: "  linli visit e302 --by li --at 09:30",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.require(cmd, "by"); err != nil {
				return err
			}
			e.Elder = args[0]
			if err := c.enter(cmd, "/v1/visits", &e.ID, &e.At, at, &e); err != nil {
				return err
			}
			c.say(cmd, t.Visited, e.By, e.Elder, e.ID)
			return nil
		},
	}
	cmd.Flags().StringVar(&e.By, "by", "", t.CaregiverFlag.In(c.lang))
	cmd.Flags().StringVar(&at, "at", "", t.AtFlag.In(c.lang))
	cmd.Flags().StringVar(&e.ID, "id", "", t.IDFlag.In(c.lang))
	return cmd
}

// enter sends an entry to the daemon. If it is not known whether that has
// recorded it, the message says how to repeat it without counting it twice.
func (c *cli) enter(cmd *cobra.Command, path string, id *string, when *time.Time, at string, entry any) error {
	given := *id != ""
	if !given {
		*id = strings.ToLower(rand.Text())[:12]
	}
	if at != "" {
		var err error
		if *when, err = timeOfDay(at, time.Now()); err != nil {
			return mendable{texts.Errorf(texts.Desk.BadTime, at)}
		}
	}
	err := c.ask(cmd, http.MethodPost, path, entry, nil)
	if err == nil || given {
		return err
	}
	if errors.As(err, new(mendable)) {
		return err // it was refused, or nobody was there
	}
	return texts.Errorf(texts.Desk.Repeat, err, *id)
}

// timeOfDay reads 14:30 of today, 2026-11-23 14:30, or RFC 3339.
func timeOfDay(s string, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if t, err := time.ParseInLocation("2006-01-02 15:04", s, now.Location()); err == nil {
		return t, nil
	}
	t, err := time.ParseInLocation("15:04", s, now.Location())
	if err != nil {
		return t, err
	}
	y, m, d := now.Date()
	return time.Date(y, m, d, t.Hour(), t.Minute(), 0, 0, now.Location()), nil
}
