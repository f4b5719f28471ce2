package contract

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/linli-edge/gateway/sync/usage"
)

var update = flag.Bool("update", false, "write the golden files anew")

// examples are the messages that the contract shows.
func examples(t *testing.T) map[string]any {
	t.Helper()
	of := func(n int64) *int64 { return &n }
	generation := uint64(1795392000)
	rows := []Row{
		{Facility: "east", Indicator: "parcel.deposits", Period: "2026-11-23", Numerator: 42, Generation: generation, N: 7, Region: "320106001001", UrbanRural: "111", Industry: "602", Operator: "11320000MB151840XJ"},
		{Facility: "east", Indicator: "parcel.overdue", Period: "2026-11-23", Numerator: 2, Denominator: of(42), Generation: generation, N: 7},
		{Facility: "east", Indicator: "parcel.dwell", Period: "2026-11-23", Numerator: 40, Buckets: []int64{3, 9, 12, 10, 4, 2, 0, 0}, Generation: generation, N: 6},
		{Facility: "east", Indicator: "facility.covered", Period: "2026-11-23", Numerator: 86400, Denominator: of(86400), Generation: generation, N: 24, Kinds: []string{"cabinet", "locker"}},
		{Facility: "east", Indicator: "meal.elders", Period: "2026-11", Numerator: 31, Generation: generation, N: 57},
	}
	var batch []Event
	answer := Answer{ServerTime: time.Date(2026, 11, 24, 0, 20, 1, 0, time.UTC)}
	for _, r := range rows {
		if err := r.Validate(); err != nil {
			t.Fatal(err)
		}
		e, err := NewEvent("chunfeng-01", r)
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, e)
		answer.Receipts = append(answer.Receipts, Receipt{ID: e.ID, Status: Accepted})
	}
	answer.Receipts[1] = Receipt{ID: batch[1].ID, Status: Superseded}
	answer.Receipts[4] = Receipt{ID: batch[4].ID, Status: Refused, Reason: "indicator: not taken here"}
	held := []Held{{Facility: "east", Rows: 4, Digest: DigestOf(rows[:4])}}
	return map[string]any{
		"batch": batch, "answer": answer,
		"problem":        Problem{ServerTime: answer.ServerTime, Code: ProblemStale, Detail: "created: too far from the server's time"},
		"reconciliation": Reconciliation{Period: "2026-11-23", Facilities: held},
		"reconciled":     Reconciled{ServerTime: answer.ServerTime, Facilities: held},
		"enrolment":      Enrolment{Box: "chunfeng-01", Code: "J4K7-Q2MX", PublicKey: PublicKey{Algorithm: NameEd25519, Key: make([]byte, 32)}},
	}
}

