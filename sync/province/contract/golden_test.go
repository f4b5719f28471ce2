package contract

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emmansun/gmsm/sm2"
	"github.com/goccy/go-yaml"

	"github.com/linli-edge/gateway/sync/province/contract/contracttest"
	"github.com/linli-edge/gateway/sync/usage"
)

var update = flag.Bool("update", false, "write the golden files anew")

// examples are the messages that the contract shows.
func examples(t *testing.T) map[string]any {
	t.Helper()
	of := func(n int64) *int64 { return &n }
	generation := uint64(1795392000)
	rows := []Row{
		{Facility: "east", Indicator: "parcel.deposits", Period: "2026-11-23", Numerator: 42, Generation: generation, N: 7, Region: "320106001001", RegionEdition: 2023, UrbanRural: "111", Industry: "602", IndustryEdition: 2017, Operator: "11320000MB151840XJ"},
		{Facility: "east", Indicator: "parcel.overdue", Period: "2026-11-23", Numerator: 2, Denominator: of(42), Generation: generation, N: 7},
		{Facility: "east", Indicator: "parcel.dwell", Period: "2026-11-23", Numerator: 40, Buckets: []int64{3, 9, 12, 10, 4, 2, 0, 0}, Generation: generation, N: 6},
		{Facility: "east", Indicator: "facility.covered", Period: "2026-11-23", Numerator: 86400, Denominator: of(86400), Generation: generation, N: 24, Kinds: []string{"cabinet", "locker"}, Services: []string{"meal", "parcel"}},
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

// exampleKeys are the schemes of the signed examples, with the public keys of
// the two that have one.
func exampleKeys(t *testing.T) (schemes []Scheme, public map[string]string) {
	t.Helper()
	secret := []byte("0123456789abcdef")
	key := ed25519.NewKeyFromSeed([]byte("an example's key, of thirty-two!"))
	private, err := sm2.NewPrivateKey([]byte("an example's key, of thirty-two!"))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := SM2([]byte("an example's key, of thirty-two!"), Form{})
	if err != nil {
		t.Fatal(err)
	}
	base64 := base64.StdEncoding.EncodeToString
	return []Scheme{HMAC(secret), Ed25519(key), HMACSM3(secret, Form{}), signer},
		map[string]string{NameEd25519: base64(key.Public().(ed25519.PublicKey)), NameSM2: base64(SM2PublicKey(private))}
}

// The signed examples are whole requests, whose signatures are good, and no
// longer so when anything is changed; the page tells their keys.
func TestSignedExamples(t *testing.T) {
	schemes, public := exampleKeys(t)
	at := time.Date(2026, 11, 24, 0, 20, 0, 0, time.UTC)
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range schemes {
		file := filepath.Join("examples", "signed-"+s.Name+".http")
		if *update {
			body := encode(t, examples(t)["batch"].([]Event)[:1])
			req, err := http.NewRequest(http.MethodPost, "https://platform.example.gov.cn"+PathRows, bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", BatchType)
			req.Header.Set("User-Agent", "") // none
			if err := Sign(req, body, "chunfeng-01", s, at, Nonce{Generation: 1795392000, Sequence: 42, Random: "EXAMPLE"}.String()); err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			if err := req.Write(&text); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		verify := func(text []byte) error {
			req, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
			if err != nil {
				return err
			}
			body, err := io.ReadAll(req.Body)
			if err != nil {
				return err
			}
			signed, err := Verify(req, at, func(box string) []Scheme {
				if box != "chunfeng-01" {
					return nil
				}
				return []Scheme{s}
			})
			if err == nil && (signed.Nonce != "1795392000.42.EXAMPLE" || !VerifyBody(req, body)) {
				return errors.New("not what was signed")
			}
			return err
		}
		if err := verify(text); err != nil {
			t.Errorf("%s: %v", file, err)
		}
		for from, to := range map[string]string{PathRows: PathKeys, "chunfeng-01": "chunfeng-02", `"numerator":42`: `"numerator":43`, ".42.": ".43."} {
			if !bytes.Contains(text, []byte(from)) || verify(bytes.ReplaceAll(text, []byte(from), []byte(to))) == nil {
				t.Errorf("%s: good with %s in place of %s", file, to, from)
			}
		}
		if !bytes.Contains(page, []byte("signed-"+s.Name+".http")) || !bytes.Contains(page, []byte(public[s.Name])) {
			t.Errorf("README.md does not tell the key of %s, %s", s.Name, public[s.Name])
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

// document is openapi.yaml with the schemas beside it.
func document(t *testing.T) *contracttest.Spec {
	t.Helper()
	spec, err := contracttest.Open(".")
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The examples fit the document and its schemas, and what is wrong does not.
func TestExamplesFit(t *testing.T) {
	spec, messages := document(t), examples(t)
	request := func(path, mediaType string) *http.Request {
		req, err := http.NewRequest(http.MethodPost, "https://platform.example.gov.cn"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", mediaType)
		return req
	}
	header := http.Header{"Content-Type": {JSONType}}
	for _, c := range []struct{ path, mediaType, request, answer string }{
		{PathRows, BatchType, "batch", "answer"},
		{PathReconcile, JSONType, "reconciliation", "reconciled"},
		{PathEnrol, JSONType, "enrolment", ""},
	} {
		req := request(c.path, c.mediaType)
		if err := spec.Request(req, encode(t, messages[c.request])); err != nil {
			t.Errorf("%s: %v", c.request, err)
		}
		if c.answer != "" {
			if err := spec.Response(req, 200, header, encode(t, messages[c.answer])); err != nil {
				t.Errorf("%s: %v", c.answer, err)
			}
		}
		if err := spec.Response(req, 401, header, encode(t, messages["problem"])); err != nil {
			t.Errorf("problem: %v", err)
		}
	}
	for field, wrong := range map[string]string{
		"facility": `"张三"`, "period": `"2026-13"`, "numerator": `-1`, "name": `"张三"`, "generation": `0`, "operator": `"1"`, "kinds": `["A"]`, "region_edition": `23`, "suppressed": `1`,
	} {
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(messages["batch"].([]Event)[0].Data, &fields); err != nil {
			t.Fatal(err)
		}
		fields[field] = json.RawMessage(wrong)
		e := messages["batch"].([]Event)[0]
		e.Data = encode(t, fields)
		if err := spec.Request(request(PathRows, BatchType), encode(t, []Event{e})); err == nil {
			t.Errorf("%s may be %s", field, wrong)
		}
	}
}

// The schema of a row has the fields of a Row, and that of a problem its codes.
func TestSchemas(t *testing.T) {
	defs := schemas(t)
	text, err := json.Marshal(Row{Denominator: new(int64), Buckets: []int64{1}, Region: "1", RegionEdition: 1, UrbanRural: "1", Industry: "1", IndustryEdition: 1, Operator: "1", Kinds: []string{"x"}, Services: []string{"x"}, Uncertain: true, Suppressed: true})
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

// openapi.yaml is OpenAPI 3.1, speaks of each path, and its examples are there.
func TestOpenAPI(t *testing.T) {
	document(t)
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{"responses:": "answers:", "in: header": "in: envelope", "$defs/Batch": "$defs/Heap"} {
		if _, err := contracttest.Read(".", []byte(strings.Replace(string(text), from, to, 1))); err == nil {
			t.Errorf("%q in place of %q is no fault", to, from)
		}
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
	for _, m := range regexp.MustCompile(`externalValue: (\S+?)}`).FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat(m[1]); err != nil {
			t.Error(err)
		}
	}
}
