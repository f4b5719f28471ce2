package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/registry/sheet"
	"github.com/linli-edge/gateway/devices/texts"
)

// whoAsks is the person at the keyboard, for the history.
func whoAsks() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// kindName is what people call a kind.
func (c *cli) kindName(k devices.Kind) string {
	if known, ok := kinds.Of(k); ok {
		return known.Text.In(c.lang)
	}
	if k == devices.KindBridge {
		return texts.Kinds.Bridge.In(c.lang)
	}
	return string(k)
}

func (c *cli) listDevicesCommand() *cobra.Command {
	var unknown, ignored bool
	cmd := &cobra.Command{
		Use: "list", Short: texts.Command.DeviceList.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case unknown:
				return c.listUnknown(cmd)
			case ignored:
				return c.listIgnored(cmd)
			}
			var all []registry.Device
			if err := c.ask(cmd, http.MethodGet, "/v1/devices", nil, &all); err != nil {
				return err
			}
			health, err := c.healths(cmd)
			if err != nil {
				return err
			}
			var rows [][]string
			for _, d := range all {
				heard, battery, state := c.healthColumns(health, d)
				rows = append(rows, []string{d.ID, string(d.Kind), d.Facility, d.Elder, place(d), d.Bridge, d.Name, heard, battery, state})
			}
			return c.table(cmd.OutOrStdout(), texts.Columns.Devices, rows)
		},
	}
	cmd.Flags().BoolVar(&unknown, "unknown", false, texts.Device.UnknownFlag.In(c.lang))
	cmd.Flags().BoolVar(&ignored, "ignored", false, texts.Device.IgnoredFlag.In(c.lang))
	return cmd
}

// place is where a device is, in short.
func place(d registry.Device) string {
	var parts []string
	if d.Compartment > 0 {
		parts = append(parts, fmt.Sprint("#", d.Compartment))
	}
	return strings.TrimSpace(strings.Join(append(parts, d.Room, d.Bed), " "))
}

func (c *cli) listUnknown(cmd *cobra.Command) error {
	var all []registry.Unknown
	if err := c.ask(cmd, http.MethodGet, "/v1/inbox", nil, &all); err != nil {
		return err
	}
	if len(all) == 0 {
		c.say(cmd, texts.Device.NoUnknown)
		return nil
	}
	var rows [][]string
	for _, u := range all {
		var looks []string
		for _, k := range u.Kinds {
			looks = append(looks, c.kindName(k))
		}
		says := u.Payload
		if u.Help {
			says = "!" + texts.Device.Help.In(c.lang) + " " + says
		}
		if len(says) > 80 {
			says = strings.ToValidUTF8(says[:80], "") + "…"
		}
		rows = append(rows, []string{u.ID, cmp.Or(u.Bridge, "-"), u.Address, strings.Join(looks, " "), u.Last.Wall.Local().Format(time.DateTime), fmt.Sprint(u.Count), says})
	}
	if len(all) >= registry.MaxUnknown {
		defer c.say(cmd, texts.ConsoleDevices.Full, registry.MaxUnknown)
	}
	return c.table(cmd.OutOrStdout(), texts.Columns.Unknown, rows)
}

func (c *cli) listIgnored(cmd *cobra.Command) error {
	var all []registry.Verdict
	if err := c.ask(cmd, http.MethodGet, "/v1/verdicts", nil, &all); err != nil {
		return err
	}
	var rows [][]string
	for _, v := range all {
		state := "ignored"
		if v.Blocked {
			state = "blocked"
		}
		rows = append(rows, []string{v.ID, cmp.Or(v.Bridge, "-"), v.Address, state})
	}
	return c.table(cmd.OutOrStdout(), texts.Columns.Verdicts, rows)
}

func (c *cli) showDeviceCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: texts.Device.Show.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var all []registry.Device
			if err := c.ask(cmd, http.MethodGet, "/v1/devices", nil, &all); err != nil {
				return err
			}
			var unknown []registry.Unknown
			if err := c.ask(cmd, http.MethodGet, "/v1/inbox", nil, &unknown); err != nil {
				return err
			}
			var found any
			if i := slices.IndexFunc(all, func(d registry.Device) bool { return d.ID == args[0] }); i >= 0 {
				found = all[i]
			} else if i := slices.IndexFunc(unknown, func(u registry.Unknown) bool { return u.ID == args[0] || u.Address == args[0] }); i >= 0 {
				found = unknown[i]
			} else {
				return mendable{texts.Errorf(texts.Device.NotRegistered, args[0])}
			}
			out := json.NewEncoder(cmd.OutOrStdout())
			out.SetIndent("", "  ")
			out.SetEscapeHTML(false)
			return out.Encode(found)
		},
	}
}

