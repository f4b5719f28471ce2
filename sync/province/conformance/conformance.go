// Package conformance plays a gateway against somebody's receiver, and says
// point by point what of the contract it keeps.
//
// Everything that it sends is of the facility "conformance" and of days of
// January 2020, on which no gateway has ever counted. It uses one generation a
// run, higher than that of the runs before, so it can be run again and again.
package conformance

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/url"
	"path"
	"time"

	"github.com/linli-edge/gateway/sync/province/contract"
)

// Check is one point, nil in Err if the receiver keeps it.
type Check struct {
	Name string
	Err  error
}

// Facility is that of all rows sent.
const Facility = "conformance"

// run is what the checks share.
type run struct {
	ctx        context.Context
	client     *http.Client
	url, box   string
	scheme     contract.Scheme
	now        func() time.Time
	generation uint64
	sequence   uint64
	server     time.Duration // the receiver's clock is ahead by that much
}

// Run checks the receiver at url in the name of a box that it knows by the
// scheme.
func Run(ctx context.Context, client *http.Client, url, box string, scheme contract.Scheme, now func() time.Time) iter.Seq[Check] {
	r := &run{ctx: ctx, client: client, url: url, box: box, scheme: scheme, now: now, generation: uint64(now().Unix())}
	return func(yield func(Check) bool) {
		for _, c := range []struct {
			name  string
			check func() error
		}{
			{"it tells its time, also with a refusal 服务器时间", r.time},
			{"a batch is accepted row by row 逐行接收", r.accepts},
			{"the same rows again are accepted again 重复发送", r.repeats},
			{"a compressed batch is accepted, or refused with 415 压缩", r.compressed},
			{"a row of a day and one of a month 日与月", r.month},
			{"an older revision is superseded 旧版本", r.supersedes},
			{"another figure under the same revision is refused 同版本异数", r.contradiction},
			{"a bad row is refused, and the good ones are not 坏行", r.badRow},
			{"an unknown field is refused 未知字段", r.unknownField},
			{"a wrong signature is 401 错误签名", r.wrongSignature},
			{"an old signature is 401 过期签名", r.stale},
			{"a body that was not signed is 400 摘要不符", r.wrongDigest},
			{"another box's source is refused 冒名", r.foreign},
			{"no batch at all is 400 非法批次", r.noBatch},
			{"500 rows are taken, 501 are 413 批次上限", r.tooMany},
			{"a copied identity is 409 身份冲突", r.cloned},
			{"comparison tells count and digest 对账", r.reconcile},
		} {
			if !yield(Check{c.name, c.check()}) {
				return
			}
		}
	}
}

func (r *run) row(indicator string, n uint64, numerator int64) contract.Row {
	return contract.Row{Facility: Facility, Indicator: indicator, Period: "2020-01-01", Numerator: numerator, Generation: r.generation, N: n}
}

func (r *run) event(row contract.Row) contract.Event {
	e, _ := contract.NewEvent(r.box, row) // a row of numbers and codes can be encoded
	return e
}

// request is one request, as the checks spoil it.
type request struct {
	path      string
	mediaType string
	body      []byte
	encoding  string
	scheme    contract.Scheme
	at        time.Time
	nonce     string
	after     func(*http.Request) // signing
}

func (r *run) nonce() string {
	r.sequence++
	return contract.Nonce{Generation: r.generation, Sequence: r.sequence, Random: rand.Text()}.String()
}

// send returns the status and the body of the answer.
func (r *run) send(q request) (int, []byte, error) {
	u, err := url.Parse(r.url)
	if err != nil {
		return 0, nil, err
	}
	if q.path != "" {
		u.Path = path.Join(path.Dir(u.Path), path.Base(q.path))
	}
	req, err := http.NewRequestWithContext(r.ctx, http.MethodPost, u.String(), bytes.NewReader(q.body))
	if err != nil {
		return 0, nil, err
	}
	if q.mediaType == "" {
		q.mediaType = contract.BatchType
	}
	req.Header.Set("Content-Type", q.mediaType)
	if q.encoding != "" {
		req.Header.Set("Content-Encoding", q.encoding)
	}
	if q.scheme.Sign == nil {
		q.scheme = r.scheme
	}
	if q.at.IsZero() {
		q.at = r.now().Add(r.server)
	}
	if q.nonce == "" {
		q.nonce = r.nonce()
	}
	if err := contract.Sign(req, q.body, r.box, q.scheme, q.at, q.nonce); err != nil {
		return 0, nil, err
	}
	if q.after != nil {
		q.after(req)
	}
	response, err := r.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close() // only read from
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<20))
	return response.StatusCode, body, err
}

