package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// Limits of a batch.
const (
	MaxRows = 500
	MaxBody = 1 << 20 // bytes
)

// Media types of request and answer.
const (
	BatchType = "application/cloudevents-batch+json"
	JSONType  = "application/json"
)

// RowType is the CloudEvents type of a Row. A form that is not compatible with
// it will have another number.
const RowType = "linli.usage.row.v1"

// Row is one figure at one revision. This list of fields is all that may
// leave a box.
type Row struct {
	// Facility is its ID on the box.
	Facility string `json:"facility"`
	// Indicator is the code of the figure.
	Indicator string `json:"indicator"`
	// Period is a day in UTC+8, "2026-11-23", or a month, "2026-11".
	Period string `json:"period"`
	// Numerator is a count.
	Numerator int64 `json:"numerator"`
	// Denominator is a count, absent where the indicator has none on a box.
	Denominator *int64 `json:"denominator,omitempty"`
	// Buckets are counts of durations, shortest first, for a histogram.
	Buckets []int64 `json:"buckets,omitempty"`
	// Generation and N are the revision, see Newer. Both are 1 or more.
	Generation uint64 `json:"generation"`
	N          uint64 `json:"n"`

	// Codes of the facility, empty where they are not known. The editions are
	// years.
	Region          string `json:"region,omitempty"`
	RegionEdition   int    `json:"region_edition,omitempty"`
	UrbanRural      string `json:"urban_rural,omitempty"`
	Industry        string `json:"industry,omitempty"`
	IndustryEdition int    `json:"industry_edition,omitempty"`
	Operator        string `json:"operator,omitempty"`

	// Kinds are those of the devices that stand at the facility: what it can
	// have figures of at all. Services are the types of service that it offers.
	// Both only beside "facility.covered".
	Kinds    []string `json:"kinds,omitempty"`
	Services []string `json:"services,omitempty"`
	// Uncertain says that the box did not know the time: something of this
	// period may belong to another, or the other way round.
	Uncertain bool `json:"uncertain,omitempty"`
	// Suppressed says that there is a figure, and that it is not told: the
	// numerator is 0 and there is nothing else. A box never suppresses; who
	// publishes rows does, where they are about too few people.
	Suppressed bool `json:"suppressed,omitempty"`
}

// Newer says whether the row's revision is higher than that of an other: of a
// later generation (a box was restored, rebuilt or replaced), or changed since.
func (r Row) Newer(than Row) bool {
	if r.Generation != than.Generation {
		return r.Generation > than.Generation
	}
	return r.N > than.N
}

// ID is the CloudEvents id of the row.
func (r Row) ID() string {
	return r.Period + "/" + r.Facility + "/" + r.Indicator + "/" +
		strconv.FormatUint(r.Generation, 10) + "." + strconv.FormatUint(r.N, 10)
}

// maxBuckets is more than any indicator has.
const maxBuckets = 64

// maxCodes is more than there are kinds, or services of one facility.
const maxCodes = 100

// Validate says what is wrong with the row, naming the field as it is spelled
// in JSON.
func (r Row) Validate() error {
	if err := devices.CheckCode("facility", r.Facility); err != nil {
		return err
	}
	if err := devices.CheckCode("indicator", r.Indicator); err != nil {
		return err
	}
	if !isPeriod(r.Period) {
		return fmt.Errorf("period: must be a day from 2020 on, as 2026-11-23, or a month, as 2026-11 (got %.80q)", r.Period)
	}
	if r.Numerator < 0 {
		return fmt.Errorf("numerator: must not be negative (got %d)", r.Numerator)
	}
	if r.Denominator != nil && *r.Denominator < 0 {
		return fmt.Errorf("denominator: must not be negative (got %d)", *r.Denominator)
	}
	if len(r.Buckets) > maxBuckets {
		return fmt.Errorf("buckets: must be at most %d (got %d)", maxBuckets, len(r.Buckets))
	}
	for _, b := range r.Buckets {
		if b < 0 {
			return fmt.Errorf("buckets: must not be negative (got %d)", b)
		}
	}
	if r.Generation == 0 || r.N == 0 {
		return fmt.Errorf("generation, n: must be 1 or more (got %d, %d)", r.Generation, r.N)
	}
	if r.Suppressed && (r.Numerator != 0 || r.Denominator != nil || r.Buckets != nil) {
		return errors.New("suppressed: such a row tells no figure")
	}
	for _, list := range []struct {
		field string
		codes []string
	}{{"kinds", r.Kinds}, {"services", r.Services}} {
		if len(list.codes) > maxCodes {
			return fmt.Errorf("%s: must be at most %d (got %d)", list.field, maxCodes, len(list.codes))
		}
		for _, c := range list.codes {
			if err := devices.CheckCode(list.field, c); err != nil {
				return err
			}
		}
	}
	return r.validateCodes()
}