// places are the flags that say where a device is, called like the fields that
// they fill.
func (c *cli) places(cmd *cobra.Command, d *registry.Device) []string {
	t, own := texts.Command, texts.Device
	f := cmd.Flags()
	f.StringVarP(&d.Facility, "facility", "f", "", t.FacilityFlag.In(c.lang))
	f.IntVar(&d.Compartments, "compartments", 0, t.CompartmentsFlag.In(c.lang))
	f.IntVar(&d.Compartment, "compartment", 0, t.CompartmentFlag.In(c.lang))
	f.StringVarP(&d.Elder, "elder", "e", "", own.ElderFlag.In(c.lang))
	f.StringVar(&d.Room, "room", "", own.RoomFlag.In(c.lang))
	f.StringVar(&d.Bed, "bed", "", own.BedFlag.In(c.lang))
	return []string{"facility", "compartments", "compartment", "elder", "room", "bed"}
}

func (c *cli) adoptCommand() *cobra.Command {
	var d registry.Device
	cmd := &cobra.Command{
		Use: "adopt WHO", Short: texts.Device.Adopt.In(c.lang), Long: texts.Device.AdoptLong.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var done control.Registered
			if err := c.ask(cmd, http.MethodPost, "/v1/inbox/"+url.PathEscape(args[0])+"/adopt", d, &done); err != nil {
				return err
			}
			c.say(cmd, texts.Device.Adopted, done.Device.ID, c.kindName(done.Device.Kind))
			c.saySecret(cmd, done)
			return nil
		},
	}
	c.places(cmd, &d)
	cmd.Flags().StringVar(&d.ID, "id", "", texts.Device.IDFlag.In(c.lang))
	cmd.Flags().StringVarP((*string)(&d.Kind), "kind", "k", "", texts.Device.KindFlag.In(c.lang))
	cmd.Flags().StringVarP(&d.Name, "name", "n", "", texts.Command.NameFlag.In(c.lang))
	cmd.Example = `  linli device adopt u-3f9dk2m7qa --elder e302 --room 卫生间
  linli device adopt locker-7 --kind locker --facility east --compartments 24`
	return cmd
}

func (c *cli) saySecret(cmd *cobra.Command, r control.Registered) {
	if r.Secret != "" {
		c.say(cmd, texts.Command.DeviceSecret, r.Device.ID, r.Secret)
	}
}

// simple is a command that asks one thing about one sender or device.
func (c *cli) simple(use string, short, done texts.Text, method string, path func(id string) string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.ask(cmd, method, path(url.PathEscape(args[0])), nil, nil); err != nil {
				return err
			}
			c.say(cmd, done, args[0])
			return nil
		},
	}
}

// patch changes the named fields of a device.
func (c *cli) patch(cmd *cobra.Command, id string, fields map[string]any, done texts.Text) error {
	if len(fields) == 0 {
		return mendable{texts.Errorf(texts.Device.Nothing, cmd.CommandPath())}
	}
	if err := c.ask(cmd, http.MethodPatch, "/v1/devices/"+url.PathEscape(id), fields, nil); err != nil {
		return err
	}
	c.say(cmd, done, id)
	return nil
}

// placing is bind, which makes a new binding, or move, which changes one.
func (c *cli) placing(use string, short, long texts.Text, always ...string) *cobra.Command {
	var d registry.Device
	var flags []string
	cmd := &cobra.Command{
		Use: use, Short: short.In(c.lang), Long: long.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			values := map[string]any{"facility": d.Facility, "compartments": d.Compartments, "compartment": d.Compartment, "elder": d.Elder, "room": d.Room, "bed": d.Bed}
			fields, given := map[string]any{}, false
			for _, name := range flags {
				changed := cmd.Flags().Changed(name)
				given = given || changed
				if changed || slices.Contains(always, name) {
					fields[name] = values[name]
				}
			}
			if !given {
				clear(fields)
			}
			return c.patch(cmd, args[0], fields, texts.Device.Changed)
		},
	}
	flags = c.places(cmd, &d)
	return cmd
}

