package receiver

import (
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
const Path = "/v1/rows"

// Options of Open. All are required.
type Options struct {
	// Keys hold the signature scheme of each box, by its ID.
	Keys       map[string]contract.Scheme
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
		_, err := tx.CreateBucketIfNotExists(rowsBucket)
		return err
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

// problem is a refusal of the whole batch.
type problem struct {
	status int
	code   string
	detail string
}

func (r *Receiver) takeBatch(w http.ResponseWriter, req *http.Request) {
	box, events, refusal := r.readBatch(w, req)
	if refusal == nil {
		receipts, err := r.keep(box, events)
		if err == nil {
			for _, receipt := range receipts {
				r.receipts.WithLabelValues(string(receipt.Status)).Inc()
			}
			r.reply(w, http.StatusOK, contract.Answer{ServerTime: r.now(), Receipts: receipts})
			return
		}
		r.options.Logger.Error("rows not kept", "box", box, "rows", len(events), "error", err)
		refusal = &problem{http.StatusServiceUnavailable, contract.ProblemStore, "the rows could not be kept, send them again"}
	} else {
		r.options.Logger.Warn("batch not taken", "box", box, "code", refusal.code, "detail", refusal.detail)
	}
	r.problems.WithLabelValues(refusal.code).Inc()
	r.reply(w, refusal.status, contract.Problem{ServerTime: r.now(), Code: refusal.code, Detail: refusal.detail})
}

// readBatch returns the events of a batch and the box that signed it.
func (r *Receiver) readBatch(w http.ResponseWriter, req *http.Request) (box string, events []contract.Event, refusal *problem) {
	if req.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		return "", nil, &problem{http.StatusMethodNotAllowed, contract.ProblemMethod, "POST a batch here"}
	}
	if t, _, err := mime.ParseMediaType(req.Header.Get("Content-Type")); err != nil || t != contract.BatchType {
		return "", nil, &problem{http.StatusUnsupportedMediaType, contract.ProblemMediaType, "Content-Type must be " + contract.BatchType}
	}
	if req.Header.Get("Content-Encoding") != "" {
		return "", nil, &problem{http.StatusUnsupportedMediaType, contract.ProblemMediaType, "Content-Encoding is not supported"}
	}
	box, err := contract.Verify(req, r.now(), func(keyID string) (contract.Scheme, bool) {
		scheme, ok := r.options.Keys[keyID]
		return scheme, ok
	})
	if err != nil {
		code := contract.ProblemSignature
		if errors.Is(err, contract.ErrUnknownKey) {
			code = contract.ProblemKey
		} else if errors.Is(err, contract.ErrStale) {
			code = contract.ProblemStale
		}
		return "", nil, &problem{http.StatusUnauthorized, code, err.Error()}
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, contract.MaxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return box, nil, &problem{http.StatusRequestEntityTooLarge, contract.ProblemTooLarge, fmt.Sprintf("more than %d bytes", contract.MaxBody)}
	}
	if err != nil || !contract.VerifyBody(req, body) {
		return box, nil, &problem{http.StatusBadRequest, contract.ProblemDigest, "the body is not the one that was signed"}
	}
	events, refusal = decodeBatch(body)
	return box, events, refusal
}

func decodeBatch(body []byte) ([]contract.Event, *problem) {
	var events []contract.Event
	if err := json.Unmarshal(body, &events); err != nil {
		return nil, &problem{http.StatusBadRequest, contract.ProblemBatch, "no CloudEvents batch: " + err.Error()}
	}
	if len(events) > contract.MaxRows {
		return nil, &problem{http.StatusRequestEntityTooLarge, contract.ProblemTooLarge, fmt.Sprintf("more than %d rows (got %d)", contract.MaxRows, len(events))}
	}
	if len(events) == 0 {
		return nil, &problem{http.StatusBadRequest, contract.ProblemBatch, "no rows"}
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
