package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/notify"
)

// Facility is what happened at one facility today.
type Facility struct {
	ID        string `json:"id"`
	Deposits  int    `json:"deposits"`
	Pickups   int    `json:"pickups"`
	Overdue   int    `json:"overdue"`
	Loaded    int    `json:"loaded"`
	Collected int    `json:"collected"`
	Unclaimed int    `json:"unclaimed"`
	Services  int    `json:"services"` // of all kinds
}

// Province is how the reports to the province stand.
type Province struct {
	// Accepted is when the province last accepted something, zero for never.
	Accepted time.Time `json:"accepted,omitzero"`
	// Waiting rows are still to be accepted, Refused ones were set aside.
	Waiting int `json:"waiting"`
	Refused int `json:"refused"`
	// Failing is set when the last attempt did not succeed.
	Failing bool `json:"failing"`
}

type facilityView struct {
	Name    string
	Numbers []numberView
	Note    string // instead of them
}

type numberView struct {
	Label string
	Value int
	Warn  bool
}

// figures lists the facilities of the registry, with the numbers that their
// kinds of devices can give.
func (c *Console) figures(lang texts.Lang) []facilityView {
	today := map[string]Facility{}
	for _, f := range c.Figures() {
		today[f.ID] = f
	}
	people := c.Registry.Snapshot()
	t := texts.Console
	var views []facilityView
	for _, f := range registry.Sorted(people.Facilities) {
		n, v := today[f.ID], facilityView{Name: f.Name}
		there := people.DevicesAt(f.ID)
		has := func(k devices.Kind) bool {
			return slices.ContainsFunc(there, func(d registry.Device) bool { return d.Kind == k })
		}
		if has(locker.Kind) {
			v.Numbers = append(v.Numbers,
				numberView{t.Deposits.In(lang), n.Deposits, false}, numberView{t.Pickups.In(lang), n.Pickups, false}, numberView{t.Overdue.In(lang), n.Overdue, n.Overdue > 0})
		}
		if has(cabinet.Kind) {
			v.Numbers = append(v.Numbers,
				numberView{t.Loaded.In(lang), n.Loaded, false}, numberView{t.Collected.In(lang), n.Collected, false}, numberView{t.Unclaimed.In(lang), n.Unclaimed, n.Unclaimed > 0})
		}
		switch {
		case len(v.Numbers) > 0:
		case len(there) > 0:
			v.Numbers = append(v.Numbers, numberView{t.Services.In(lang), n.Services, false})
		default:
			v.Note = t.NoDevices.In(lang)
		}
		views = append(views, v)
	}
	return views
}

type statusView struct {
	Label, Value string
	Warn         bool
}

// status says in a few lines how the box is.
func (c *Console) status(lang texts.Lang) []statusView {
	t := texts.Console
	stats := c.Journal.Stats()
	var bytes int64
	var events uint64
	for _, chain := range stats.Chains {
		bytes += chain.Bytes
		events += held(chain)
	}
	var behind []string
	for _, f := range stats.Followers {
		if n := lag(f); n > 0 {
			behind = append(behind, t.Behind.In(lang, texts.Part(lang, f.Name), n))
		}
	}
	backlog := statusView{t.Backlog.In(lang), t.UpToDate.In(lang), false}
	if len(behind) > 0 {
		backlog.Value = strings.Join(behind, texts.ConsoleEvents.Comma.In(lang))
	}
	now := c.Clock()
	clock := statusView{t.Clock.In(lang), t.ClockSynced.In(lang, civil(now.Wall).Format("2006-01-02 15:04")), false}
	if !now.Synced {
		clock.Value, clock.Warn = t.ClockWrong.In(lang, civil(now.Wall).Format("2006-01-02 15:04")), true
	}
	return []statusView{
		{t.Journal.In(lang), t.JournalState.In(lang, size(bytes), events), false},
		backlog,
		c.provinceStatus(lang),
		{t.Devices.In(lang), t.DeviceCount.In(lang, len(c.devicesInUse())), false},
		clock,
	}
}