// The catalogue and the examples are what the code makes.
func TestGoldenFiles(t *testing.T) {
	files := map[string]any{"catalogue.json": Catalogue()}
	for name, message := range examples(t) {
		files[filepath.Join("examples", name+".json")] = message
	}
	for file, content := range files {
		var want bytes.Buffer
		out := json.NewEncoder(&want)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		if err := out.Encode(content); err != nil {
			t.Fatal(err)
		}
		if *update {
			if err := os.WriteFile(file, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(file)
		if err != nil || !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is not what the code makes (%v): run this test with -update, and see whether that is compatible", file, err)
		}
	}
}

// Every indicator of the statistics is in the catalogue.
func TestCatalogueIsWhole(t *testing.T) {
	list := Catalogue()
	for _, i := range usage.Indicators() {
		if !slices.ContainsFunc(list, func(e Indicator) bool { return e.Code == i.Code && e.Name.ZH != "" && e.Name.EN != "" }) {
			t.Errorf("%s is missing", i.Code)
		}
	}
}

func schemas(t *testing.T) map[string]any {
	t.Helper()
	text, err := os.ReadFile("schemas.json")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Defs map[string]any `json:"$defs"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Defs
}

// fits checks a value against the keywords that schemas.json uses, and names
// what does not fit.
func fits(defs map[string]any, schema map[string]any, v any, at string) (wrong []string) {
	if ref, ok := schema["$ref"].(string); ok {
		schema = defs[strings.TrimPrefix(ref, "#/$defs/")].(map[string]any)
	}
	if c, ok := schema["const"]; ok && c != v {
		wrong = append(wrong, at+": not "+c.(string))
	}
	if e, ok := schema["enum"].([]any); ok && !slices.Contains(e, v) {
		wrong = append(wrong, at+": not in the enumeration")
	}
	if p, ok := schema["pattern"].(string); ok {
		if s, isText := v.(string); !isText || !regexp.MustCompile(p).MatchString(s) {
			wrong = append(wrong, at+": does not match "+p)
		}
	}
	switch schema["type"] {
	case "integer":
		n, ok := v.(float64)
		if least, bound := schema["minimum"].(float64); !ok || bound && n < least {
			wrong = append(wrong, at+": no such number")
		}
	case "array":
		list, ok := v.([]any)
		if !ok {
			return append(wrong, at+": no list")
		}
		if most, bound := schema["maxItems"].(float64); bound && float64(len(list)) > most {
			wrong = append(wrong, at+": too many")
		}
		for _, item := range list {
			wrong = append(wrong, fits(defs, schema["items"].(map[string]any), item, at+"[]")...)
		}
	case "object":
		o, ok := v.(map[string]any)
		if !ok {
			return append(wrong, at+": no object")
		}
		for _, name := range schema["required"].([]any) {
			if _, there := o[name.(string)]; !there {
				wrong = append(wrong, at+"."+name.(string)+": missing")
			}
		}
		properties, _ := schema["properties"].(map[string]any)
		for name, value := range o {
			p, known := properties[name].(map[string]any)
			if !known {
				wrong = append(wrong, at+"."+name+": unknown")
				continue
			}
			wrong = append(wrong, fits(defs, p, value, at+"."+name)...)
		}
	}
	return wrong
}

// The examples fit the schemas, what is wrong does not, and the schema of a row
// has the fields of a Row.
func TestSchemas(t *testing.T) {
	defs := schemas(t)
	schemaOf := map[string]string{"batch": "Batch", "answer": "Answer", "problem": "Problem", "reconciliation": "Reconciliation", "reconciled": "Reconciled", "enrolment": "Enrolment"}
	for name, message := range examples(t) {
		text, err := json.Marshal(message)
		if err != nil {
			t.Fatal(err)
		}
		var v any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		if wrong := fits(defs, defs[schemaOf[name]].(map[string]any), v, name); len(wrong) > 0 {
			t.Errorf("%s", strings.Join(wrong, "\n"))
		}
	}
	bad := map[string]any{"facility": "张三", "indicator": "x", "period": "2026-13", "numerator": -1.0, "generation": 1.0, "n": 1.0, "name": "张三"}
	if wrong := fits(defs, defs["Row"].(map[string]any), bad, "row"); len(wrong) != 4 {
		t.Errorf("found in a bad row: %v", wrong)
	}
	text, err := json.Marshal(Row{Denominator: new(int64), Buckets: []int64{1}, Region: "1", UrbanRural: "1", Industry: "1", Operator: "1", Kinds: []string{"x"}, Uncertain: true, Suppressed: true})
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	properties := defs["Row"].(map[string]any)["properties"].(map[string]any)
	for name := range fields {
		if properties[name] == nil {
			t.Errorf("the schema does not know %s", name)
		}
	}
	if len(properties) != len(fields) {
		t.Errorf("the schema has %d fields, a Row %d", len(properties), len(fields))
	}
	codes, _ := json.Marshal(defs["Problem"])
	for _, code := range []string{ProblemMethod, ProblemSignature, ProblemKey, ProblemStale, ProblemDigest, ProblemMediaType, ProblemTooLarge, ProblemBatch, ProblemStore, ProblemCode, ProblemReplaced, ProblemCloned} {
		if !strings.Contains(string(codes), `"`+code+`"`) {
			t.Errorf("the schema does not know the problem %s", code)
		}
	}
}

// openapi.yaml is YAML, speaks of each path, and refers to what is there.
func TestOpenAPI(t *testing.T) {
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		OpenAPI string         `yaml:"openapi"`
		Paths   map[string]any `yaml:"paths"`
	}
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	if doc.OpenAPI != "3.1.0" || len(doc.Paths) != 4 {
		t.Errorf("openapi %q with %d paths", doc.OpenAPI, len(doc.Paths))
	}
	for _, path := range []string{PathRows, PathReconcile, PathEnrol, PathKeys} {
		if doc.Paths[path] == nil {
			t.Errorf("%s is missing", path)
		}
	}
	defs := schemas(t)
	for _, m := range regexp.MustCompile(`schemas\.json#/\$defs/(\w+)`).FindAllStringSubmatch(string(text), -1) {
		if defs[m[1]] == nil {
			t.Errorf("there is no schema %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`externalValue: (\S+?)}`).FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(m[1]); err != nil {
			t.Error(err)
		}
	}
}
