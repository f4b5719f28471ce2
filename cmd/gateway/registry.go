package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/profile"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
)

func (c *cli) deviceCommand() *cobra.Command {
	t := texts.Command
	var d registry.Device
	var interval time.Duration
	add := c.put("add ID", t.DeviceAdd, "devices", func(cmd *cobra.Command, id string) (any, error) {
		if interval != interval.Truncate(time.Second) {
			return nil, mendable{texts.Errorf(texts.Supervision.BadInterval, interval)}
		}
		d.Interval = int(interval.Seconds())
		return d, c.require(cmd, "kind")
	})
	add.Flags().StringVarP((*string)(&d.Kind), "kind", "k", "", t.KindFlag.In(c.lang, c.kindNames()))
	add.Flags().StringVarP(&d.Name, "name", "n", "", t.NameFlag.In(c.lang))
	c.places(add, &d)
	add.Flags().StringVar(&d.Bridge, "bridge", "", t.BridgeFlag.In(c.lang))
	add.Flags().StringVar(&d.Address, "address", "", t.AddressFlag.In(c.lang))
	add.Flags().StringVar(&d.Profile, "profile", "", t.ProfileFlag.In(c.lang))
	add.Flags().DurationVar(&interval, "interval", 0, texts.Supervision.Flag.In(c.lang))
	add.Example = `  linli device add locker-east --kind locker --facility east --compartments 24
  linli device add sos-302 --kind wearable --elder e302
  linli device add zigbee --kind bridge --profile zigbee2mqtt
  linli device add sos-bath --kind wearable --elder e302 --bridge zigbee --address 卫生间按钮`

	own := texts.Device
	sender := func(act string) func(string) string {
		return func(id string) string { return "/v1/inbox/" + id + "/" + act }
	}
	return c.group("device", t.Device,
		c.listDevicesCommand(), c.showDeviceCommand(), c.adoptCommand(),
		c.simple("ignore WHO", own.Ignore, own.Ignored, http.MethodPost, sender("ignore")),
		c.simple("block WHO", own.Block, own.Blocked, http.MethodPost, sender("block")),
		c.simple("undo WHO", own.Undo, own.Undone, http.MethodDelete, func(id string) string { return "/v1/verdicts/" + id }),
		add, c.pairingCommand(),
		c.placing("bind ID", own.Bind, own.BindLong, "facility", "compartment", "elder", "room", "bed"),
		c.placing("move ID", own.Move, own.MoveLong),
		c.renameCommand(), c.intervalCommand(), c.replaceCommand(), c.retireCommand(), c.credentialsCommand(), c.remove(t.DeviceRemove, "devices"), c.orderCommand())
}

// kindNames lists the kinds that can be registered, with what people call them.
func (c *cli) kindNames() string {
	var names []string
	for _, k := range append(kinds.All(), kinds.Kind{Name: devices.KindBridge, Text: texts.Kinds.Bridge}) {
		names = append(names, fmt.Sprintf("%s (%s)", k.Name, k.Text.In(c.lang)))
	}
	return strings.Join(names, ", ")
}

