package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
)

func (c *cli) profileCommand() *cobra.Command {
	return c.group("profile", texts.ProfileTool.Group, c.profileTestCommand())
}

// trial is what is tried of a profile.
type trial struct {
	kind        string
	compartment int
	retained    bool
	settings    []string
}

func (c *cli) profileTestCommand() *cobra.Command {
	t := texts.ProfileTool
	var try trial
	cmd := &cobra.Command{
		Use: "test FILE TOPIC PAYLOAD", Short: t.Test.In(c.lang), Long: t.TestLong.In(c.lang), Args: c.args(3, 3),
		Example: `  linli profile test acme.yaml acme/east/event '{"seq":7,"events":[]}'
  linli profile test zigbee2mqtt zigbee2mqtt/302 '{"action":"emergency"}' --kind wearable
  linli profile test homeassistant homeassistant/binary_sensor/x/config @config.json --set base=site`,
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := c.openProfile(args[0], try.settings)
			if err != nil {
				return err
			}
			payload := []byte(args[2])
			if file, ok := strings.CutPrefix(args[2], "@"); ok {
				payload, err = os.ReadFile(file)
			} else if args[2] == "-" {
				payload, err = io.ReadAll(io.LimitReader(cmd.InOrStdin(), discovery.MaxDocument+1))
			}
			if err != nil {
				return unread(strings.TrimPrefix(args[2], "@"), err)
			}
			return c.try(cmd, p, devices.Message{Client: p.Name(), Topic: args[1], Payload: payload, Retained: try.retained}, try)
		},
	}
	cmd.Flags().StringVarP(&try.kind, "kind", "k", "", t.KindFlag.In(c.lang))
	cmd.Flags().IntVar(&try.compartment, "compartment", 1, t.CompartmentFlag.In(c.lang))
	cmd.Flags().BoolVar(&try.retained, "retained", false, t.RetainedFlag.In(c.lang))
	cmd.Flags().StringArrayVar(&try.settings, "set", nil, t.SetFlag.In(c.lang))
	return cmd
}

// openProfile reads a profile from a file, or takes the shipped one of that
// name, with a bridge's settings.
func (c *cli) openProfile(file string, settings []string) (*profile.Profile, error) {
	t := texts.ProfileTool
	own := url.Values{}
	for _, s := range settings {
		name, value, ok := strings.Cut(s, "=")
		if !ok || name == "" {
			return nil, mendable{texts.Errorf(t.BadSet, s)}
		}
		own.Add(name, value)
	}
	name := strings.TrimSuffix(filepath.Base(file), ".yaml")
	source, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		if shipped, inside := fs.ReadFile(firmwareconfig.Profiles(), file+".yaml"); inside == nil {
			source, err = shipped, nil
		}
	}
	if err != nil {
		shipped, _ := fs.Glob(firmwareconfig.Profiles(), "*.yaml")
		return nil, mendable{texts.Errorf(t.NoFile, file, firmwareconfig.Cause(err), strings.ReplaceAll(strings.Join(shipped, ", "), ".yaml", ""))}
	}
	set, err := profile.LoadOne(name, source, kinds.Vocabulary())
	if err != nil {
		return nil, mendable{err}
	}
	if len(own) > 0 {
		name += "?" + own.Encode()
	}
	p, err := set.Open(name)
	if err != nil {
		return nil, mendable{err}
	}
	return p, nil
}

// try prints what comes of a message.
func (c *cli) try(cmd *cobra.Command, p *profile.Profile, m devices.Message, try trial) error {
	t := texts.ProfileTool
	as := p.Kinds()
	if try.kind != "" {
		if as = []devices.Kind{devices.Kind(try.kind)}; !slices.Contains(kinds.Names(), as[0]) {
			return mendable{texts.Errorf(t.NoKind, try.kind, c.kindNames())}
		}
	}
	if form := p.Describes(m.Topic); form != "" {
		c.tryDescription(cmd, p, form, m)
		return nil
	}
	address, ok := p.Address(m)
	switch {
	case !ok:
		return mendable{texts.Errorf(t.UnknownTopic, m.Topic, strings.Join(p.Messages(), "\n  "))}
	case address == "" && p.HasRules(m.Topic):
		c.say(cmd, t.NoAddress)
		return nil
	case address == "":
		c.say(cmd, t.OwnAffair)
		return nil
	}
	c.say(cmd, t.Address, address)
	some := false
	for _, k := range as {
		readings := p.Read(devices.Device{ID: "device", Kind: k, Compartment: try.compartment}, m)
		if len(readings) == 0 {
			continue
		}
		some = true
		kind, _ := kinds.Of(k)
		c.say(cmd, t.Kind, string(k), kind.Text)
		for _, r := range readings {
			c.sayReading(cmd, k, r)
		}
	}
	switch {
	case !some && m.Retained:
		c.say(cmd, t.NothingRetained)
	case !some:
		c.say(cmd, t.Nothing)
	}
	return nil
}

func (c *cli) sayReading(cmd *cobra.Command, k devices.Kind, r profile.Reading) {
	t := texts.ProfileTool
	if r.Err != nil {
		c.say(cmd, t.Broken, r.Rule, r.Line, r.Err)
		return
	}
	if _, _, err := kinds.Vocabulary().Parse(k, r.Report.Type, r.Report.Data); err != nil {
		c.say(cmd, t.Rejected, r.Rule, r.Line, err)
		return
	}
	note := ""
	if held := r.Report.Held; held != nil && *held {
		note = t.Begins.In(c.lang)
	} else if held != nil {
		note = t.Over.In(c.lang)
	}
	c.say(cmd, t.Event, r.Rule, r.Line, string(r.Report.Type), string(r.Report.Data), note)
}

// tryDescription prints which devices a description is of.
func (c *cli) tryDescription(cmd *cobra.Command, p *profile.Profile, form discovery.Form, m devices.Message) {
	t := texts.ProfileTool
	book := discovery.New(discovery.Config{Vocabulary: kinds.Vocabulary(), Logger: slog.New(slog.DiscardHandler)})
	_, wrong := book.Learn(m.Client, form, m, p.Speaks, func(topic string) string {
		address, _ := p.Address(devices.Message{Topic: topic})
		return address
	})
	found := book.Devices(m.Client)
	c.say(cmd, t.Describes, string(form), len(found))
	for _, d := range found {
		kind := "-"
		if k, ok := kinds.Of(d.Kind()); ok {
			kind = fmt.Sprintf("%s (%s)", k.Name, k.Text.In(c.lang))
		}
		var tells []string
		for _, meaning := range d.Meanings() {
			tells = append(tells, string(meaning))
		}
		c.say(cmd, t.Described, d.Address, strings.TrimSpace(d.Vendor+" "+d.Model), kind, strings.Join(tells, ", "))
	}
	for _, err := range wrong {
		c.say(cmd, t.ComplaintOf, err)
	}
}
