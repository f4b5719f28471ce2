package sheet_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/registry/sheet"
	"github.com/linli-edge/gateway/devices/texts"
)

func open(t testing.TB) *registry.Registry {
	t.Helper()
	r, err := registry.Open(filepath.Join(t.TempDir(), "registry.db"), registry.Options{Kinds: kinds.Names()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func read(t *testing.T, name, content string) *sheet.Sheet {
	t.Helper()
	s, err := sheet.Read(name, []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const community = `类别,编号,名称,种类,设施,格口数,格口,老人,楼栋,房间,照护人员,呼叫方式,停用
设施,east,东门快递柜,,,,,,,,,,
设备,locker-east,1号柜,快递柜,east,24,,,,,,,
老人,e302,"王秀英",,,,,,3号楼,302,li；zhang,,
照护人员,li,李敏,,,,,,,,,webhook=https://example.org/a?b=c,
照护人员,zhang,张伟,,,,,,,,,webhook=https://example.org/z;sms=13900000000,
设备,bed-302,,bed,east,,,e302,,302,,,
,,,,,,,,,,,,
设备,old,,locker,,,,,,,,,是
`

// What an installer has filled in, as Excel saves it, is registered.
func TestATableIsRegistered(t *testing.T) {
	gbk, err := simplifiedchinese.GBK.NewEncoder().String(community)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"UTF-8": community, "UTF-8 with a mark": "\ufeff" + community, "GBK": gbk,
		"semicolons": strings.NewReplacer(",", ";", "；", "、", "z;sms", "z、sms").Replace(community), "tabs": strings.ReplaceAll(community, ",", "\t"),
		"other line ends": strings.ReplaceAll(community, "\n", "\r\n"), "a column without a name": regexp.MustCompile(`(?m)^([^,]*),`).ReplaceAllString(community, "$1,,"),
		"blanks": strings.NewReplacer(",", " , ", `"`, "").Replace(community), "lines as long as they need": regexp.MustCompile(`(?m),+$`).ReplaceAllString(community, ""),
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t)
			s := read(t, "community.csv", content)
			changes, err := s.Preview(r)
			if err != nil || len(changes) != 7 {
				t.Fatalf("preview: %+v, %v", changes, err)
			}
			if n := len(r.Snapshot().Devices); n != 0 {
				t.Fatalf("the preview has registered %d devices", n)
			}
			_, secrets, err := s.Apply(r, registry.Author{By: "li", How: "command"}, "")
			if err != nil {
				t.Fatal(err)
			}
			got := r.Snapshot()
			if e := got.Elders["e302"]; e.Name != "王秀英" || e.Building != "3号楼" || e.Room != "302" || strings.Join(e.Caregivers, " ") != "li zhang" {
				t.Errorf("elder: %+v", e)
			}
			if d := got.Devices["locker-east"]; d.Kind != "locker" || d.Facility != "east" || d.Compartments != 24 || d.Name != "1号柜" {
				t.Errorf("locker: %+v", d)
			}
			if d := got.Devices["bed-302"]; d.Facility != "east" || d.Elder != "e302" || d.Room != "302" {
				t.Errorf("bed: %+v", d)
			}
			if !got.Devices["old"].Retired || secrets["old"] != "" {
				t.Errorf("a retired device: %+v", got.Devices["old"])
			}
			if c := got.Caregivers["zhang"].Channels; len(c) != 2 || c[1].Kind != "sms" || c[1].Address != "13900000000" {
				t.Errorf("ways to reach: %+v", c)
			}
			if c := got.Caregivers["li"].Channels; len(c) != 1 || c[0].Address != "https://example.org/a?b=c" {
				t.Errorf("ways to reach: %+v", c)
			}
			if _, ok := r.Login("locker-east", []byte(secrets["locker-east"])); !ok || len(secrets) != 2 {
				t.Errorf("logins: %v", secrets)
			}
			// Once more: nothing changes, and no login does.
			if changes, err := s.Preview(r); err != nil || len(changes) != 0 {
				t.Errorf("again: %+v, %v", changes, err)
			}
			if changes, again, err := s.Apply(r, registry.Author{}, ""); err != nil || len(again) != 0 || len(changes) != 0 {
				t.Errorf("again: %v, %v", again, err)
			}
		})
	}
}

// Yes and no in the words that people use.
func TestYesAndNo(t *testing.T) {
	r := open(t)
	for i, word := range strings.Fields("是 否 yes no true false 1 0 y n Yes NO") {
		id := fmt.Sprint("d", i)
		if _, _, err := read(t, "a.csv", "id,kind,retired\n"+id+",locker,"+word+"\n").Apply(r, registry.Author{}, ""); err != nil {
			t.Fatal(err)
		}
		if d := r.Snapshot().Devices[id]; d.Retired != (i%2 == 0) {
			t.Errorf("%s is %t", word, d.Retired)
		}
	}
}

// What the file does not name stays; a cell with a minus clears.
func TestAFileChangesOnlyWhatItNames(t *testing.T) {
	r := open(t)
	if _, _, err := read(t, "a.csv", community).Apply(r, registry.Author{}, ""); err != nil {
		t.Fatal(err)
	}
	s := read(t, "b.csv", "id,name,compartments,facility,上报间隔秒\nlocker-east,,12,,3600\nbed-302,床垫,,-,\n")
	changes, err := s.Preview(r)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(changes), `[{devices bed-302 changed [{facility "east" } {name  "床垫"}]} {devices locker-east changed [{compartments 24 12} {interval_seconds  3600}]}]`; got != want {
		t.Errorf("changes %s\nwant    %s", got, want)
	}
	if _, _, err := s.Apply(r, registry.Author{}, ""); err != nil {
		t.Fatal(err)
	}
	got := r.Snapshot()
	if d := got.Devices["locker-east"]; d.Compartments != 12 || d.Interval != 3600 || d.Facility != "east" || d.Name != "1号柜" {
		t.Errorf("%+v", d)
	}
	if d := got.Devices["bed-302"]; d.Facility != "" || d.Elder != "e302" || d.Name != "床垫" {
		t.Errorf("%+v", d)
	}
}

// A column may be called in Chinese.
func TestColumnsInChinese(t *testing.T) {
	for field, called := range map[string]string{
		"address":          "地址 网桥地址",
		"away_until":       "外出至",
		"bed":              "床位",
		"bridge":           "网桥",
		"building":         "楼栋",
		"caregivers":       "照护人员",
		"channels":         "呼叫方式",
		"compartment":      "格口 格口号",
		"compartments":     "格口数 格口数量",
		"days":             "日子",
		"elder":            "老人 佩戴者",
		"facility":         "设施 所属设施",
		"first":            "自",
		"group":            "值班组",
		"hours":            "时段",
		"id":               "编号",
		"industry":         "行业代码",
		"industry_edition": "行业版本",
		"instead":          "替换",
		"interval_seconds": "上报间隔秒",
		"kind":             "种类 设备种类",
		"last":             "至",
		"meal":             "取餐时段",
		"members":          "成员",
		"name":             "名称 姓名",
		"operator":         "运营单位 统一社会信用代码",
		"people":           "值班人员",
		"profile":          "报文格式",
		"quiet":            "免打扰时段",
		"record":           "类别 类型",
		"region":           "区划代码 统计用区划代码",
		"region_edition":   "区划版本",
		"retired":          "停用",
		"role":             "角色",
		"room":             "房间 房号",
		"round_hours":      "巡访间隔小时",
		"services":         "服务",
		"urban_rural":      "城乡分类",
		"door_minutes":     "开门分钟",
		"food_minutes":     "餐食分钟",
		"hot_celsius":      "热餐摄氏度",
		"cold_celsius":     "冷餐摄氏度",
	} {
		for heading := range strings.FieldsSeq(called) {
			_, err := sheet.Read("a.csv", []byte(heading+","+field+"\n"))
			if err == nil || !strings.Contains(err.Error(), "column "+field+" is column 1 already") {
				t.Errorf("%s is not %s: %v", heading, field, err)
			}
		}
	}
}

// Fields are shown to people by what they call them.
func TestHeading(t *testing.T) {
	for field, want := range map[string]string{"compartments": "格口数", "name": "名称", "facility": "设施", "interval_seconds": "上报间隔秒", "unit": "unit"} {
		if got := sheet.Heading(field, texts.Chinese); got != want {
			t.Errorf("%s is called %s, want %s", field, got, want)
		}
		if got := sheet.Heading(field, texts.English); got != field {
			t.Errorf("%s is called %s in English", field, got)
		}
	}
}

func TestYAML(t *testing.T) {
	r := open(t)
	s := read(t, "community.yml", `
facilities:
  - {id: east, name: 东门快递柜}
caregivers:
  - id: li
    name: 李敏
    channels: [{kind: webhook, address: "https://example.org/a"}]
groups:
  - {id: night, name: 夜班, role: care, members: [li]}
elders: [{id: 302, name: 王秀英, caregivers: [li]}]
care: [{id: 302, round_hours: 24}]
devices:
  - id: l1
    kind: 快递柜
    facility: east
    compartments: 24
`)
	if _, _, err := s.Apply(r, registry.Author{}, ""); err != nil {
		t.Fatal(err)
	}
	got := r.Snapshot()
	if got.Devices["l1"].Compartments != 24 || got.Elders["302"].Name != "王秀英" || got.Cares["302"].RoundHours != 24 || got.Groups["night"].Members[0] != "li" || got.Caregivers["li"].Channels[0].Kind != "webhook" {
		t.Errorf("%+v", got)
	}
}

// Who logs in itself gets a login: a bridge, and none of the devices behind it.
func TestABridgeAndWhatIsBehindIt(t *testing.T) {
	r := open(t)
	s := read(t, "street.yaml", `
elders: [{id: b, name: 王秀英}]
devices:
  - {id: z, kind: bridge, profile: zigbee2mqtt}
  - {id: b, kind: wearable, elder: b, bridge: z, address: 卫生间/按钮}
`)
	_, secrets, err := s.Apply(r, registry.Author{}, "")
	if err != nil {
		t.Fatal(err)
	}
	if d, ok := r.Behind("z", "卫生间/按钮"); !ok || d.Elder != "b" || len(secrets) != 1 || secrets["z"] == "" {
		t.Errorf("%+v, %v", d, secrets)
	}
}

// The rota is a table like others.
func TestRotaFromCSV(t *testing.T) {
	r := open(t)
	s := read(t, "排班.csv", "类别,编号,名称,角色,成员,值班组,日子,时段,值班人员,自,替换\n"+
		"照护人员,li,李敏,,,,,,,,\n照护人员,wang,王强,,,,,,,,\n值班组,night,夜班,care,li;wang,,,,,,\n"+
		"班次,week,,,,night,mon;tue;holiday,20:00-08:00,li,,\n班次,swap,,,,night,,,wang,2026-10-01,li\n节假日,2026-10-01,国庆,,,,,,,,\n")
	if _, _, err := s.Apply(r, registry.Author{}, ""); err != nil {
		t.Fatal(err)
	}
	got := r.Snapshot()
	if w := got.Shifts["week"]; len(w.Days) != 3 || w.Days[2] != registry.DayHoliday || w.Hours != "20:00-08:00" || w.People[0] != "li" {
		t.Errorf("%+v", w)
	}
	if x := got.Shifts["swap"]; x.First != "2026-10-01" || x.Instead != "li" || got.Holidays["2026-10-01"].Name != "国庆" || got.Groups["night"].Role != registry.RoleCare {
		t.Errorf("%+v", got)
	}
}

// Each mistake is one message with its place and mend, and changes nothing.
func TestAMistakeNamesItsPlace(t *testing.T) {
	for _, c := range []struct {
		file, content string
		want          string
	}{
		{"a.csv", "", "a.csv:1: there is no record"},
		{"a.csv", "id,kind\n", "a.csv:1: there is no record"},
		{"a.csv", "id,knid\nl1,locker\n", `a.csv:1:2: there is no column "knid", columns are: active, address, `},
		{"a.csv", "id,编号\nl1,l1\n", "a.csv:1:2: column id is column 1 already"},
		{"a.csv", "name,kind\n1,locker\n", "a.csv:1: the first line lacks the column id"},
		{"a.csv", "record,id\nlift,l1\n", `a.csv:2:1 (record): must be facility, device, elder, caregiver, care, group, shift or holiday (got "lift")`},
		{"a.csv", "id,kind\nL 1,locker\n", "a.csv:2:1 (id): id: must be 1 to 64"},
		{"a.csv", "id,kind,compartments\nl1,locker,a dozen\n", `a.csv:2:3 (compartments): must be a whole number (got "a dozen")`},
		{"a.csv", "id,kind,retired\nl1,locker,maybe\n", `a.csv:2:3 (retired): must be yes or no (got "maybe")`},
		{"a.csv", "record,id,name,kind\nelder,e1,王,locker\n", "a.csv:2:4 (kind): this kind of record has no such column"},
		{"a.csv", "record,id,name,channels\ncaregiver,c1,李,13900000000\n", "a.csv:2:4 (channels): a way to reach somebody must be written KIND=ADDRESS"},
		{"a.csv", "id,kind\nl1,locker\nl2,lokcer\n", `a.csv:3:2 (kind): kind: must be one of `},
		{"a.csv", "id,kind\nl1,locker\nl1,locker\n", `a.csv:3:1 (id): ID "l1" is in line 2 already`},
		{"a.csv", "id,kind\nl1,locker,east\n", "a.csv:2:3: there is no heading over this cell"},
		{"a.csv", "id,,kind\nl1,east,locker\n", "a.csv:2:2: there is no heading over this cell"},
		{"a.csv", "id,record\nl1\n", `a.csv:2:2 (record): must be facility`},
		{"a.csv", "id,kind,facility\nl1,locker,west\n", `a.csv:2:3 (facility): facility: facility "west" is not registered`},
		{"a.csv", "id,kind,facility,compartment\nd1,locker,east,1\nd2,locker,east,1\n", `a.csv:3:4 (compartment): compartment: in facility "east" compartment 1 is already watched by device "d1"`},
		{"a.csv", "id,kind\n\"l1,locker\n", "a.csv:2: quotes do not match"},
		{"a.csv", "\xff\xfei\x00d\x00", "a.csv:1: not a text file"},
		{"a.csv", "id,kind\n\xff\xff\xff,locker\n", "a.csv:1: neither in UTF-8 nor in GBK"},
		{"a.csv", strings.Repeat("x", sheet.MaxFile+1), "a.csv:1: the file is larger than 2 MiB"},
		{"a.csv", "id,kind\n" + lines(5001, "l%d,locker\n"), "a.csv:5002: a file has at most 5000 records"},
		{"a.yaml", "devices: [\n", "a.yaml:1:"},
		{"a.yaml", "lifts:\n  - id: l1\n", `a.yaml:1:1: there is no table "lifts", tables are: facilities, devices`},
		{"a.yaml", "verdicts:\n  - id: l1\n", `a.yaml:1:1: there is no table "verdicts"`},
		{"a.yaml", "- id: l1\n", "a.yaml:1:1: must begin with tables"},
		{"a.yaml", "devices:\n  id: l1\n", "a.yaml:2:"},
		{"a.yaml", "devices:\n  - id: l1\n    kind: locker\n    compartmnets: 3\n", "a.yaml:4:5: compartmnets: records of devices have no such field"},
		{"a.yaml", "devices:\n  - id: l1\n    kind: locker\n    compartments: many\n", "a.yaml:4:5: compartments: records of devices have no such field"},
		{"a.yaml", "devices:\n  - id: l1\n    kind: locker\n    facility: west\n", `a.yaml:4:5: facility: facility "west" is not registered`},
		{"a.yaml", "devices:\n  - kind: locker\n", "a.yaml:2:"},
		{"a.yaml", "a: &a [1]\ndevices: *a\n", "a.yaml:1:"},
		{"a.yaml", strings.Repeat("[", 100_000), "a.yaml:1: the line is longer than 4096"},
		{"a.yaml", strings.Repeat("[\n", 100), "a.yaml:33: nested deeper than 32"},
		{"a.yaml", strings.Repeat("- ", 2000), "a.yaml:1: nested deeper than 32"},
	} {
		r := open(t)
		if err := r.Put(registry.Facility{ID: "east", Name: "东门"}); err != nil {
			t.Fatal(err)
		}
		before := r.Snapshot()
		s, err := sheet.Read(c.file, []byte(c.content))
		if err == nil {
			_, preview := s.Preview(r)
			if _, _, err = s.Apply(r, registry.Author{}, ""); fmt.Sprint(preview) != fmt.Sprint(err) {
				t.Errorf("%.60q: the preview says %v, then %v", c.content, preview, err)
			}
		}
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%.60q: got  %v\nwant %s", c.content, err, c.want)
			continue
		}
		var at *sheet.Error
		if !errors.As(err, &at) || at.Line < 1 {
			t.Errorf("%.60q: %T without a place", c.content, err)
		}
		if zh := texts.Of(err, texts.Chinese); !strings.HasPrefix(zh, c.file+" 第 ") {
			t.Errorf("in Chinese: %s", zh)
		}
		if r.Snapshot() != before {
			t.Errorf("%.60q: half done", c.content)
		}
	}
}

