package receiver

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/province/contract"
)

var (
	now    = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)
	scheme = contract.HMAC([]byte("0123456789abcdef"))
)

func open(t testing.TB, path string) *Receiver {
	t.Helper()
	r, err := Open(path, Options{
		Keys:       map[string]contract.Scheme{"box-1": scheme, "box-2": scheme},
		Clock:      func() devices.Stamp { return devices.Stamp{Wall: now} },
		Logger:     slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func fresh(t testing.TB) *Receiver {
	t.Helper()
	r := open(t, filepath.Join(t.TempDir(), "platform.bolt"))
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func row(facility string, n uint64, count int64) contract.Row {
	return contract.Row{Facility: facility, Indicator: "parcel.deposits", Period: "2026-11-23", Numerator: count, Generation: 1, N: n}
}

// request is the signed batch of a box; edit may spoil it before it is signed.
func request(t testing.TB, box string, body []byte, edit ...func(*http.Request)) *http.Request {
	t.Helper()
	req := httptest.NewRequest("POST", Path, bytes.NewReader(body))
	req.Header.Set("Content-Type", contract.BatchType)
	for _, e := range edit {
		e(req)
	}
	if err := contract.Sign(req, body, box, scheme, now, "bm9uY2U"); err != nil {
		t.Fatal(err)
	}
	return req
}

func batch(t testing.TB, box string, rows ...contract.Row) []byte {
	t.Helper()
	events := make([]contract.Event, len(rows))
	for i, r := range rows {
		var err error
		if events[i], err = contract.NewEvent(box, r); err != nil {
			t.Fatal(err)
		}
	}
	body, err := json.Marshal(events)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// post returns status, answer and problem of a request.
func post(t testing.TB, r *Receiver, req *http.Request) (int, contract.Answer, contract.Problem) {
	t.Helper()
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	var answer contract.Answer
	var problem contract.Problem
	var into any = &problem
	if w.Code == http.StatusOK {
		into = &answer
	}
	if err := json.Unmarshal(w.Body.Bytes(), into); err != nil {
		t.Fatalf("status %d: %v: %s", w.Code, err, w.Body)
	}
	if at := answer.ServerTime; w.Code == http.StatusOK && !at.Equal(now) || w.Code != http.StatusOK && !problem.ServerTime.Equal(now) {
		t.Errorf("status %d carries no server time", w.Code)
	}
	return w.Code, answer, problem
}

func statuses(a contract.Answer) []contract.Status {
	var list []contract.Status
	for _, r := range a.Receipts {
		list = append(list, r.Status)
	}
	return list
}

func total(t testing.TB, r *Receiver, period string) int64 {
	t.Helper()
	totals, err := r.Totals(period)
	if err != nil {
		t.Fatal(err)
	}
	var sum int64
	for _, x := range totals.Totals {
		sum += x.Numerator
	}
	return sum
}

func TestHighestRevisionIsKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "platform.bolt")
	r := open(t, path)
	nextGeneration := row("f-1", 1, 50)
	nextGeneration.Generation = 2
	for _, c := range []struct {
		box  string
		rows []contract.Row
		want []contract.Status
		sum  int64
	}{
		{"box-1", []contract.Row{row("f-1", 2, 20), row("f-2", 1, 3)}, []contract.Status{contract.Accepted, contract.Accepted}, 23},
		{"box-1", []contract.Row{row("f-1", 2, 20)}, []contract.Status{contract.Accepted}, 23},
		{"box-1", []contract.Row{row("f-1", 1, 10)}, []contract.Status{contract.Superseded}, 23},
		{"box-1", []contract.Row{row("f-1", 2, 21)}, []contract.Status{contract.Refused}, 23},
		{"box-1", []contract.Row{row("f-1", 4, 40), row("f-1", 3, 30)}, []contract.Status{contract.Accepted, contract.Superseded}, 43},
		{"box-1", []contract.Row{nextGeneration}, []contract.Status{contract.Accepted}, 53},
		{"box-1", []contract.Row{row("f-1", 9, 90)}, []contract.Status{contract.Superseded}, 53},
		{"box-2", []contract.Row{row("f-1", 1, 100)}, []contract.Status{contract.Accepted}, 153},
	} {
		status, answer, _ := post(t, r, request(t, c.box, batch(t, c.box, c.rows...)))
		if status != http.StatusOK || !slices.Equal(statuses(answer), c.want) {
			t.Errorf("%+v: %d, %+v, want %v", c.rows, status, answer.Receipts, c.want)
		}
		for i, receipt := range answer.Receipts {
			if receipt.ID != c.rows[i].ID() {
				t.Errorf("receipt %d is for %s, want %s", i, receipt.ID, c.rows[i].ID())
			}
		}
		// What was answered is on disk.
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		r = open(t, path)
		if got := total(t, r, "2026-11-23"); got != c.sum {
			t.Errorf("after %+v the total is %d, want %d", c.rows, got, c.sum)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

// One bad row does not keep the others out.
func TestRowsAreRefusedOneByOne(t *testing.T) {
	r := fresh(t)
	future := row("f-3", 1, 5)
	future.Period = "2026-11-26"
	negative := row("f-4", 1, -1)
	status, answer, _ := post(t, r, request(t, "box-1", batch(t, "box-1", row("f-1", 1, 1), future, negative, row("f-2", 1, 1))))
	want := []contract.Status{contract.Accepted, contract.Refused, contract.Refused, contract.Accepted}
	if status != http.StatusOK || !slices.Equal(statuses(answer), want) {
		t.Fatalf("status %d, %+v", status, answer.Receipts)
	}
	for i, reason := range map[int]string{1: "period: in the future", 2: "numerator:"} {
		if !strings.Contains(answer.Receipts[i].Reason, reason) {
			t.Errorf("row %d refused for %q, want %q", i, answer.Receipts[i].Reason, reason)
		}
	}
	// The rows of another box are refused, whoever signs the batch.
	_, answer, _ = post(t, r, request(t, "box-1", batch(t, "box-2", row("f-1", 9, 9))))
	if got := statuses(answer); !slices.Equal(got, []contract.Status{contract.Refused}) {
		t.Errorf("box-1 may speak for box-2: %v", got)
	}
	if got := total(t, r, "2026-11-23"); got != 2 {
		t.Errorf("total %d, want 2", got)
	}
}

func TestBatchIsNotTaken(t *testing.T) {
	good := batch(t, "box-1", row("f-1", 1, 1))
	many := make([]contract.Row, contract.MaxRows+1)
	for i := range many {
		many[i] = row(fmt.Sprintf("f-%d", i), 1, 1)
	}
	set := func(header, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(header, value) }
	}
	for name, c := range map[string]struct {
		req    *http.Request
		status int
		code   string
	}{
		"method":       {httptest.NewRequest("GET", Path, nil), 405, contract.ProblemMethod},
		"media type":   {request(t, "box-1", good, set("Content-Type", "application/json")), 415, contract.ProblemMediaType},
		"encoding":     {request(t, "box-1", good, set("Content-Encoding", "br")), 415, contract.ProblemMediaType},
		"unknown box":  {request(t, "box-9", good), 401, contract.ProblemKey},
		"not signed":   {unsigned(request(t, "box-1", good)), 401, contract.ProblemSignature},
		"wrong secret": {resigned(t, request(t, "box-1", good), good, now, contract.HMAC([]byte("fedcba9876543210"))), 401, contract.ProblemSignature},
		"stale":        {resigned(t, request(t, "box-1", good), good, now.Add(-contract.Window-time.Second), scheme), 401, contract.ProblemStale},
		"other body":   {withBody(request(t, "box-1", good), []byte("[]")), 400, contract.ProblemDigest},
		"too large":    {request(t, "box-1", bytes.Repeat([]byte(" "), contract.MaxBody+1)), 413, contract.ProblemTooLarge},
		"too many":     {request(t, "box-1", batch(t, "box-1", many...)), 413, contract.ProblemTooLarge},
		"no JSON":      {request(t, "box-1", []byte(`[{"id":`)), 400, contract.ProblemBatch},
		"no array":     {request(t, "box-1", []byte(`{}`)), 400, contract.ProblemBatch},
		"no rows":      {request(t, "box-1", []byte(`[]`)), 400, contract.ProblemBatch},
		"deep":         {request(t, "box-1", bytes.Repeat([]byte("["), 100_000)), 400, contract.ProblemBatch},
	} {
		t.Run(name, func(t *testing.T) {
			r := fresh(t)
			status, _, problem := post(t, r, c.req)
			if status != c.status || problem.Code != c.code || problem.Detail == "" {
				t.Errorf("status %d, %+v, want %d %s", status, problem, c.status, c.code)
			}
			if got := total(t, r, "2026"); got != 0 {
				t.Errorf("kept %d", got)
			}
		})
	}
}

func unsigned(r *http.Request) *http.Request {
	r.Header.Del("Signature")
	return r
}

func resigned(t *testing.T, r *http.Request, body []byte, at time.Time, with contract.Scheme) *http.Request {
	if err := contract.Sign(r, body, "box-1", with, at, "bm9uY2U"); err != nil {
		t.Fatal(err)
	}
	return r
}

func withBody(r *http.Request, body []byte) *http.Request {
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}

// A store that cannot write gives no receipts.
func TestStoreFails(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "platform.bolt"))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	status, _, problem := post(t, r, request(t, "box-1", batch(t, "box-1", row("f-1", 1, 1))))
	if status != http.StatusServiceUnavailable || problem.Code != contract.ProblemStore {
		t.Errorf("status %d, %+v", status, problem)
	}
}

func TestTotals(t *testing.T) {
	r := fresh(t)
	histogram := row("f-1", 1, 3)
	histogram.Indicator, histogram.Buckets = "parcel.dwell", []int64{1, 2}
	overdue := func(facility string, n, d int64) contract.Row {
		o := row(facility, 1, n)
		o.Indicator, o.Denominator = "parcel.overdue", &d
		return o
	}
	second := histogram
	second.Period, second.Buckets = "2026-11-22", []int64{0, 1, 4}
	second.Numerator = 5
	other := row("f-1", 1, 1000)
	other.Period = "2026-10-31"
	post(t, r, request(t, "box-1", batch(t, "box-1", histogram, second, other, overdue("f-1", 1, 10), overdue("f-2", 2, 20))))
	thirty, ten, twenty := int64(30), int64(10), int64(20)
	want := Totals{
		Period: "2026-11",
		Totals: []Total{
			{Indicator: "parcel.dwell", Numerator: 8, Buckets: []int64{1, 3, 4}, Rows: 2},
			{Indicator: "parcel.overdue", Numerator: 3, Denominator: &thirty, Rows: 2},
		},
		Facilities: []Total{
			{Box: "box-1", Facility: "f-1", Indicator: "parcel.dwell", Numerator: 8, Buckets: []int64{1, 3, 4}, Rows: 2},
			{Box: "box-1", Facility: "f-1", Indicator: "parcel.overdue", Numerator: 1, Denominator: &ten, Rows: 1},
			{Box: "box-1", Facility: "f-2", Indicator: "parcel.overdue", Numerator: 2, Denominator: &twenty, Rows: 1},
		},
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequest("GET", "/v1/totals?period=2026-11", nil))
	var got Totals
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("totals %v\n%s\nwant\n%+v", err, w.Body, want)
	}

	for language, title := range map[string]string{"zh-CN,zh;q=0.9": "设施使用统计 2026-11", "en-GB,en": "Facility usage 2026-11"} {
		req := httptest.NewRequest("GET", "/v1/totals?period=2026-11", nil)
		req.Header.Set("Accept", "text/html")
		req.Header.Set("Accept-Language", language)
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		if page := w.Body.String(); w.Code != 200 || !strings.Contains(page, title) || !strings.Contains(page, "<td>box-1<td>f-2<td>parcel.overdue<td>2<td>20") {
			t.Errorf("%s: status %d\n%s", language, w.Code, page)
		}
	}
	for _, period := range []string{"", "2026", "2026-13", "x"} {
		w := httptest.NewRecorder()
		r.ServeHTTP(w, httptest.NewRequest("GET", "/v1/totals?period="+period, nil))
		if w.Code != http.StatusBadRequest {
			t.Errorf("period %q: status %d", period, w.Code)
		}
	}
}

// A damaged row is said, not counted as nothing.
func TestDamagedRow(t *testing.T) {
	r := fresh(t)
	err := r.db.Update(func(tx *bolt.Tx) error {
		return tx.Bucket(rowsBucket).Put(rowKey("box-1", row("f-1", 1, 1)), []byte("{"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Totals("2026-11-23"); err == nil || !strings.Contains(err.Error(), "f-1") {
		t.Errorf("Totals: %v, want an error that names the row", err)
	}
	if status, _, _ := post(t, r, request(t, "box-1", batch(t, "box-1", row("f-1", 2, 2)))); status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
}

// Whatever a box signs, it gets a receipt for each event or a problem for all,
// and only a row that was accepted is counted.
func FuzzBatch(f *testing.F) {
	f.Add(batch(f, "box-1", row("f-1", 1, 1), row("f-2", 1, 2)))
	f.Add([]byte(`[{"specversion":"1.0","data":{}}]`))
	f.Add([]byte(`[null]`))
	f.Add([]byte(`{}`))
	r := fresh(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		rows := func() (n int) {
			if err := r.Rows("", func(string, contract.Row) error { n++; return nil }); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := rows()
		status, answer, _ := post(t, r, request(t, "box-1", body))
		accepted := 0
		for _, receipt := range answer.Receipts {
			if receipt.Status == contract.Accepted {
				accepted++
			} else if receipt.Status == contract.Refused && receipt.Reason == "" {
				t.Errorf("refused without a reason: %+v", receipt)
			}
		}
		if after := rows(); after-before > accepted {
			t.Errorf("status %d: accepted %d, kept %d", status, accepted, after-before)
		}
	})
}
