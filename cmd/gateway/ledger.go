package main

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

func (c *cli) alertCommand() *cobra.Command {
	t := texts.AlertExplain
	return c.group("alert", t.Alert, c.doorCommand(), c.drillCommand(), &cobra.Command{
		Use: "explain INCIDENT", Short: t.Explain.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var lines []string
			if err := c.ask(cmd, http.MethodGet, "/v1/incidents/"+url.PathEscape(args[0])+"/explain", nil, &lines); err != nil {
				return err
			}
			for _, line := range lines {
				cmd.Println(line)
			}
			return nil
		},
	})
}

func (c *cli) drillCommand() *cobra.Command {
	t := texts.AlertDrill
	return &cobra.Command{
		Use: "drill", Short: t.Command.In(c.lang), Long: t.CommandLong.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var d control.Drilled
			if err := c.ask(cmd, http.MethodPost, "/v1/drill", nil, &d); err != nil {
				return err
			}
			if d.Failed != "" {
				return texts.Errorf(t.Failed, texts.PartsOf(c.lang, d.Failed))
			}
			c.say(cmd, t.Passed, d.Took.Round(time.Millisecond))
			return nil
		},
	}
}

func (c *cli) ledgerCommand() *cobra.Command {
	t := texts.AlertExplain
	var head string
	verify := &cobra.Command{
		Use: "verify", Short: t.Verify.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var v alert.Verdict
			if err := c.ask(cmd, http.MethodGet, "/v1/ledger/verdict?head="+url.QueryEscape(head), nil, &v); err != nil {
				return err
			}
			switch {
			case v.Broken > 0:
				return texts.Errorf(t.Broken, v.Broken)
			case !v.Known:
				return texts.Errorf(t.Strange, head)
			case v.Entries == 0:
				c.say(cmd, t.Empty)
			default:
				c.say(cmd, t.Whole, v.Entries, v.First, v.Head)
			}
			return nil
		},
	}
	verify.Flags().StringVar(&head, "head", "", t.HeadFlag.In(c.lang))
	var asCSV bool
	export := &cobra.Command{
		Use: "export", Short: t.Export.In(c.lang), Args: c.args(0, 0), Example: "  linli ledger export --csv > ledger.csv",
		RunE: func(cmd *cobra.Command, _ []string) error { return c.exportLedger(cmd, asCSV) },
	}
	weekly := &cobra.Command{
		Use: "weekly", Short: t.Weekly.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var weeks []alert.Week
			if err := c.ask(cmd, http.MethodGet, "/v1/ledger/weeks", nil, &weeks); err != nil {
				return err
			}
			if asCSV {
				return alert.WriteWeeks(cmd.OutOrStdout(), weeks)
			}
			for _, w := range weeks {
				c.say(cmd, t.WeekLine, w.Week, w.Of(c.lang), w.Incidents, w.AckMedian, w.Ack95, w.Within60, w.Within180, w.ArriveMedian, w.Resolved, w.False, w.Advice(c.lang))
			}
			return nil
		},
	}
	for _, cmd := range []*cobra.Command{export, weekly} {
		cmd.Flags().BoolVar(&asCSV, "csv", false, t.CSVFlag.In(c.lang))
	}
	return c.group("ledger", t.Ledger, verify, export, weekly)
}

// exportLedger prints all entries, as JSON lines or as CSV.
func (c *cli) exportLedger(cmd *cobra.Command, asCSV bool) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	client := control.Client{HTTP: control.Dial(cfg.Socket), Lang: c.lang}
	body, err := client.Stream(cmd.Context(), http.MethodGet, "/v1/ledger", nil)
	if err != nil {
		return c.explain(cfg.Socket, err)
	}
	defer body.Close()
	lines, table := json.NewEncoder(cmd.OutOrStdout()), csv.NewWriter(cmd.OutOrStdout())
	if asCSV {
		if err := table.Write([]string{"n", "at", "type", "incident", "id", "data", "prev", "hash"}); err != nil {
			return err
		}
	}
	for in := json.NewDecoder(body); ; {
		var r control.Recorded
		if err := in.Decode(&r); err != nil {
			return texts.Errorf(texts.Inspect.Ended)
		}
		if r.End != nil {
			break
		}
		if !asCSV {
			err = lines.Encode(r.Entry)
		} else {
			err = table.Write([]string{strconv.FormatUint(r.N, 10), r.At.Wall.Format(time.RFC3339), string(r.Type), r.Incident, r.ID, string(r.Data), r.Prev, r.Hash})
		}
		if err != nil {
			return err
		}
	}
	table.Flush()
	return table.Error()
}
