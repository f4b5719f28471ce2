package receiver

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/sync/province/contract"
)

// Path is where a box posts its batches.
const Path = contract.PathRows

// Options of Open. All but Keys, Codes and Form are required.
type Options struct {
	// Keys hold the signature scheme of each box that shares a secret, by its
	// ID.
	Keys map[string]contract.Scheme
	// Codes are the one-time codes with which a box tells its own key, by its
	// ID.
	Codes map[string]string
	// Form is how signatures of SM2 are written.
	Form       contract.Form
	Clock      devices.Clock
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Receiver takes rows over HTTP and adds them up.
type Receiver struct {
	options  Options
	db       *bolt.DB
	mux      *http.ServeMux
	receipts *prometheus.CounterVec
	problems *prometheus.CounterVec
}

var rowsBucket = []byte("rows")

// Open opens the store at path, and makes an empty one if there is none. It
// gives up after a second if another process holds the file.
func Open(path string, o Options) (*Receiver, error) {
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", path, err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		for _, bucket := range [][]byte{rowsBucket, keysBucket, codesBucket, boxesBucket} {
			if _, err := tx.CreateBucketIfNotExists(bucket); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), db.Close())
	}
	r := &Receiver{
		options: o,
		db:      db,
		mux:     http.NewServeMux(),
		receipts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_receiver_rows_total", Help: "Rows received, by what became of them.",
		}, []string{"status"}),
		problems: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_receiver_problems_total", Help: "Batches not taken, by the code of the problem.",
		}, []string{"code"}),
	}
	for _, c := range []prometheus.Collector{r.receipts, r.problems} {
		if err := o.Registerer.Register(c); err != nil {
			return nil, errors.Join(fmt.Errorf("register metrics: %w", err), db.Close())
		}
	}
	r.mux.HandleFunc(Path, r.takeBatch)
	r.mux.HandleFunc(contract.PathReconcile, r.reconcile)
	r.mux.HandleFunc(contract.PathEnrol, r.enrol)
	r.mux.HandleFunc(contract.PathKeys, r.takeKey)
	r.mux.HandleFunc("GET /v1/boxes", r.serveBoxes)
	r.mux.HandleFunc("GET /v1/totals", r.serveTotals)
	r.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	return r, nil
}

// Close waits for requests that are writing, and closes the store.
func (r *Receiver) Close() error {
	r.options.Registerer.Unregister(r.receipts)
	r.options.Registerer.Unregister(r.problems)
	return r.db.Close()
}

// ServeHTTP serves the paths of the package comment.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

// problem is a refusal of a whole request.
type problem struct {
	status   int
	code     string
	detail   string
	sequence uint64
}

func (p *problem) Error() string { return p.code + ": " + p.detail }

func (r *Receiver) takeBatch(w http.ResponseWriter, req *http.Request) {
	signed, body, err := r.read(w, req, contract.BatchType, r.lookup)
	if err != nil {
		r.refuse(w, signed.KeyID, err)
		return
	}
	events, err := decodeBatch(body)
	if err != nil {
		r.refuse(w, signed.KeyID, err)
		return
	}
	receipts, err := r.keep(signed, events)
	if err != nil {
		r.refuse(w, signed.KeyID, err)
		return
	}
	for _, receipt := range receipts {
		r.receipts.WithLabelValues(string(receipt.Status)).Inc()
	}
	r.reply(w, http.StatusOK, contract.Answer{ServerTime: r.now(), Receipts: receipts})
}

// refuse answers with a problem. What is none is the store's.
func (r *Receiver) refuse(w http.ResponseWriter, box string, err error) {
	var p *problem
	if errors.As(err, &p) {
		r.options.Logger.Warn("request not taken", "box", box, "code", p.code, "detail", p.detail)
		if p.status == http.StatusConflict {
			r.noteConflict(box, p)
		}
	} else {
		r.options.Logger.Error("request not kept", "box", box, "error", err)
		p = &problem{status: http.StatusServiceUnavailable, code: contract.ProblemStore, detail: "it could not be kept, send it again"}
	}
	r.problems.WithLabelValues(p.code).Inc()
	r.reply(w, p.status, contract.Problem{ServerTime: r.now(), Code: p.code, Detail: p.detail, Sequence: p.sequence})
}

// read returns the body of a signed request, decompressed, and who signed it.
func (r *Receiver) read(w http.ResponseWriter, req *http.Request, mediaType string, lookup func(string) []contract.Scheme) (contract.Signed, []byte, error) {
	var signed contract.Signed
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return signed, nil, &problem{status: http.StatusMethodNotAllowed, code: contract.ProblemMethod, detail: "POST it here"}
	}
	if t, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); err != nil || t != mediaType {
		return signed, nil, &problem{status: http.StatusUnsupportedMediaType, code: contract.ProblemMediaType, detail: "Content-Type must be " + mediaType}
	}
	encoding := req.Header.Get("Content-Encoding")
	if encoding != "" && encoding != "gzip" {
		return signed, nil, &problem{status: http.StatusUnsupportedMediaType, code: contract.ProblemMediaType, detail: "Content-Encoding must be gzip, or none"}
	}
	signed, err := contract.Verify(req, r.now(), lookup)
	if err != nil {
		code := contract.ProblemSignature
		if errors.Is(err, contract.ErrUnknownKey) {
			code = contract.ProblemKey
		} else if errors.Is(err, contract.ErrStale) {
			code = contract.ProblemStale
		}
		return signed, nil, &problem{status: http.StatusUnauthorized, code: code, detail: err.Error()}
	}
	tooLarge := &problem{status: http.StatusRequestEntityTooLarge, code: contract.ProblemTooLarge, detail: fmt.Sprintf("more than %d bytes", contract.MaxBody)}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, contract.MaxBody))
	if errors.As(err, new(*http.MaxBytesError)) {
		return signed, nil, tooLarge
	}
	if err != nil || !contract.VerifyBody(req, body) {
		return signed, nil, &problem{status: http.StatusBadRequest, code: contract.ProblemDigest, detail: "the body is not the one that was signed"}
	}
	if encoding == "gzip" {
		if body, err = unzip(body); err != nil {
			return signed, nil, &problem{status: http.StatusBadRequest, code: contract.ProblemBatch, detail: "gzip: " + err.Error()}
		}
		if len(body) > contract.MaxBody {
			return signed, nil, tooLarge
		}
	}
	return signed, body, nil
}

// unzip reads one byte more than is allowed, at most.
func unzip(body []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(z, contract.MaxBody+1))
}

func decodeBatch(body []byte) ([]contract.Event, error) {
	var events []contract.Event
	if err := json.Unmarshal(body, &events); err != nil {
		return nil, &problem{status: http.StatusBadRequest, code: contract.ProblemBatch, detail: "no CloudEvents batch: " + err.Error()}
	}
	if len(events) > contract.MaxRows {
		return nil, &problem{status: http.StatusRequestEntityTooLarge, code: contract.ProblemTooLarge, detail: fmt.Sprintf("more than %d rows (got %d)", contract.MaxRows, len(events))}
	}
	if len(events) == 0 {
		return nil, &problem{status: http.StatusBadRequest, code: contract.ProblemBatch, detail: "no rows"}
	}
	return events, nil
}

func (r *Receiver) now() time.Time { return r.options.Clock().Wall }

func (r *Receiver) reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", contract.JSONType)
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		// The peer is gone. It will repeat what it has no receipt for.
		r.options.Logger.Debug("answer not delivered", "error", err)
	}
}