// MonthLength is how long the name of a month is, in bytes.
const MonthLength = len("2026-11")

func isPeriod(period string) bool {
	layout := time.DateOnly
	if len(period) == MonthLength {
		layout = "2006-01"
	}
	_, err := time.Parse(layout, period)
	return err == nil && period >= "2020"
}

func (r Row) validateCodes() error {
	for _, code := range []struct{ field, value string }{
		{"region", r.Region}, {"urban_rural", r.UrbanRural}, {"industry", r.Industry}, {"operator", r.Operator},
	} {
		if len(code.value) > 18 || !isAlphanumeric(code.value) {
			return fmt.Errorf("%s: must be at most 18 of 0-9 and A-Z (got %.80q)", code.field, code.value)
		}
	}
	for _, edition := range []struct {
		field string
		year  int
	}{{"region_edition", r.RegionEdition}, {"industry_edition", r.IndustryEdition}} {
		if edition.year != 0 && (edition.year < 1984 || edition.year > 2099) {
			return fmt.Errorf("%s: must be a year (got %d)", edition.field, edition.year)
		}
	}
	return nil
}

func isAlphanumeric(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// Event is a Row on the wire: a CloudEvents 1.0 event in JSON.
type Event struct {
	SpecVersion     string          `json:"specversion"`
	Type            string          `json:"type"`
	Source          string          `json:"source"`
	ID              string          `json:"id"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Data            json.RawMessage `json:"data"`
}

// Source is the CloudEvents source of a box's rows.
func Source(box string) string { return "/boxes/" + box }

// NewEvent is the event that carries a box's row.
func NewEvent(box string, r Row) (Event, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return Event{}, fmt.Errorf("encode row: %w", err)
	}
	return Event{
		SpecVersion: "1.0", Type: RowType, Source: Source(box), ID: r.ID(),
		DataContentType: JSONType, Data: data,
	}, nil
}

// Row is the row that the event of a box carries. The error says what is
// wrong with it.
func (e Event) Row(box string) (Row, error) {
	var r Row
	switch {
	case e.SpecVersion != "1.0":
		return r, fmt.Errorf("specversion: must be 1.0 (got %.20q)", e.SpecVersion)
	case e.Type != RowType:
		return r, fmt.Errorf("type: must be %s (got %.80q)", RowType, e.Type)
	case e.Source != Source(box):
		return r, fmt.Errorf("source: must be %s, as it signed (got %.80q)", Source(box), e.Source)
	case e.DataContentType != "" && e.DataContentType != JSONType:
		return r, fmt.Errorf("datacontenttype: must be %s (got %.80q)", JSONType, e.DataContentType)
	}
	dec := json.NewDecoder(bytes.NewReader(e.Data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil {
		return r, fmt.Errorf("data: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return r, errors.New("data: more than one JSON value")
	}
	if err := r.Validate(); err != nil {
		return r, err
	}
	if e.ID != r.ID() {
		return r, fmt.Errorf("id: must be %s (got %.300q)", r.ID(), e.ID)
	}
	return r, nil
}

// Status is the fate of one row.
type Status string

// The fates of a row. Each is final: the row need not be sent again.
const (
	Accepted   Status = "accepted"   // kept, now or before
	Superseded Status = "superseded" // a newer revision is kept
	Refused    Status = "refused"    // see the receipt's reason
)

// Receipt is the platform's word on one event.
type Receipt struct {
	ID     string `json:"id"`
	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// Answer is the body of a 200.
type Answer struct {
	ServerTime time.Time `json:"server_time"`
	Receipts   []Receipt `json:"receipts"`
}

// Problem is the body of any other status.
type Problem struct {
	ServerTime time.Time `json:"server_time"`
	// Code is one of the Problem... constants.
	Code string `json:"code"`
	// Sequence is the highest that was seen, of ProblemCloned.
	Sequence uint64 `json:"sequence,omitempty"`
	// Detail is for the engineer who reads it.
	Detail string `json:"detail"`
}

// Codes of a Problem.
const (
	ProblemMethod    = "method"    // 405
	ProblemSignature = "signature" // 401: missing, malformed or wrong
	ProblemKey       = "key"       // 401: the box is not known
	ProblemStale     = "stale"     // 401: created too far from the server's time
	ProblemDigest    = "digest"    // 400: the body is not the one signed
	ProblemMediaType = "mediatype" // 415
	ProblemTooLarge  = "too_large" // 413
	ProblemBatch     = "batch"     // 400: no CloudEvents batch
	ProblemStore     = "store"     // 503: could not be kept, try again
	ProblemCode      = "code"      // 403: no such enrolment code, or used before
	ProblemReplaced  = "replaced"  // 409: another box has taken this one's place
	ProblemCloned    = "cloned"    // 409: another box uses this one's identity
)