// batch sends events and returns the fates of the rows, in their order.
func (r *run) batch(events ...contract.Event) ([]contract.Receipt, error) {
	body, err := json.Marshal(events)
	if err != nil {
		return nil, err
	}
	status, answer, err := r.send(request{body: body})
	if err != nil {
		return nil, err
	}
	return receipts(events, status, answer)
}

func receipts(events []contract.Event, status int, answer []byte) ([]contract.Receipt, error) {
	if status != http.StatusOK {
		return nil, fmt.Errorf("status %d: %.200s", status, answer)
	}
	var a contract.Answer
	if err := json.Unmarshal(answer, &a); err != nil {
		return nil, fmt.Errorf("the answer is no JSON of the contract: %w", err)
	}
	if a.ServerTime.IsZero() {
		return nil, errors.New("server_time is missing")
	}
	byID := map[string]contract.Receipt{}
	for _, receipt := range a.Receipts {
		byID[receipt.ID] = receipt
	}
	list := make([]contract.Receipt, len(events))
	for i, e := range events {
		receipt, ok := byID[e.ID]
		if !ok {
			return nil, fmt.Errorf("no receipt for %s", e.ID)
		}
		list[i] = receipt
	}
	return list, nil
}

func want(list []contract.Receipt, err error, statuses ...contract.Status) error {
	if err != nil {
		return err
	}
	for i, s := range statuses {
		if list[i].Status != s {
			return fmt.Errorf("%s is %s (%s), must be %s", list[i].ID, list[i].Status, list[i].Reason, s)
		}
		if s == contract.Refused && list[i].Reason == "" {
			return fmt.Errorf("%s is refused without a reason", list[i].ID)
		}
	}
	return nil
}

// wantProblem wants a whole request to be refused.
func (r *run) wantProblem(status int, q request) error {
	got, answer, err := r.send(q)
	if err != nil {
		return err
	}
	if got != status {
		return fmt.Errorf("status %d, must be %d: %.200s", got, status, answer)
	}
	var p contract.Problem
	if err := json.Unmarshal(answer, &p); err != nil || p.ServerTime.IsZero() || p.Code == "" {
		return fmt.Errorf("the answer must have server_time and code: %.200s", answer)
	}
	return nil
}

func (r *run) one() []byte {
	body, _ := json.Marshal([]contract.Event{r.event(r.row("check.one", 1, 1))})
	return body
}

// time learns the receiver's clock: a box may have none.
func (r *run) time() error {
	status, answer, err := r.send(request{body: r.one(), at: time.Unix(1, 0)})
	if err != nil {
		return err
	}
	var p contract.Problem
	if err := json.Unmarshal(answer, &p); err != nil || p.ServerTime.IsZero() {
		return fmt.Errorf("status %d without server_time: %.200s", status, answer)
	}
	r.server = p.ServerTime.Sub(r.now())
	return nil
}

func (r *run) accepts() error {
	of := int64(3)
	share := r.row("check.share", 2, 2)
	share.Denominator = &of
	histogram := r.row("check.histogram", 2, 3)
	histogram.Buckets = []int64{1, 2, 0}
	list, err := r.batch(r.event(r.row("check.count", 2, 7)), r.event(share), r.event(histogram))
	return want(list, err, contract.Accepted, contract.Accepted, contract.Accepted)
}

func (r *run) repeats() error {
	list, err := r.batch(r.event(r.row("check.count", 2, 7)))
	return want(list, err, contract.Accepted)
}

func (r *run) compressed() error {
	events := []contract.Event{r.event(r.row("check.zipped", 1, 1))}
	body, err := json.Marshal(events)
	if err != nil {
		return err
	}
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err = z.Write(body); err == nil {
		err = z.Close()
	}
	if err != nil {
		return err
	}
	status, answer, err := r.send(request{body: zipped.Bytes(), encoding: "gzip"})
	if err != nil || status == http.StatusUnsupportedMediaType {
		return err
	}
	list, err := receipts(events, status, answer)
	return want(list, err, contract.Accepted)
}

