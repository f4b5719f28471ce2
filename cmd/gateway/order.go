package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	orders "github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/texts"
)

// orderCommand is "device command": what people ask of a device, with its
// outcome.
func (c *cli) orderCommand() *cobra.Command {
	t := texts.OrderCommand
	open := c.order("open ID [COMPARTMENT]", t.Open, 1, 2, func(args []string) (o control.Order, err error) {
		o.Action = orders.Open
		if len(args) == 2 {
			if o.Data.Compartment, err = strconv.Atoi(args[1]); err != nil {
				return o, mendable{texts.Errorf(t.Number, args[1])}
			}
		}
		return o, nil
	})
	ring := c.order("ring ID", t.Ring, 1, 1, func([]string) (control.Order, error) { return control.Order{Action: orders.Ring}, nil })
	notify := c.order("notify ID [MESSAGE]", t.Notify, 1, 2, func(args []string) (control.Order, error) {
		o := control.Order{Action: orders.Notify}
		if len(args) == 2 {
			o.Data.Message = args[1]
		}
		return o, nil
	})
	set := c.order("set ID NAME VALUE", t.Set, 3, 3, func(args []string) (control.Order, error) {
		value := json.RawMessage(args[2])
		if !json.Valid(value) { // a text needs no quotes
			value, _ = json.Marshal(args[2]) // a string always has a form
		}
		return control.Order{Action: orders.Set, Data: orders.Data{Name: args[1], Value: value}}, nil
	})
	g := c.group("command", t.Group, open, ring, notify, set, &cobra.Command{
		Use: "list", Short: t.List.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var all []orders.Command
			if err := c.ask(cmd, http.MethodGet, "/v1/commands", nil, &all); err != nil {
				return err
			}
			var rows [][]string
			for _, o := range all {
				rows = append(rows, []string{o.ID, o.Asked.Wall.Local().Format(time.DateTime), o.Device,
					orders.What(o.Action, o.Data, c.lang), o.By, o.Words(c.lang)})
			}
			return c.table(cmd.OutOrStdout(), texts.Columns.Orders, rows)
		},
	})
	g.Example = `  linli device command open locker-east 12 --by li
  linli device command ring band-302 --by li
  linli device command set band-302 volume 3 --by li`
	return g
}

// order is a command that asks one thing of a device, waits for its outcome,
// and tells on the way how far it has come.
func (c *cli) order(use string, short texts.Text, least, most int, read func(args []string) (control.Order, error)) *cobra.Command {
	t := texts.OrderCommand
	var by, id string
	var valid time.Duration
	cmd := &cobra.Command{
		Use: use, Short: short.In(c.lang), Args: c.args(least, most),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.require(cmd, "by"); err != nil {
				return err
			}
			o, err := read(args)
			if err != nil {
				return err
			}
			o.By, o.ID, o.Valid = by, id, valid.Seconds()
			return c.carryOut(cmd, args[0], o)
		},
	}
	cmd.Flags().StringVar(&by, "by", "", t.ByFlag.In(c.lang))
	cmd.Flags().StringVar(&id, "id", "", t.IDFlag.In(c.lang))
	cmd.Flags().DurationVar(&valid, "valid", 0, t.ValidFlag.In(c.lang))
	return cmd
}

// carryOut asks the daemon, and prints each phase as it comes. The error is
// what became of it, if it was not done.
func (c *cli) carryOut(cmd *cobra.Command, device string, o control.Order) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	client := control.Client{HTTP: control.Dial(cfg.Socket), Lang: c.lang}
	body, err := client.Stream(cmd.Context(), http.MethodPost, "/v1/devices/"+url.PathEscape(device)+"/commands", o)
	if err != nil {
		return c.explain(cfg.Socket, err)
	}
	defer body.Close()
	t, in := texts.OrderCommand, json.NewDecoder(body)
	var last orders.Command
	for {
		var now orders.Command
		if err := in.Decode(&now); errors.Is(err, io.EOF) && last.ID != "" && last.Over() {
			break
		} else if err != nil {
			return texts.Errorf(t.Unknown, last.ID)
		}
		if last.ID == "" {
			c.say(cmd, t.Taken, now.ID, now.Device, orders.What(now.Action, now.Data, c.lang))
		}
		if last = now; now.Phase != orders.PhaseFailed {
			c.say(cmd, t.Progress, now.Words(c.lang))
		}
	}
	if last.Phase == orders.PhaseFailed {
		return texts.Errorf(t.Failed, last.ID, orders.ReasonText(last.Reason))
	}
	return nil
}