func (c *cli) facilityCommand() *cobra.Command {
	t := texts.Command
	var f registry.Facility
	add := c.put("add ID", t.FacilityAdd, "facilities", func(cmd *cobra.Command, _ string) (any, error) { return f, c.require(cmd, "name") })
	add.Flags().StringVarP(&f.Name, "name", "n", "", t.NameFlag.In(c.lang))
	add.Flags().StringVar(&f.Region, "region", "", t.RegionFlag.In(c.lang))
	add.Flags().StringVar(&f.UrbanRural, "urban-rural", "", texts.Figures.UrbanRuralFlag.In(c.lang))
	add.Flags().StringVar(&f.Industry, "industry", "", texts.Figures.IndustryFlag.In(c.lang))
	add.Flags().IntVar(&f.RegionEdition, "region-edition", 0, texts.Figures.RegionEditionFlag.In(c.lang))
	add.Flags().IntVar(&f.IndustryEdition, "industry-edition", 0, texts.Figures.IndustryEditionFlag.In(c.lang))
	add.Flags().StringSliceVar(&f.Services, "services", nil, texts.Figures.ServicesFlag.In(c.lang))
	add.Flags().StringVar(&f.Operator, "operator", "", t.OperatorFlag.In(c.lang))
	add.Flags().IntVar(&f.DoorMinutes, "door-minutes", 0, texts.Duty.DoorFlag.In(c.lang))
	add.Flags().IntVar(&f.FoodMinutes, "food-minutes", 0, texts.Duty.FoodFlag.In(c.lang))
	add.Flags().IntVar(&f.HotCelsius, "hot-celsius", 0, texts.Duty.HotFlag.In(c.lang))
	add.Flags().IntVar(&f.ColdCelsius, "cold-celsius", 0, texts.Duty.ColdFlag.In(c.lang))
	add.Example = "  linli facility add east --name 东门快递柜 --region 320106001001"
	return c.group("facility", t.Facility, add,
		list(c, t.FacilityList, "facilities", texts.Columns.Facilities, func(f registry.Facility) []string {
			return []string{f.ID, f.Region, f.Operator, f.Name}
		}), c.remove(texts.Device.RemoveFacility, "facilities"))
}

func (c *cli) elderCommand() *cobra.Command {
	t := texts.Command
	var e registry.Elder
	add := c.put("add ID", t.ElderAdd, "elders", func(cmd *cobra.Command, _ string) (any, error) { return e, c.require(cmd, "name") })
	add.Flags().StringVarP(&e.Name, "name", "n", "", t.NameFlag.In(c.lang))
	add.Flags().StringVar(&e.Building, "building", "", t.BuildingFlag.In(c.lang))
	add.Flags().StringVar(&e.Room, "room", "", t.RoomFlag.In(c.lang))
	add.Flags().StringSliceVar(&e.Caregivers, "caregivers", nil, t.CaregiversFlag.In(c.lang))
	add.Example = "  linli elder add e302 --name 王秀英 --building 3号楼 --room 302 --caregivers li,zhang"
	return c.group("elder", t.Elder, add,
		list(c, t.ElderList, "elders", texts.Columns.Elders, func(e registry.Elder) []string {
			return []string{e.ID, e.Building, e.Room, strings.Join(e.Caregivers, ","), e.Name}
		}), c.remove(texts.Device.RemoveElder, "elders"))
}

func (c *cli) caregiverCommand() *cobra.Command {
	t := texts.Command
	var g registry.Caregiver
	var channels []string
	add := c.put("add ID", t.CaregiverAdd, "caregivers", func(cmd *cobra.Command, _ string) (any, error) {
		for _, ch := range channels {
			kind, address, ok := strings.Cut(ch, "=")
			if !ok || kind == "" || address == "" {
				return nil, mendable{texts.Errorf(t.BadChannel, ch)}
			}
			g.Channels = append(g.Channels, registry.Channel{Kind: kind, Address: address})
		}
		return g, c.require(cmd, "name")
	})
	add.Flags().StringVarP(&g.Name, "name", "n", "", t.NameFlag.In(c.lang))
	add.Flags().StringArrayVar(&channels, "channel", nil, t.ChannelFlag.In(c.lang))
	add.Flags().StringVar((*string)(&g.Quiet), "quiet", "", texts.Duty.QuietFlag.In(c.lang))
	add.Example = "  linli caregiver add li --name 李敏 --channel webhook=https://example.org/page"
	return c.group("caregiver", t.Caregiver, add,
		list(c, t.CaregiverList, "caregivers", texts.Columns.Caregivers, func(g registry.Caregiver) []string {
			ways := make([]string, len(g.Channels))
			for i, ch := range g.Channels {
				ways[i] = ch.Kind
			}
			return []string{g.ID, strings.Join(ways, ","), g.Name}
		}), c.remove(texts.Device.RemoveCaregiver, "caregivers"))
}