func (r *run) month() error {
	month := r.row("check.count", 1, 7)
	month.Period = "2020-01"
	list, err := r.batch(r.event(month))
	return want(list, err, contract.Accepted)
}

func (r *run) supersedes() error {
	list, err := r.batch(r.event(r.row("check.count", 1, 5)))
	return want(list, err, contract.Superseded)
}

func (r *run) contradiction() error {
	list, err := r.batch(r.event(r.row("check.count", 2, 8)))
	return want(list, err, contract.Refused)
}

func (r *run) badRow() error {
	bad := r.row("check.bad", 1, -1)
	list, err := r.batch(r.event(r.row("check.good", 1, 1)), r.event(bad), r.event(r.row("check.better", 1, 1)))
	return want(list, err, contract.Accepted, contract.Refused, contract.Accepted)
}

func (r *run) unknownField() error {
	e := r.event(r.row("check.field", 1, 1))
	e.Data = bytes.Replace(e.Data, []byte(`{`), []byte(`{"note":"x",`), 1)
	list, err := r.batch(e)
	return want(list, err, contract.Refused)
}

func (r *run) wrongSignature() error {
	return r.wantProblem(http.StatusUnauthorized, request{body: r.one(), scheme: contract.HMAC([]byte("not the secret of this box"))})
}

func (r *run) stale() error {
	return r.wantProblem(http.StatusUnauthorized, request{body: r.one(), at: r.now().Add(r.server - 2*contract.Window)})
}

func (r *run) wrongDigest() error {
	return r.wantProblem(http.StatusBadRequest, request{body: r.one(), after: func(req *http.Request) {
		other := bytes.Replace(r.one(), []byte(`"numerator":1`), []byte(`"numerator":2`), 1)
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(other)), int64(len(other))
	}})
}

func (r *run) foreign() error {
	e := r.event(r.row("check.foreign", 1, 1))
	e.Source = contract.Source(r.box + "-2")
	list, err := r.batch(e)
	return want(list, err, contract.Refused)
}

func (r *run) noBatch() error {
	return r.wantProblem(http.StatusBadRequest, request{body: []byte(`{"not":"a list"}`)})
}

func (r *run) tooMany() error {
	var events []contract.Event
	for i := range contract.MaxRows + 1 {
		row := r.row(fmt.Sprintf("check.many-%03d", i), 1, 1)
		row.Period = "2020-01-02"
		events = append(events, r.event(row))
	}
	if _, err := r.batch(events[:contract.MaxRows]...); err != nil {
		return err
	}
	body, err := json.Marshal(events)
	if err != nil {
		return err
	}
	return r.wantProblem(http.StatusRequestEntityTooLarge, request{body: body})
}

func (r *run) cloned() error {
	behind := contract.Nonce{Generation: r.generation, Sequence: 1, Random: rand.Text()}
	return r.wantProblem(http.StatusConflict, request{body: r.one(), nonce: behind.String()})
}

func (r *run) reconcile() error {
	row := r.row("check.count", 2, 7)
	row.Period = "2020-01-03"
	if _, err := r.batch(r.event(row)); err != nil {
		return err
	}
	body, err := json.Marshal(contract.Reconciliation{Period: row.Period, Facilities: []contract.Held{{Facility: Facility, Rows: 1, Digest: contract.DigestOf([]contract.Row{row})}}})
	if err != nil {
		return err
	}
	status, answer, err := r.send(request{path: contract.PathReconcile, mediaType: contract.JSONType, body: body})
	if err != nil {
		return err
	}
	var a contract.Reconciled
	if status != http.StatusOK || json.Unmarshal(answer, &a) != nil || len(a.Facilities) != 1 {
		return fmt.Errorf("status %d: %.200s", status, answer)
	}
	if got := a.Facilities[0]; got.Rows != 1 || got.Digest != contract.DigestOf([]contract.Row{row}) {
		return fmt.Errorf("%d rows with digest %s, must be 1 with %s", got.Rows, got.Digest, contract.DigestOf([]contract.Row{row}))
	}
	return nil
}
