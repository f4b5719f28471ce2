package contract

import (
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/usage"
)

// Words are a text in both languages.
type Words struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// In is the text in a language.
func (w Words) In(lang texts.Lang) string { return texts.Text(w).In(lang) }

// Indicator is an entry of the catalogue, as the contract publishes it.
type Indicator struct {
	Code string `json:"code"`
	Name Words  `json:"name"`
	Unit string `json:"unit"`
	// Numerator and Denominator say what they count. Without a Denominator the
	// rows have none.
	Numerator   Words `json:"numerator"`
	Denominator Words `json:"denominator,omitzero"`
	// Fold is how events become the figure: one of usage.Fold.
	Fold string `json:"fold"`
	// Period of the rows: "day", which are also added up to months, or "month"
	// for what does not add up.
	Period string `json:"period"`
	// Kinds of devices that it is counted at; none for a figure of the box or
	// of a whole facility.
	Kinds []string `json:"kinds,omitempty"`
	// Bounds are the upper limits of the buckets but the last, in seconds.
	Bounds []int64 `json:"bounds_seconds,omitempty"`
}

// Catalogue lists the indicators, by code.
func Catalogue() []Indicator {
	var list []Indicator
	for _, i := range usage.Indicators() {
		entry := Indicator{
			Code: i.Code, Name: Words(i.Name), Unit: i.Unit, Numerator: Words(i.Numerator), Denominator: Words(i.Denominator),
			Fold: string(i.Fold), Period: "day",
		}
		if i.Monthly() {
			entry.Period = "month"
		}
		for _, k := range i.Kinds {
			entry.Kinds = append(entry.Kinds, string(k))
		}
		for _, b := range i.Bounds {
			entry.Bounds = append(entry.Bounds, int64(b.Seconds()))
		}
		list = append(list, entry)
	}
	return list
}