func (c *Console) provinceStatus(lang texts.Lang) statusView {
	t := texts.Console
	if c.Province == nil {
		return statusView{t.Province.In(lang), t.ProvinceOff.In(lang), false}
	}
	p := c.Province()
	words := []string{t.ProvinceNever.In(lang)}
	if !p.Accepted.IsZero() {
		words[0] = t.ProvinceAt.In(lang, civil(p.Accepted).Format("01-02 15:04:05"))
	}
	if p.Waiting > 0 {
		words = append(words, t.ProvinceWaiting.In(lang, p.Waiting))
	}
	if p.Refused > 0 {
		words = append(words, t.ProvinceSetAside.In(lang, p.Refused))
	}
	if p.Failing {
		words = append(words, t.ProvinceFailing.In(lang))
	}
	return statusView{t.Province.In(lang), strings.Join(words, texts.ConsoleEvents.Comma.In(lang)), p.Failing || p.Refused > 0}
}

// warnings are what somebody should mend, worst first.
func (c *Console) warnings(lang texts.Lang) []string {
	t := texts.Console
	people := c.Registry.Snapshot()
	var warnings []string
	if reach := c.Alerts.Reach(); reach.Nobody {
		warnings = append(warnings, texts.Alert.NobodyReachable.In(lang))
	} else if len(reach.Without) > 0 {
		warnings = append(warnings, t.WarnUnreachable.In(lang, c.names(lang, reach.Without)))
	}
	if ways := c.Ways(); len(ways) == 1 {
		warnings = append(warnings, texts.Notify.OneWay.In(lang, notify.WayText(ways[0])))
	}
	if n := people.Locked(); n > 0 {
		warnings = append(warnings, texts.ConsoleDevices.WarnKey.In(lang, n, c.Registry.KeyFile()))
	}
	flaws := c.flaws(lang)
	warnings = append(warnings, flaws[:min(len(flaws), 5)]...)
	for _, s := range c.Alerts.Silences() {
		warnings = append(warnings, texts.Duty.Silenced.In(lang, s.Mode.Text(), scope(s.Scope, people, lang), int(s.Left.Minutes())+1))
	}
	warnings = append(warnings, c.findings(lang)...)
	if damage := c.Journal.Damage(); len(damage) > 0 {
		salvaged, lost := 0, uint64(0)
		for _, d := range damage {
			most, _ := d.Lost()
			salvaged, lost = salvaged+d.Salvaged, lost+most
		}
		warnings = append(warnings, t.WarnJournal.In(lang, len(damage), salvaged, lost))
	}
	if n := len(c.Registry.Damaged()); n > 0 {
		warnings = append(warnings, t.WarnRegistry.In(lang, n))
	}
	if n := len(people.Damaged); n > 0 {
		warnings = append(warnings, t.WarnDamaged.In(lang, n))
	}
	if !c.Clock().Synced {
		warnings = append(warnings, t.WarnClock.In(lang))
	}
	if c.Province != nil {
		if n := c.Province().Refused; n > 0 {
			warnings = append(warnings, t.WarnSetAside.In(lang, n))
		}
	}
	if r := c.feed.rejections(); r.count > 0 {
		warnings = append(warnings, t.WarnRejected.In(lang, r.count, r.sender))
	}
	return warnings
}

func (c *Console) devicesInUse() []registry.Device {
	return slices.DeleteFunc(registry.Sorted(c.Registry.Snapshot().Devices), func(d registry.Device) bool { return d.Retired })
}

// personName is how a person is called who is known by ID or only by name.
func (c *Console) personName(id string) string {
	if known, ok := c.Registry.Snapshot().Caregivers[id]; ok {
		return cmp.Or(known.Name, id)
	}
	return id
}

// names lists what people are called.
func (c *Console) names(lang texts.Lang, ids []string) string {
	var names []string
	for _, id := range ids {
		names = append(names, c.personName(id))
	}
	return strings.Join(names, texts.ConsoleEvents.Comma.In(lang))
}

// held is about how many events a chain holds.
func held(c journal.ChainStats) uint64 {
	if c.First == 0 || c.Last < c.First {
		return 0
	}
	return c.Last - c.First + 1
}

func lag(f journal.FollowerStats) uint64 {
	var sum uint64
	for _, n := range f.Lag {
		sum += n
	}
	return sum
}

func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", (bytes+1023)>>10)
}

var shanghai = time.FixedZone("CST", 8*60*60)

// civil is the time as the community's clocks show it.
func civil(t time.Time) time.Time { return t.In(shanghai) }
