package console

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// incidentsView is the first panel of the page.
type incidentsView struct {
	Summary   string
	Calling   int // incidents that nobody has taken
	Incidents []incidentView
	Problem   string // why the last button did not work
}

type incidentView struct {
	ID      string
	Kind    string
	Calling bool
	// Technical: something is wrong with the box, and nobody needs help.
	Technical bool
	Where     string
	Stranger  string // the sender, of a device that is to be adopted
	Name      string
	At        string // civil time of the first press
	Since     int64  // the same on the monotonic clock, ms
	Notes     []string
	Taken     string // by whom
	TakenAt   string
	Pages     []pageView
	Causes    []causeView
	// Because is what a rule went by, Said what humans wrote down.
	Because []string
	Said    []string
	Arrived bool
	People  []causeView // whom it can be handed over to
}

type pageView struct {
	Who, Channel, Result string
	Tone                 string // "ok", "wait" or "bad"
}

type causeView struct{ Value, Label string }

// incidents shows those that nobody has taken first, the longest waiting on
// top.
func (c *Console) incidents(lang texts.Lang) incidentsView {
	open := slices.DeleteFunc(c.Alerts.Incidents(), func(i alert.Incident) bool { return i.Phase == alert.PhaseResolved || i.Kind == alert.Drill })
	slices.SortStableFunc(open, func(a, b alert.Incident) int {
		return cmp.Or(cmp.Compare(technical(a), technical(b)), cmp.Compare(taken(a), taken(b)), cmp.Compare(a.Number, b.Number))
	})
	var v incidentsView
	now := c.Clock()
	troubles := 0
	for _, i := range open {
		v.Incidents = append(v.Incidents, c.incident(lang, i, now))
		if technical(i) == 1 {
			troubles++
		} else {
			v.Calling += 1 - taken(i)
		}
	}
	t := texts.Console
	switch {
	case v.Calling > 0:
		v.Summary = t.OpenCalls.In(lang, v.Calling)
	case len(open) > troubles:
		v.Summary = t.AllTaken.In(lang, len(open)-troubles)
	default:
		v.Summary = t.AllCalm.In(lang)
	}
	return v
}

func taken(i alert.Incident) int {
	if i.Phase == alert.PhaseRaised {
		return 0
	}
	return 1
}

func technical(i alert.Incident) int {
	if i.Priority == alert.Technical || i.Priority == alert.Operator {
		return 1
	}
	return 0
}

func (c *Console) incident(lang texts.Lang, i alert.Incident, now devices.Stamp) incidentView {
	t := texts.Console
	v := incidentView{
		ID: i.ID, Kind: i.Kind.Text().In(lang), Calling: i.Phase == alert.PhaseRaised, Technical: technical(i) == 1,
		Where: place(lang, i), At: civil(i.Raised.Wall).Format("15:04:05"),
	}
	if e, ok := c.Registry.Snapshot().Elders[i.Elder]; ok {
		v.Name = e.Name
	}
	if i.Kind == alert.Stranger {
		v.Name = c.Registry.Inbox().Called(i.Device)
		if v.Stranger = i.Device; i.Device == devices.ManyStrangers {
			v.Stranger = ""
		}
		v.Notes = append(v.Notes, texts.AlertStranger.What.In(lang, i.What()))
	}
	age, measured := now.Since(i.Raised)
	if !measured {
		age = max(0, now.Wall.Sub(i.Raised.Wall)).Round(time.Second)
		v.Notes = append(v.Notes, t.SinceRestart.In(lang))
	}
	v.Since = (now.Mono - age).Round(time.Second).Milliseconds()
	if days, visit := i.Unmended(now, c.Registry.Snapshot().Cares[i.Elder]); visit {
		v.Notes = append(v.Notes, texts.AlertRules.VisitNeeded.In(lang, days))
	}
	if i.Presses > 1 && !v.Technical {
		v.Notes = append(v.Notes, t.Presses.In(lang, i.Presses))
	}
	if i.Round > 1 && v.Calling && i.Priority == alert.High {
		v.Notes = append(v.Notes, t.Again.In(lang))
	}
	if i.Acknowledged != nil && !v.Calling {
		v.Taken = t.TakenBy.In(lang, c.personName(i.Acknowledged.By))
		v.TakenAt = t.HowTaken.In(lang, civil(i.Acknowledged.At.Wall).Format("15:04:05"))
	}
	if i.OnScene != nil {
		v.Arrived, v.Taken = true, texts.ConsoleIncidents.There.In(lang, c.personName(i.OnScene.By))
	}
	if !v.Calling {
		for _, p := range registry.Sorted(c.Registry.Snapshot().Caregivers) {
			v.People = append(v.People, causeView{p.ID, c.personName(p.ID)})
		}
	}
	for _, s := range i.Because {
		v.Because = append(v.Because, s.Text(lang))
	}
	for _, n := range i.Notes {
		at := civil(n.At.Wall).Format("15:04")
		if n.To != "" {
			v.Said = append(v.Said, texts.ConsoleIncidents.HandedOver.In(lang, at, c.personName(n.By), c.personName(n.To)))
		} else {
			v.Said = append(v.Said, texts.ConsoleIncidents.Said.In(lang, at, c.personName(n.By), n.Text))
		}
	}
	for _, d := range i.Deliveries {
		if d.Step == i.Step {
			v.Pages = append(v.Pages, c.page(lang, d))
		}
	}
	for _, cause := range alert.Causes() {
		v.Causes = append(v.Causes, causeView{string(cause), cause.Text().In(lang)})
	}
	return v
}

func place(lang texts.Lang, i alert.Incident) string {
	switch {
	case i.Kind == alert.Stranger:
		return i.Where(lang)
	case i.Subject == "box/"+string(i.Kind):
		return texts.Alert.TheBox.In(lang)
	case i.Building != "" || i.Room != "":
		return strings.TrimSpace(texts.Console.NamedPlace.In(lang, i.Building, i.Room))
	case i.Place != "":
		return i.Place
	}
	return texts.Console.UnknownPlace.In(lang, i.Device)
}

// page says who was called by which channel, and what came of it.
func (c *Console) page(lang texts.Lang, d alert.Delivery) pageView {
	t := texts.Console
	v := pageView{Who: c.personName(d.Recipient), Channel: texts.Part(lang, d.Channel)}
	if d.Recipient == "" {
		v.Who, v.Channel = t.Log.In(lang), ""
	}
	result := t.Sending
	v.Tone = "wait"
	switch d.Result {
	case alert.Accepted:
		result, v.Tone = t.Accepted, "ok"
	case alert.Temporary:
		result = t.Temporary
	case alert.Unknown:
		result = t.Unknown
	case alert.Permanent:
		result, v.Tone = t.Permanent, "bad"
	}
	v.Result = result.In(lang)
	comma := texts.ConsoleEvents.Comma.In(lang)
	if d.Attempts > 1 {
		v.Result += comma + t.Attempts.In(lang, d.Attempts)
	}
	if d.FromMemory {
		v.Result += comma + t.PagedFromMemory.In(lang)
	}
	return v
}
