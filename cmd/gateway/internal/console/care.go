package console

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/visit"
	"github.com/linli-edge/gateway/sync/alert"
)

// careView is the page of the care rounds, of who stands by, and of how the
// past weeks went.
type careView struct {
	Rounds []roundView
	Groups []statusView
	Flaws  []string
	Weeks  []weekView
}

type roundView struct {
	Elder, Name, Where, When string
	Overdue                  bool
	Offer                    bool // to confirm it
}

type weekView struct {
	Title, Within string
	Numbers       []weekNumber
	Rows          []weekRow // by rule, then by device
}

type weekNumber struct {
	Label, Value string
	Warn         bool
}

type weekRow struct{ Of, Said, Advice string }

func (c *Console) carePage(w http.ResponseWriter, r *http.Request) {
	lang := language(w, r)
	weeks, err := c.weeks()
	if err != nil {
		c.fail(w, r, err)
		return
	}
	standing, _ := c.Alerts.Duty()
	v := careView{Rounds: c.rounds(lang), Flaws: c.flaws(lang), Weeks: c.weekViews(lang, weeks)}
	people := c.Registry.Snapshot()
	for _, s := range standing {
		line := statusView{Label: texts.ConsoleCare.GroupAs.In(lang, people.Groups[s.Group].Name, s.Role.Text()), Value: texts.Duty.Nobody.In(lang), Warn: true}
		if len(s.People) > 0 {
			line.Value, line.Warn = c.names(lang, s.People), false
		}
		v.Groups = append(v.Groups, line)
	}
	c.pages.show(w, lang, http.StatusOK, "care", v)
}

// rounds lists who is to be visited, the most urgent first.
func (c *Console) rounds(lang texts.Lang) []roundView {
	people := c.Registry.Snapshot()
	var views []roundView
	for _, r := range c.Watch.Rounds() {
		e := people.Elders[r.Elder]
		views = append(views, roundView{
			Elder: e.ID, Name: e.Name, Where: strings.TrimSpace(texts.Console.NamedPlace.In(lang, e.Building, e.Room)),
			When: r.When(lang), Overdue: r.Due < 0, Offer: r.Near(),
		})
	}
	return views
}

// roundsDue is a line for the first page: how many are to be visited, "" for
// nobody.
func (c *Console) roundsDue(lang texts.Lang) string {
	due, overdue := 0, 0
	for _, r := range c.Watch.Rounds() {
		if r.Near() {
			due++
		}
		if r.Due < 0 {
			overdue++
		}
	}
	switch {
	case overdue > 0:
		return texts.ConsoleCare.Overdue.In(lang, due, overdue)
	case due > 0:
		return texts.ConsoleCare.DueNow.In(lang, due)
	}
	return ""
}

// confirmRound journals a visit. Who taps twice has made one visit, see package
// visit.
func (c *Console) confirmRound(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := committed(r)
	defer cancel()
	if err := c.Watch.Confirm(ctx, r.PathValue("elder"), person(r), visit.ByPage); err != nil {
		c.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/care", http.StatusSeeOther)
}

// flaws says what is wrong with the rota of the coming 14 days.
func (c *Console) flaws(lang texts.Lang) []string {
	people := c.Registry.Snapshot()
	_, flaws := c.Alerts.Duty()
	var lines []string
	for _, f := range flaws {
		group, from, to := people.Groups[f.Group].Name, f.From.Format("01-02 15:04"), f.To.Format("01-02 15:04")
		if f.Person == "" {
			lines = append(lines, texts.Duty.WarnHole.In(lang, group, from, to))
		} else {
			lines = append(lines, texts.Duty.WarnMute.In(lang, group, c.personName(f.Person), from))
		}
	}
	return lines
}

func (c *Console) weeks() ([]alert.Week, error) {
	return c.Ledger.Weeks(c.Clock().Wall.Add(-alert.WeeksShown))
}

// weekViews makes a card of each week, of which all is the first row.
func (c *Console) weekViews(lang texts.Lang, weeks []alert.Week) []weekView {
	t := texts.ConsoleCare
	people := c.Registry.Snapshot()
	var views []weekView
	for _, w := range weeks {
		if w.Kind == "" && w.Device == "" {
			year, week, _ := strings.Cut(w.Week, "-W")
			views = append(views, weekView{
				Title: t.Week.In(lang, year, week), Within: t.Within.In(lang, w.Within60, w.Within180),
				Numbers: []weekNumber{
					{t.Incidents.In(lang), strconv.Itoa(w.Incidents), false},
					{t.False.In(lang), t.Share.In(lang, w.False, w.Resolved), w.Review},
					{t.Arrive.In(lang), span(lang, w.ArriveMedian, w.Arrived), false},
					{t.Ack.In(lang), span(lang, w.AckMedian, w.Acknowledged), false},
					{t.Ack95.In(lang), span(lang, w.Ack95, w.Acknowledged), false},
				},
			})
			continue
		}
		row := weekRow{Of: w.Of(lang), Said: t.Row.In(lang, w.Incidents, w.False, w.Resolved), Advice: w.Advice(lang)}
		if w.Device != "" {
			d, known := people.Device(w.Device)
			row.Of = who(devices.Event{Device: w.Device}, d, known, people, lang)
		}
		v := &views[len(views)-1]
		v.Rows = append(v.Rows, row)
	}
	return views
}

// weeksCSV is the same as a table.
func (c *Console) weeksCSV(w http.ResponseWriter, r *http.Request) {
	weeks, err := c.weeks()
	if err != nil {
		c.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="weeks.csv"`)
	_ = alert.WriteWeeks(w, weeks) // the reader may have gone
}

// span is how long something took, a dash if it never happened.
func span(lang texts.Lang, seconds, of int) string {
	t := texts.ConsoleCare
	switch {
	case of == 0:
		return t.Never.In(lang)
	case seconds < 120:
		return t.Seconds.In(lang, seconds)
	}
	return t.Minutes.In(lang, seconds/60)
}