// put is a command that adds or replaces one record of a table.
func (c *cli) put(use string, short texts.Text, table string, record func(cmd *cobra.Command, id string) (any, error)) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := record(cmd, args[0])
			if err != nil {
				return err
			}
			var answer control.Registered
			if err := c.ask(cmd, http.MethodPut, "/v1/"+table+"/"+url.PathEscape(args[0]), r, &answer); err != nil {
				return err
			}
			c.say(cmd, texts.Command.Saved, args[0])
			if answer.Secret != "" {
				c.say(cmd, texts.Command.DeviceSecret, args[0], answer.Secret)
			}
			return nil
		},
	}
}

func (c *cli) remove(short texts.Text, table string) *cobra.Command {
	return &cobra.Command{
		Use: "remove ID", Short: short.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.ask(cmd, http.MethodDelete, "/v1/"+table+"/"+url.PathEscape(args[0]), nil, nil); err != nil {
				return err
			}
			c.say(cmd, texts.Command.Removed, args[0])
			return nil
		},
	}
}

// list is a command that prints a table, a record a line.
func list[R any](c *cli, short texts.Text, table string, columns texts.Text, row func(R) []string) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: short.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			var records []R
			if err := c.ask(cmd, http.MethodGet, "/v1/"+table, nil, &records); err != nil {
				return err
			}
			var rows [][]string
			for _, r := range records {
				rows = append(rows, row(r))
			}
			return c.table(cmd.OutOrStdout(), columns, rows)
		},
	}
}

// ask sends one request to the running daemon; if none is running, a request
// for the registry is answered from the file itself.
func (c *cli) ask(cmd *cobra.Command, method, path string, in, out any) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	client := control.Client{HTTP: control.Dial(cfg.Socket), Lang: c.lang, By: whoAsks()}
	err = client.Do(cmd.Context(), method, path, in, out)
	if err == nil || !inRegistry(path) || !isDown(err) {
		return c.explain(cfg.Socket, err)
	}
	if err := os.MkdirAll(cfg.Data, 0o700); err != nil {
		return unopened(cfg.Data, err)
	}
	if err := ownAs(cfg.Data, filepath.Join(cfg.Data, registryFile)); err != nil {
		return unopened(cfg.Data, err)
	}
	now, err := clock.System()
	if err != nil {
		return err
	}
	profiles, err := profile.Load(firmwareconfig.Profiles(), kinds.Vocabulary())
	if err != nil {
		return err
	}
	reg, err := registry.Open(filepath.Join(cfg.Data, registryFile), registry.Options{Kinds: kinds.Names(), Profile: profiles.Check, Clock: now})
	if err != nil {
		return unopened(cfg.Data, err)
	}
	client.HTTP = control.Direct(control.RegistryHandler(reg))
	err = client.Do(cmd.Context(), method, path, in, out)
	return errors.Join(c.explain(cfg.Socket, err), reg.Close())
}

// unopened is that the data of a gateway that is down cannot be opened.
func unopened(data string, err error) error {
	if errors.Is(err, os.ErrPermission) {
		return mendable{texts.Errorf(texts.Command.NoDataRights, data)}
	}
	return mendable{err}
}

// ownAs makes an empty file that belongs to whoever owns the folder, if there
// is none: root may register devices before the daemon, which is not root, has
// ever run.
func ownAs(folder, file string) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil
	} else if err != nil {
		return err
	}
	info, err := os.Stat(folder)
	if owner, ok := info.Sys().(*syscall.Stat_t); err == nil && ok && os.Geteuid() == 0 {
		err = f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return errors.Join(err, f.Close())
}

// isDown tells whether nobody answers at the socket.
func isDown(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist)
}

// explain says in words why a request to the daemon failed.
func (c *cli) explain(socket string, err error) error {
	var refused *control.Refused
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused):
		return mendable{err}
	case isDown(err):
		return mendable{texts.Errorf(texts.Command.NotRunning, socket)}
	case errors.Is(err, os.ErrPermission):
		return mendable{texts.Errorf(texts.Command.NoRights, socket)}
	}
	return texts.Errorf(texts.Command.SocketFailed, socket, err)
}

func inRegistry(path string) bool {
	for _, begins := range []string{"facilities", "devices", "elders", "caregivers", "care", "groups", "shifts", "holidays", "verdicts", "inbox", "import"} {
		if strings.HasPrefix(path, "/v1/"+begins) {
			return true
		}
	}
	return false
}
