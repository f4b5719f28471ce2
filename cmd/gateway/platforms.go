package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/province"
	"github.com/linli-edge/gateway/sync/province/conformance"
	"github.com/linli-edge/gateway/sync/province/contract"
)

func (c *cli) provinceCommand() *cobra.Command {
	t := texts.Figures
	return c.group("province", t.Province, c.provinceStatusCommand(), c.reconcileCommand(),
		c.destined("resend PERIOD", t.Resend, func(cmd *cobra.Command, target control.Target, arg string) error {
			if target.Period = arg; !isPeriod(arg) {
				return mendable{texts.Errorf(t.BadPeriod, arg)}
			}
			if err := c.ask(cmd, http.MethodPost, "/v1/province/resend", target, nil); err != nil {
				return err
			}
			c.say(cmd, t.Resent)
			return nil
		}),
		c.destined("enrol CODE", t.Enrol, func(cmd *cobra.Command, target control.Target, arg string) error {
			target.Code = arg
			if err := c.ask(cmd, http.MethodPost, "/v1/province/enrol", target, nil); err != nil {
				return err
			}
			c.say(cmd, t.Enrolled)
			return nil
		}),
		c.explainCommand(), c.checkReceiverCommand())
}

// destined is a command with one argument that concerns one destination, or
// all.
func (c *cli) destined(use string, short texts.Text, do func(*cobra.Command, control.Target, string) error) *cobra.Command {
	var target control.Target
	cmd := &cobra.Command{
		Use: use, Short: short.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error { return do(cmd, target, args[0]) },
	}
	cmd.Flags().StringVar(&target.To, "to", "", texts.Figures.ToFlag.In(c.lang))
	return cmd
}

func isPeriod(s string) bool {
	_, day := time.Parse(time.DateOnly, s)
	_, month := time.Parse("2006-01", s)
	return day == nil || month == nil
}

func (c *cli) provinceStatusCommand() *cobra.Command {
	t := texts.Figures
	return &cobra.Command{
		Use: "status", Short: t.Status.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var list []control.Destination
			if err := c.ask(cmd, http.MethodGet, "/v1/province", nil, &list); err != nil {
				return err
			}
			if len(list) == 0 {
				c.say(cmd, t.None)
			}
			for _, d := range list {
				c.say(cmd, t.Destination, d.Name, d.Waiting)
				if !d.Accepted.IsZero() {
					c.say(cmd, t.Accepted, d.Accepted.Local().Format(time.DateTime))
				}
				if !d.Next.IsZero() {
					c.say(cmd, t.Next, d.Next.Local().Format(time.DateTime))
				}
				if d.Error != "" {
					c.say(cmd, t.Failing, d.Error)
				}
				for _, a := range d.SetAside {
					c.say(cmd, t.Aside, a.Row, a.Reason)
				}
				c.sayReceipts(cmd, d.Receipts)
			}
			return nil
		},
	}
}

func (c *cli) sayReceipts(cmd *cobra.Command, receipts []province.Receipt) {
	t := texts.Figures
	for _, r := range receipts {
		verdict := t.Differs
		if r.Equal {
			verdict = t.Equal
		}
		c.say(cmd, t.Receipt, r.Period, r.Facility, r.Ours, r.Theirs, verdict)
	}
}

func (c *cli) reconcileCommand() *cobra.Command {
	t := texts.Figures
	return c.destined("reconcile PERIOD", t.Reconcile, func(cmd *cobra.Command, target control.Target, arg string) error {
		if target.Period = arg; !isPeriod(arg) {
			return mendable{texts.Errorf(t.BadPeriod, arg)}
		}
		var results map[string][]province.Receipt
		if err := c.ask(cmd, http.MethodPost, "/v1/province/reconcile", target, &results); err != nil {
			return err
		}
		for _, name := range []string{"province", "city"} {
			c.sayReceipts(cmd, results[name])
		}
		return nil
	})
}

func (c *cli) explainCommand() *cobra.Command {
	t := texts.Figures
	return &cobra.Command{
		Use: "explain ROW", Short: t.Explain.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var x control.Explained
			if err := c.ask(cmd, http.MethodGet, "/v1/usage/explain?row="+url.QueryEscape(args[0]), nil, &x); err != nil {
				return err
			}
			denominator, of := "-", int64(0)
			if x.Row.Denominator != nil {
				of = *x.Row.Denominator
				denominator = strconv.FormatInt(of, 10)
			}
			c.say(cmd, t.Row, x.Day, x.Facility, x.Indicator, x.Row.Numerator, denominator, x.Generation, x.N)
			for _, p := range x.Parts {
				c.say(cmd, t.Part, chainName(p.Chain), p.Seq, p.Numerator, p.Denominator, p.Received.Wall.Local().Format(time.DateTime)+" "+p.Who, p.What)
			}
			c.say(cmd, t.Sum, x.Numerator, x.Denominator)
			if x.Numerator != x.Row.Numerator || x.Denominator != of {
				c.say(cmd, t.Trimmed)
			}
			return nil
		},
	}
}

func (c *cli) checkReceiverCommand() *cobra.Command {
	t := texts.Figures
	var box, secretFile, sign string
	cmd := &cobra.Command{
		Use: "check-receiver URL", Short: t.Check.In(c.lang), Long: t.CheckLong.In(c.lang), Args: c.args(1, 1),
		Example: "  linli province check-receiver https://platform.example.gov.cn/v1/rows --box conformance-1 --secret-file secret.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.require(cmd, "box", "secret-file"); err != nil {
				return err
			}
			secret, err := firmwareconfig.Secret(secretFile)
			if err != nil {
				return mendable{err}
			}
			scheme := contract.HMAC(secret)
			if sign == contract.NameHMACSM3 {
				scheme = contract.HMACSM3(secret, contract.Form{})
			}
			failed, all := 0, 0
			for check := range conformance.Run(cmd.Context(), http.DefaultClient, args[0], box, scheme, time.Now) {
				all++
				if check.Err == nil {
					c.say(cmd, t.Passed, check.Name)
					continue
				}
				failed++
				c.say(cmd, t.Failed, check.Name, check.Err)
			}
			if failed > 0 {
				return texts.Errorf(t.Verdict, failed, all)
			}
			fmt.Fprintln(cmd.OutOrStdout(), t.Verdict.In(c.lang, failed, all))
			return nil
		},
	}
	cmd.Flags().StringVar(&box, "box", "", t.BoxFlag.In(c.lang))
	cmd.Flags().StringVar(&secretFile, "secret-file", "", t.SecretFlag.In(c.lang))
	cmd.Flags().StringVar(&sign, "sign", contract.NameHMACSHA256, t.SignFlag.In(c.lang))
	return cmd
}