func (c *cli) renameCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rename ID NAME", Short: texts.Device.Rename.In(c.lang), Args: c.args(2, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return c.patch(cmd, args[0], map[string]any{"name": args[1]}, texts.Device.Changed)
		},
	}
}

func (c *cli) retireCommand() *cobra.Command {
	var undo bool
	cmd := &cobra.Command{
		Use: "retire ID", Short: texts.Device.Retire.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			done := texts.Device.Retired
			if undo {
				done = texts.Device.Revived
			}
			return c.patch(cmd, args[0], map[string]any{"retired": !undo}, done)
		},
	}
	cmd.Flags().BoolVar(&undo, "undo", false, texts.Device.ReviveFlag.In(c.lang))
	return cmd
}

func (c *cli) replaceCommand() *cobra.Command {
	var with string
	cmd := &cobra.Command{
		Use: "replace ID", Short: texts.Device.Replace.In(c.lang), Long: texts.Device.ReplaceLong.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var done control.Registered
			err := c.ask(cmd, http.MethodPost, "/v1/devices/"+url.PathEscape(args[0])+"/replace", map[string]string{"with": with}, &done)
			if err != nil {
				return err
			}
			c.say(cmd, texts.Device.Replaced, done.Device.ID)
			c.saySecret(cmd, done)
			return nil
		},
	}
	cmd.Flags().StringVar(&with, "with", "", texts.Device.WithFlag.In(c.lang))
	cmd.Example = "  linli device replace sos-302 --with u-3f9dk2m7qa"
	return cmd
}

func (c *cli) pairingCommand() *cobra.Command {
	var stop bool
	cmd := &cobra.Command{
		Use: "pairing", Short: texts.Device.Pairing.In(c.lang), Long: texts.Device.PairingLong.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			method := http.MethodPost
			if stop {
				method = http.MethodDelete
			}
			var p control.Pairing
			if err := c.ask(cmd, method, "/v1/pairing", nil, &p); err != nil {
				return err
			}
			if p.Left == 0 {
				c.say(cmd, texts.Device.PairingShut)
			} else {
				c.say(cmd, texts.Device.PairingOpen, time.Duration(p.Left)*time.Second)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&stop, "stop", false, texts.Device.StopFlag.In(c.lang))
	return cmd
}

func (c *cli) importCommand() *cobra.Command {
	var dry, template bool
	cmd := &cobra.Command{
		Use: "import FILE", Short: texts.Device.Import.In(c.lang), Long: texts.Device.ImportLong.In(c.lang), Args: c.args(0, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if template {
				fmt.Fprint(cmd.OutOrStdout(), sheet.Template(c.lang))
				return nil
			}
			if len(args) == 0 {
				return mendable{texts.Errorf(texts.Command.WrongArgs, cmd.UseLine())}
			}
			content, err := os.ReadFile(args[0])
			if err != nil {
				return unread(args[0], err)
			}
			query := url.Values{"name": {filepath.Base(args[0])}}
			if dry {
				query.Set("dry_run", "1")
			}
			var done control.Imported
			if err := c.ask(cmd, http.MethodPost, "/v1/import?"+query.Encode(), content, &done); err != nil {
				return err
			}
			c.sayImported(cmd, done, dry)
			return nil
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, texts.Device.DryFlag.In(c.lang))
	cmd.Flags().BoolVar(&template, "template", false, texts.Device.TemplateFlag.In(c.lang))
	cmd.Example = `  linli import --template > devices.csv
  linli import devices.csv --dry-run
  linli import devices.csv`
	return cmd
}

func (c *cli) sayImported(cmd *cobra.Command, done control.Imported, dry bool) {
	t := texts.Device
	if len(done.Changes) == 0 {
		c.say(cmd, t.Same)
		return
	}
	for _, change := range done.Changes {
		line := t.Edited
		if change.What == registry.Added {
			line = t.Added
		}
		c.say(cmd, line, registry.NameOf(change.Table), change.ID)
		for _, f := range change.Fields {
			c.say(cmd, t.Field, f.Name, cmp.Or(f.Old, "-"), cmp.Or(f.New, "-"))
		}
	}
	if dry {
		c.say(cmd, t.DryRun, len(done.Changes))
		return
	}
	c.say(cmd, t.Imported, len(done.Changes))
	for _, id := range slices.Sorted(maps.Keys(done.Secrets)) {
		c.say(cmd, texts.Command.DeviceSecret, id, done.Secrets[id])
	}
}
