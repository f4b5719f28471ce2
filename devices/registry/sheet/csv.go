package sheet

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
)

// recordColumn says of which table a line is.
const recordColumn = "record"

// clearCell is what a cell holds to clear a field.
const clearCell = "-"

// headings are what the columns may be called besides the names of the fields.
var headings = map[string]string{
	"类别": recordColumn, "类型": recordColumn, "编号": "id", "名称": "name", "姓名": "name", "种类": "kind", "设备种类": "kind",
	"设施": "facility", "所属设施": "facility", "老人": "elder", "佩戴者": "elder", "格口": "compartment", "格口号": "compartment",
	"格口数": "compartments", "格口数量": "compartments", "房间": "room", "房号": "room", "床位": "bed", "楼栋": "building",
	"网桥": "bridge", "地址": "address", "网桥地址": "address", "报文格式": "profile", "停用": "retired",
	"值班组": "group", "角色": "role", "成员": "members", "日子": "days", "自": "first", "至": "last", "时段": "hours", "值班人员": "people", "替换": "instead",
	"免打扰时段": "quiet", "开门分钟": "door_minutes", "餐食分钟": "food_minutes", "热餐摄氏度": "hot_celsius", "冷餐摄氏度": "cold_celsius", "巡访间隔小时": "round_hours", "取餐时段": "meal", "外出至": "away_until",
	"照护人员": "caregivers", "呼叫方式": "channels", "区划代码": "region", "统计用区划代码": "region", "区划版本": "region_edition", "行业版本": "industry_edition", "城乡分类": "urban_rural",
	"上报间隔秒": "interval_seconds", "行业代码": "industry", "运营单位": "operator", "统一社会信用代码": "operator", "服务": "services",
}

// Heading is what people call a field, in Chinese as a column may be called.
func Heading(field string, lang texts.Lang) string {
	called := field
	for heading, name := range headings {
		if lang == texts.Chinese && name == field && (called == field || len(heading) < len(called) || len(heading) == len(called) && heading < called) {
			called = heading
		}
	}
	return called
}

// tables are those that a line of a CSV file may be of, by what people call
// them.
var tables = map[string]registry.Table{
	"facility": registry.Facilities, "设施": registry.Facilities, "device": registry.Devices, "设备": registry.Devices,
	"group": registry.Groups, "值班组": registry.Groups, "shift": registry.Shifts, "班次": registry.Shifts,
	"holiday": registry.Holidays, "节假日": registry.Holidays, "care": registry.Cares, "照护约定": registry.Cares,
	"elder": registry.Elders, "老人": registry.Elders, "caregiver": registry.Caregivers, "照护人员": registry.Caregivers,
}

// calledKinds are the kinds by what people call them, in both languages.
func calledKinds() map[string]devices.Kind {
	all := map[string]devices.Kind{}
	for _, k := range append(kinds.All(), kinds.Kind{Name: devices.KindBridge, Text: texts.Kinds.Bridge}) {
		all[k.Text.ZH], all[k.Text.EN] = k.Name, k.Name
	}
	return all
}

func (s *Sheet) readCSV(text string) error {
	in := csv.NewReader(strings.NewReader(text))
	in.Comma = separator(text)
	in.FieldsPerRecord = -1 // checked below, in words
	in.TrimLeadingSpace = in.Comma != '\t'
	head, err := in.Read()
	if err != nil {
		return s.broken(err)
	}
	names, err := s.header(head)
	if err != nil {
		return err
	}
	called := calledKinds()
	for {
		cells, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return s.broken(err)
		}
		line, _ := in.FieldPos(0)
		if !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" }) {
			continue // a line of nothing but commas
		}
		r, err := s.row(line, names, cells, called)
		if err != nil {
			return err
		}
		if err := s.add(r); err != nil {
			return err
		}
	}
}

// separator is the one that the first line has.
func separator(text string) rune {
	head, _, _ := strings.Cut(text, "\n")
	for _, c := range ",\t;" {
		if strings.ContainsRune(head, c) {
			return c
		}
	}
	return ','
}

// broken says what the reader of CSV says.
func (s *Sheet) broken(err error) error {
	var syntax *csv.ParseError
	if errors.As(err, &syntax) {
		return s.wrong(position{line: syntax.StartLine}, texts.Errorf(texts.Sheet.Quotes))
	}
	return s.wrong(position{line: 1}, texts.Errorf(texts.Sheet.Empty))
}

// header finds out which field each column is.
func (s *Sheet) header(cells []string) ([]string, error) {
	known := []string{recordColumn}
	for _, t := range tables {
		for name := range columns(t) {
			known = append(known, name)
		}
	}
	slices.Sort(known)
	known = slices.Compact(known)
	var names []string
	for i, cell := range cells {
		cell = strings.TrimSpace(cell)
		at := position{line: 1, column: i + 1}
		name := strings.ToLower(cell)
		if called, ok := headings[cell]; ok {
			name = called
		}
		switch {
		case cell == "": // Excel leaves such columns; their cells must be empty
			names = append(names, "")
			continue
		case !slices.Contains(known, name):
			return nil, s.wrong(at, texts.Errorf(texts.Sheet.Column, cell, strings.Join(known, ", ")))
		case slices.Contains(names, name):
			return nil, s.wrong(at, texts.Errorf(texts.Sheet.ColumnTwice, name, slices.Index(names, name)+1))
		}
		names = append(names, name)
	}
	if !slices.Contains(names, "id") {
		return nil, s.wrong(position{line: 1}, texts.Errorf(texts.Sheet.ColumnMissing, "id"))
	}
	return names, nil
}

