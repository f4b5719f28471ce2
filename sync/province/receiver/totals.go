package receiver

import (
	"bytes"
	"cmp"
	"html/template"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/province/contract"
)

// Total is one indicator added up.
type Total struct {
	Box       string `json:"box,omitempty"`      // "" in a total of all boxes
	Facility  string `json:"facility,omitempty"` // "" in a total of all facilities
	Indicator string `json:"indicator"`
	Numerator int64  `json:"numerator"`
	// Denominator is the sum of those reported, nil if none was.
	Denominator *int64  `json:"denominator,omitempty"`
	Buckets     []int64 `json:"buckets,omitempty"`
	// Rows is how many rows were added up.
	Rows int `json:"rows"`
}

// Totals are the figures of a period.
type Totals struct {
	Period string `json:"period"`
	// Totals of all facilities, by indicator.
	Totals []Total `json:"totals"`
	// Facilities are the totals of each facility, by box, facility and
	// indicator.
	Facilities []Total `json:"facilities"`
}

// Totals adds up the rows of a day ("2026-11-23"), or those of the days of a
// month ("2026-11").
func (r *Receiver) Totals(period string) (Totals, error) {
	type key struct{ box, facility, indicator string }
	sums := map[key]*Total{}
	add := func(k key, row contract.Row) {
		sum := sums[k]
		if sum == nil {
			sum = &Total{Box: k.box, Facility: k.facility, Indicator: k.indicator}
			sums[k] = sum
		}
		sum.add(row)
	}
	err := r.Rows(period, func(box string, row contract.Row) error {
		if len(row.Period) == contract.MonthLength {
			return nil // it has the same again, added up by the box
		}
		add(key{"", "", row.Indicator}, row)
		add(key{box, row.Facility, row.Indicator}, row)
		return nil
	})
	totals := Totals{Period: period, Totals: []Total{}, Facilities: []Total{}}
	for k, sum := range sums {
		if k.box == "" {
			totals.Totals = append(totals.Totals, *sum)
		} else {
			totals.Facilities = append(totals.Facilities, *sum)
		}
	}
	for _, list := range [][]Total{totals.Totals, totals.Facilities} {
		slices.SortFunc(list, func(a, b Total) int {
			return cmp.Or(cmp.Compare(a.Box, b.Box), cmp.Compare(a.Facility, b.Facility), cmp.Compare(a.Indicator, b.Indicator))
		})
	}
	return totals, err
}

func (t *Total) add(row contract.Row) {
	t.Rows++
	t.Numerator += row.Numerator
	if row.Denominator != nil {
		if t.Denominator == nil {
			t.Denominator = new(int64)
		}
		*t.Denominator += *row.Denominator
	}
	for len(t.Buckets) < len(row.Buckets) {
		t.Buckets = append(t.Buckets, 0)
	}
	for i, b := range row.Buckets {
		t.Buckets[i] += b
	}
}

func (r *Receiver) serveTotals(w http.ResponseWriter, req *http.Request) {
	period := req.URL.Query().Get("period")
	if _, err := time.Parse(time.DateOnly, period); err != nil {
		if _, err := time.Parse("2006-01", period); err != nil {
			http.Error(w, "period must be a day (2026-11-23) or a month (2026-11)", http.StatusBadRequest)
			return
		}
	}
	totals, err := r.Totals(period)
	if err != nil {
		r.options.Logger.Error("totals not read", "period", period, "error", err)
		http.Error(w, "the store could not be read", http.StatusInternalServerError)
		return
	}
	if !strings.Contains(req.Header.Get("Accept"), "text/html") {
		r.reply(w, http.StatusOK, totals)
		return
	}
	lang := texts.Parse(req.Header.Get("Accept-Language"))
	var html bytes.Buffer
	if err := page.Execute(&html, pageData{totals, lang}); err != nil {
		r.options.Logger.Error("page not rendered", "error", err)
		http.Error(w, "the page could not be rendered", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	_, _ = html.WriteTo(w) // the peer is gone, and needs no page
}

type pageData struct {
	Totals
	Lang texts.Lang
}

// Text is the page's headings in its language.
func (d pageData) Text() map[string]string {
	t := texts.Platform
	return map[string]string{
		"Title": t.Title.In(d.Lang, d.Period), "All": t.All.In(d.Lang), "Facilities": t.Facilities.In(d.Lang),
		"Box": t.Box.In(d.Lang), "Facility": t.Facility.In(d.Lang), "Indicator": t.Indicator.In(d.Lang),
		"Numerator": t.Numerator.In(d.Lang), "Denominator": t.Denominator.In(d.Lang), "Buckets": t.Buckets.In(d.Lang),
		"None": t.None.In(d.Lang),
	}
}

var page = template.Must(template.New("totals").Parse(`<!doctype html>
<html lang="{{.Lang}}"><meta charset="utf-8"><title>{{.Text.Title}}</title>
<style>body{font:16px/1.5 sans-serif;margin:2em}table{border-collapse:collapse}td,th{padding:.2em .8em;border-bottom:1px solid #ccc;text-align:left}</style>
<h1>{{.Text.Title}}</h1>
{{define "figures"}}<td>{{.Indicator}}<td>{{.Numerator}}<td>{{with .Denominator}}{{.}}{{end}}<td>{{range .Buckets}}{{.}} {{end}}{{end -}}
{{if not .Totals.Totals}}<p>{{.Text.None}}{{else}}
<h2>{{.Text.All}}</h2>
<table><tr><th>{{.Text.Indicator}}<th>{{.Text.Numerator}}<th>{{.Text.Denominator}}<th>{{.Text.Buckets}}
{{range .Totals.Totals}}<tr>{{template "figures" .}}
{{end}}</table>
<h2>{{.Text.Facilities}}</h2>
<table><tr><th>{{.Text.Box}}<th>{{.Text.Facility}}<th>{{.Text.Indicator}}<th>{{.Text.Numerator}}<th>{{.Text.Denominator}}<th>{{.Text.Buckets}}
{{range .Facilities}}<tr><td>{{.Box}}<td>{{.Facility}}{{template "figures" .}}
{{end}}</table>{{end}}
</html>
`))
