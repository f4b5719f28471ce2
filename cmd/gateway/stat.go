package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
)

func (c *cli) statCommand() *cobra.Command {
	endurance := journal.DefaultEndurance / 1e12
	asJSON := false
	cmd := &cobra.Command{
		Use: "stat", Short: texts.Command.JournalStat.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var s journal.Stats
			if err := c.ask(cmd, http.MethodGet, "/v1/journal", nil, &s); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(s)
			}
			var chains, followers [][]string
			for _, chain := range []journal.Chain{journal.Urgent, journal.Ordinary} {
				x, oldest := s.Chains[chain], "-"
				if !x.Oldest.IsZero() {
					oldest = x.Oldest.Local().Format(time.DateTime)
				}
				chains = append(chains, []string{chain.String(), fmt.Sprint(x.First), fmt.Sprint(x.Last), fmt.Sprint(x.Files), bytesOf(float64(x.Bytes)), oldest})
			}
			if err := c.table(cmd.OutOrStdout(), texts.Columns.Chains, chains); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout())
			for _, f := range s.Followers {
				followers = append(followers, []string{f.Name, fmt.Sprint(f.Lag[journal.Urgent]), fmt.Sprint(f.Lag[journal.Ordinary])})
			}
			if err := c.table(cmd.OutOrStdout(), texts.Columns.Followers, followers); err != nil {
				return err
			}
			fmt.Fprintln(cmd.OutOrStdout())
			c.say(cmd, texts.Wear.Reserve, bytesOf(float64(s.Reserve)))
			c.sayWear(cmd, s.Wear, endurance)
			return nil
		},
	}
	cmd.Flags().Float64Var(&endurance, "endurance", endurance, texts.Wear.Flag.In(c.lang))
	cmd.Flags().BoolVar(&asJSON, "json", false, texts.Wear.JSON.In(c.lang))
	return cmd
}

// sayWear tells how much is written, and what that means for a card of an
// endurance in TB.
func (c *cli) sayWear(cmd *cobra.Command, w journal.Wear, endurance float64) {
	if w.Bytes == 0 {
		c.say(cmd, texts.Wear.Idle)
		return
	}
	c.say(cmd, texts.Wear.Written, w.Measured.Round(time.Second), bytesOf(float64(w.Bytes)), bytesOf(w.PerEvent()), bytesOf(w.PerDay()))
	c.say(cmd, texts.Wear.Lasts, endurance, w.Years(endurance*1e12), journal.Rewriting)
}

// bytesOf is a number of bytes as people read it.
func bytesOf(n float64) string {
	for _, unit := range []struct {
		name  string
		bytes float64
	}{{"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}} {
		if n >= unit.bytes {
			return fmt.Sprintf("%.1f %s", n/unit.bytes, unit.name)
		}
	}
	return fmt.Sprintf("%.0f B", n)
}
