package contract

import (
	"bufio"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func readRequest(r io.Reader) (*http.Request, error) { return http.ReadRequest(bufio.NewReader(r)) }

// Nothing leaves a box but these fields, all of them numbers, codes and IDs.
// Whoever adds one answers for what it can carry.
func TestFieldsThatLeaveTheBox(t *testing.T) {
	want := map[string]reflect.Type{
		"facility":         reflect.TypeFor[string](),
		"indicator":        reflect.TypeFor[string](),
		"period":           reflect.TypeFor[string](),
		"numerator":        reflect.TypeFor[int64](),
		"denominator":      reflect.TypeFor[*int64](),
		"buckets":          reflect.TypeFor[[]int64](),
		"generation":       reflect.TypeFor[uint64](),
		"n":                reflect.TypeFor[uint64](),
		"region":           reflect.TypeFor[string](),
		"region_edition":   reflect.TypeFor[int](),
		"urban_rural":      reflect.TypeFor[string](),
		"industry":         reflect.TypeFor[string](),
		"industry_edition": reflect.TypeFor[int](),
		"operator":         reflect.TypeFor[string](),
		"kinds":            reflect.TypeFor[[]string](),
		"services":         reflect.TypeFor[[]string](),
		"uncertain":        reflect.TypeFor[bool](),
		"suppressed":       reflect.TypeFor[bool](),
	}
	got := map[string]reflect.Type{}
	for f := range reflect.TypeFor[Row]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		got[name] = f.Type
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("fields of Row\n%v\nwant\n%v", got, want)
	}
	envelope := []string{"specversion", "type", "source", "id", "datacontenttype", "data"}
	for f := range reflect.TypeFor[Event]().Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if len(envelope) == 0 || name != envelope[0] {
			t.Fatalf("the envelope carries %s, want %v", name, envelope)
		}
		envelope = envelope[1:]
	}
}

func denominator(n int64) *int64 { return &n }

func goodRow() Row {
	return Row{
		Facility: "f-1", Indicator: "parcel.overdue", Period: "2026-11-23", Numerator: 2, Denominator: denominator(42),
		Generation: 1795392000, N: 7, Region: "320102001001", UrbanRural: "111", Industry: "602", Operator: "11320000MB151840XJ",
	}
}

func TestRowGoesOverTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		code := rapid.StringMatching(`[a-z0-9_.-]{1,64}`)
		row := Row{
			Facility: code.Draw(t, "facility"), Indicator: code.Draw(t, "indicator"), Period: "2026-02-28",
			Numerator:  rapid.Int64Min(0).Draw(t, "numerator"),
			Buckets:    rapid.SliceOfN(rapid.Int64Min(0), 1, maxBuckets).Draw(t, "buckets"),
			Generation: rapid.Uint64Min(1).Draw(t, "generation"), N: rapid.Uint64Min(1).Draw(t, "n"),
		}
		if rapid.Bool().Draw(t, "has denominator") {
			row.Denominator = denominator(rapid.Int64Min(0).Draw(t, "denominator"))
		}
		e, err := NewEvent("box-1", row)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		var arrived Event
		if err := json.Unmarshal(text, &arrived); err != nil {
			t.Fatal(err)
		}
		got, err := arrived.Row("box-1")
		if err != nil || !reflect.DeepEqual(got, row) {
			t.Errorf("arrived as %+v, %v; sent %+v", got, err, row)
		}
	})
}

func TestRowIsRefused(t *testing.T) {
	for want, spoil := range map[string]func(*Row, *Event){
		"specversion:":      func(_ *Row, e *Event) { e.SpecVersion = "0.3" },
		"type:":             func(_ *Row, e *Event) { e.Type = "linli.usage.row.v2" },
		"source:":           func(_ *Row, e *Event) { e.Source = "/boxes/box-2" },
		"datacontenttype:":  func(_ *Row, e *Event) { e.DataContentType = "text/plain" },
		"id:":               func(_ *Row, e *Event) { e.ID = "1" },
		"unknown field":     func(_ *Row, e *Event) { e.Data = json.RawMessage(`{"facility":"f-1","name":"张三"}`) },
		"more than one":     func(_ *Row, e *Event) { e.Data = append(e.Data, "{}"...) },
		"facility:":         func(r *Row, _ *Event) { r.Facility = "张三" },
		"indicator:":        func(r *Row, _ *Event) { r.Indicator = "" },
		"period:":           func(r *Row, _ *Event) { r.Period = "2026-13" },
		"period: must":      func(r *Row, _ *Event) { r.Period = "1970-01-01" },
		"numerator:":        func(r *Row, _ *Event) { r.Numerator = -1 },
		"denominator:":      func(r *Row, _ *Event) { r.Denominator = denominator(-1) },
		"region_edition:":   func(r *Row, _ *Event) { r.RegionEdition = 20 },
		"industry_edition:": func(r *Row, _ *Event) { r.IndustryEdition = 2100 },
		"services:":         func(r *Row, _ *Event) { r.Services = []string{"送餐"} },
		"buckets: must be":  func(r *Row, _ *Event) { r.Buckets = make([]int64, maxBuckets+1) },
		"buckets: must not": func(r *Row, _ *Event) { r.Buckets = []int64{-1} },
		"generation, n:":    func(r *Row, _ *Event) { r.Generation = 0 },
		"kinds:":            func(r *Row, _ *Event) { r.Kinds = []string{"张三"} },
		"suppressed:":       func(r *Row, _ *Event) { r.Suppressed = true },
		"region:":           func(r *Row, _ *Event) { r.Region = "南京" },
		"operator:":         func(r *Row, _ *Event) { r.Operator = "11320000MB151840XJ0" },
	} {
		t.Run(want, func(t *testing.T) {
			row := goodRow()
			spoil(&row, &Event{})
			e, err := NewEvent("box-1", row)
			if err != nil {
				t.Fatal(err)
			}
			if row, err := e.Row("box-1"); err == nil && !reflect.DeepEqual(row, goodRow()) {
				t.Fatalf("accepted %+v", row)
			}
			spoil(&Row{}, &e)
			if _, err := e.Row("box-1"); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want one with %q", err, want)
			}
		})
	}
}

func TestNewer(t *testing.T) {
	at := func(generation, n uint64) Row { return Row{Generation: generation, N: n} }
	for _, c := range []struct {
		a, b Row
		want bool
	}{
		{at(1, 2), at(1, 1), true}, {at(1, 1), at(1, 2), false}, {at(1, 1), at(1, 1), false},
		{at(2, 1), at(1, 9), true}, {at(1, 9), at(2, 1), false},
	} {
		if got := c.a.Newer(c.b); got != c.want {
			t.Errorf("(%d,%d) newer than (%d,%d): %v", c.a.Generation, c.a.N, c.b.Generation, c.b.N, got)
		}
	}
}
