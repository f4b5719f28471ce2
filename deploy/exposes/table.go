package main

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/linli-edge/gateway/devices"
)

//go:embed expected.tsv
var written []byte

// expectation is a line of the table.
type expectation struct {
	property *regexp.Regexp
	value    string // as JSON
	kind     devices.Kind
	typ      devices.Type
	data     string // as JSON, "-" for no such event
}

func readTable() ([]expectation, error) {
	var table []expectation
	lines := bufio.NewScanner(bytes.NewReader(written))
	for n := 1; lines.Scan(); n++ {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		cells := strings.Split(lines.Text(), "\t")
		if len(cells) != 5 || !json.Valid([]byte(cells[1])) {
			return nil, fmt.Errorf("expected.tsv:%d: must be property, JSON value, kind, type and data", n)
		}
		property, err := regexp.Compile("^(" + cells[0] + ")$")
		if err != nil {
			return nil, fmt.Errorf("expected.tsv:%d: %w", n, err)
		}
		table = append(table, expectation{property, cells[1], devices.Kind(cells[2]), devices.Type(cells[3]), cells[4]})
	}
	return table, lines.Err()
}

// expose is what is needed here of an expose; whole is all of it.
type expose struct {
	Type     string            `json:"type"`
	Property string            `json:"property"`
	Access   int               `json:"access"`
	ValueOn  json.RawMessage   `json:"value_on"`
	ValueOff json.RawMessage   `json:"value_off"`
	Values   []json.RawMessage `json:"values"`
	ValueMin json.RawMessage   `json:"value_min"`
	Features []expose          `json:"features"`
	whole    json.RawMessage
}

func (e *expose) UnmarshalJSON(b []byte) error {
	type plain expose // without this method
	if err := json.Unmarshal(b, (*plain)(e)); err != nil {
		return err
	}
	e.whole = slices.Clone(b)
	return nil
}

func (e expose) MarshalJSON() ([]byte, error) { return e.whole, nil }

// flat lists the exposes that stand in the device's state by themselves.
func flat(all []expose) []expose {
	var list []expose
	for _, e := range all {
		if e.Property != "" && e.Type != "composite" && e.Type != "list" && len(e.Features) == 0 && e.Access&1 != 0 {
			list = append(list, e)
		}
		if e.Type != "composite" {
			list = append(list, flat(e.Features)...)
		}
	}
	return list
}

// values are those that the device may publish, of a truth or a list.
func (e expose) values() []string {
	var all []string
	switch e.Type {
	case "binary":
		all = []string{string(e.ValueOn), string(e.ValueOff)}
	case "enum":
		for _, v := range e.Values {
			all = append(all, string(v))
		}
	}
	return all
}

// quiet is a value that tells of nothing.
func (e expose) quiet() string {
	switch {
	case strings.Contains(e.Property, "contact") && e.Type == "binary" && slices.Contains(e.values(), "true"):
		return "true" // it is closed
	case strings.Contains(e.Property, "contact") && e.Type == "binary":
		return string(e.ValueOn)
	case strings.HasPrefix(e.Property, "action"):
		return `""`
	case e.Type == "binary":
		return string(e.ValueOff)
	case e.Type == "numeric" && len(e.ValueMin) > 0:
		return string(e.ValueMin)
	case e.Type == "numeric":
		return "0"
	}
	return "null"
}