func (s *Sheet) row(line int, names, cells []string, called map[string]devices.Kind) (row, error) {
	r := row{table: registry.Devices, line: line, fields: map[string]field{}}
	at := func(i int) position { return position{line: line, column: i + 1, name: names[i]} }
	for i, cell := range cells {
		if (i >= len(names) || names[i] == "") && strings.TrimSpace(cell) != "" {
			return r, s.wrong(position{line: line, column: i + 1}, texts.Errorf(texts.Sheet.NoHeading))
		}
	}
	if i := slices.Index(names, recordColumn); i >= 0 {
		cell := ""
		if i < len(cells) {
			cell = strings.TrimSpace(cells[i])
		}
		t, ok := tables[strings.ToLower(cell)]
		if !ok {
			return r, s.wrong(at(i), texts.Errorf(texts.Sheet.Record, cell))
		}
		r.table = t
	}
	fields := columns(r.table)
	for i, name := range names {
		if i >= len(cells) || name == recordColumn || name == "" {
			continue
		}
		cell := strings.TrimSpace(cells[i])
		if cell == "" && name != "id" {
			continue
		}
		t, ok := fields[name]
		if !ok {
			return r, s.wrong(at(i), texts.Errorf(texts.Sheet.NotOfRecord, strings.Join(slices.Sorted(maps.Keys(fields)), ", ")))
		}
		if name == "kind" {
			cell = kindOf(cell, called)
		}
		value, err := cellValue(cell, t)
		if err != nil {
			return r, s.wrong(at(i), err)
		}
		r.fields[name] = field{value, at(i)}
	}
	if f, ok := r.fields["id"]; ok {
		r.id, _ = f.value.(string)
	}
	if devices.CheckCode("id", r.id) != nil {
		return r, s.wrong(at(slices.Index(names, "id")), texts.Errorf(texts.Registry.ID, r.id))
	}
	return r, nil
}

// cellValue reads a cell as a field of type t wants it.
func cellValue(cell string, t reflect.Type) (any, error) {
	if cell == clearCell {
		return reflect.Zero(t).Interface(), nil
	}
	switch t.Kind() {
	case reflect.Int:
		n, err := strconv.Atoi(cell)
		if err != nil {
			return nil, texts.Errorf(texts.Sheet.Wants, goType(t), cell)
		}
		return n, nil
	case reflect.Bool:
		switch strings.ToLower(cell) {
		case "是", "yes", "true", "1", "y":
			return true, nil
		case "否", "no", "false", "0", "n":
			return false, nil
		}
		return nil, texts.Errorf(texts.Sheet.Wants, goType(t), cell)
	case reflect.Slice:
		parts := strings.FieldsFunc(cell, func(r rune) bool { return r == ';' || r == '；' || r == '、' })
		if t.Elem() != reflect.TypeFor[registry.Channel]() {
			for i := range parts {
				parts[i] = strings.TrimSpace(parts[i])
			}
			return parts, nil
		}
		var ways []registry.Channel
		for _, p := range parts {
			kind, address, ok := strings.Cut(strings.TrimSpace(p), "=")
			if !ok || kind == "" || address == "" {
				return nil, texts.Errorf(texts.Sheet.Channel, p)
			}
			ways = append(ways, registry.Channel{Kind: strings.TrimSpace(kind), Address: strings.TrimSpace(address)})
		}
		return ways, nil
	}
	return cell, nil
}

// Template is a CSV file to fill in: the columns in a language, and an example
// of each kind of line.
func Template(lang texts.Lang) string {
	head := []string{recordColumn, "id", "name", "kind", "facility", "compartments", "compartment", "elder", "room", "bed", "bridge", "address", "building", "caregivers", "channels", "region"}
	lines := [][]string{
		{"facility", "east", "东门快递柜", "", "", "", "", "", "", "", "", "", "", "", "", "320106001001"},
		{"caregiver", "li", "李敏", "", "", "", "", "", "", "", "", "", "", "", "webhook=https://example.org/page", ""},
		{"elder", "e302", "王秀英", "", "", "", "", "", "302", "", "", "", "3号楼", "li", "", ""},
		{"device", "locker-east", "", "locker", "east", "24", "", "", "", "", "", "", "", "", "", ""},
		{"device", "sos-302", "", "wearable", "", "", "", "e302", "卫生间", "", "", "", "", "", "", ""},
	}
	if lang == texts.Chinese {
		chinese := []string{"类别", "编号", "名称", "种类", "设施", "格口数", "格口", "老人", "房间", "床位", "网桥", "网桥地址", "楼栋", "照护人员", "呼叫方式", "区划代码"}
		records := map[string]string{"facility": "设施", "caregiver": "照护人员", "elder": "老人", "device": "设备"}
		head = chinese
		for _, l := range lines {
			l[0] = records[l[0]]
		}
	}
	var b strings.Builder
	b.WriteString("\ufeff") // Excel takes it for GBK without
	out := csv.NewWriter(&b)
	if err := out.WriteAll(append([][]string{head}, lines...)); err != nil {
		return fmt.Sprint(err) // of a strings.Builder, never
	}
	return b.String()
}