// Every table but that of the verdicts can be written as CSV, and whoever writes
// another word is told so.
func TestEachTableIsOffered(t *testing.T) {
	_, err := sheet.Read("a.csv", []byte("record,id\nlift,x\n"))
	offered := texts.Of(err, texts.English) + texts.Of(err, texts.Chinese)
	words := strings.Fields("facility device elder caregiver care group shift holiday 设施 设备 老人 照护人员 照护约定 值班组 班次 节假日")
	for _, word := range words {
		if _, err := sheet.Read("a.csv", []byte("record,id\n"+word+",x\n")); err != nil || !strings.Contains(offered, word) {
			t.Errorf("%s: %v, offered: %s", word, err, offered)
		}
	}
	if tables := len(registry.Tables()) - 1; len(words) != 2*tables {
		t.Errorf("%d words for %d tables", len(words), tables)
	}
}

func lines(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// Whoever fills the template in as it is gets what it shows.
func TestTemplates(t *testing.T) {
	for _, lang := range []texts.Lang{texts.Chinese, texts.English} {
		r := open(t)
		if _, _, err := read(t, "template.csv", sheet.Template(lang)).Apply(r, registry.Author{}, ""); err != nil {
			t.Errorf("%s: %v", lang, err)
		}
		if d := r.Snapshot().Devices["sos-302"]; d.Elder != "e302" || d.Room != "卫生间" {
			t.Errorf("%s: %+v", lang, d)
		}
	}
}

// Whatever is in a file, it is registered whole or refused with its place.
func FuzzRead(f *testing.F) {
	f.Add("a.csv", []byte(community))
	f.Add("a.csv", []byte(sheet.Template(texts.English)))
	f.Add("a.csv", []byte("id;kind\nl1;locker;\n\"\"\n"))
	f.Add("a.csv", []byte("\xef\xbb\xbf\xb1\xe0\xba\xc5,kind\nl1,locker"))
	f.Add("a.yaml", []byte("devices:\n  - {id: l1, kind: locker, compartments: 3}\n"))
	f.Add("a.yaml", []byte("elders: [{id: 302, name: 王, caregivers: []}]\n---\ncare: [{id: '302', fence: {latitude: 32}}]"))
	f.Add("a.yaml", []byte("a: &a [*a]\ndevices: !!binary x\n? b\n: c\n"))
	r := open(f)
	f.Fuzz(func(t *testing.T, name string, content []byte) {
		s, err := sheet.Read(name, content)
		if err != nil {
			if !errors.As(err, new(*sheet.Error)) {
				t.Fatalf("without a place: %v", err)
			}
			return
		}
		if _, err := s.Preview(r); err != nil && !errors.As(err, new(*sheet.Error)) {
			t.Fatalf("without a place: %v", err)
		}
	})
}

// What somebody has agreed to is what happens: if the registry was changed
// meanwhile so that something else would, nothing does; if it was changed
// elsewhere, this does.
func TestNothingElseThanWasSeen(t *testing.T) {
	r := open(t)
	put := func(d registry.Device) {
		t.Helper()
		if err := r.Put(d); err != nil {
			t.Fatal(err)
		}
	}
	locker := registry.Device{Device: devices.Device{ID: "l1", Kind: "locker", Name: "旧名"}, Compartments: 24}
	put(locker)
	s := read(t, "a.csv", "id,kind,name\nl1,locker,新名\nl2,locker,\n")
	seen, err := s.Preview(r)
	if err != nil || len(seen) != 2 {
		t.Fatalf("%+v, %v", seen, err)
	}
	for name, other := range map[string]registry.Device{
		"another value":            {Device: devices.Device{ID: "l1", Kind: "locker", Name: "别人取的名"}, Compartments: 24},
		"it is there already":      {Device: devices.Device{ID: "l1", Kind: "locker", Name: "新名"}, Compartments: 24},
		"a record that was added":  {Device: devices.Device{ID: "l2", Kind: "locker"}},
		"one of another kind, too": {Device: devices.Device{ID: "l2", Kind: "wearable"}},
	} {
		put(other)
		before := r.Snapshot()
		changes, secrets, err := s.Apply(r, registry.Author{}, sheet.Digest(seen))
		if err == nil || len(changes)+len(secrets) > 0 || r.Snapshot() != before {
			t.Errorf("%s: %+v, %v, %v", name, changes, secrets, err)
		} else if said := texts.Of(err, texts.Chinese); !strings.Contains(said, "a.csv 还没有登记") || !strings.Contains(said, "再看一遍") {
			t.Errorf("%s: %s", name, said)
		}
		put(locker)
		if err := r.Remove(registry.Devices, "l2"); err != nil && other.ID == "l2" {
			t.Fatal(err)
		}
	}
	put(registry.Device{Device: devices.Device{ID: "l3", Kind: "locker"}})
	if changes, secrets, err := s.Apply(r, registry.Author{}, sheet.Digest(seen)); err != nil || fmt.Sprint(changes) != fmt.Sprint(seen) || len(secrets) != 2 {
		t.Errorf("%+v, %v, %v", changes, secrets, err)
	}
}
