package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/linli-edge/gateway/devices"
	alarmkind "github.com/linli-edge/gateway/devices/alarm"
	"github.com/linli-edge/gateway/devices/attendance"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/province/receiver"
	"github.com/linli-edge/gateway/sync/usage"
)

// outside is what a box has around it and what stays when its power goes: the
// platform, a caregiver's telephone, and the secrets in the devices.
type outside struct {
	platform *platform
	phone    *phone
	seed     string            // the data folder that every box comes with
	secrets  map[string]string // of the devices
}

// The devices of a box.
const (
	lockers = 20
	buttons = 8       // no fewer than a disk has boots: each press is a new incident
	alarm   = "alarm" // a button that is pressed all the time
)

func newOutside(folder string, boxes []string) (*outside, error) {
	o := &outside{seed: filepath.Join(folder, "seed")}
	err := os.Mkdir(o.seed, 0o700)
	if err != nil {
		return nil, err
	}
	if o.platform, err = newPlatform(folder, boxes); err != nil {
		return nil, err
	}
	if o.phone, err = newPhone(); err != nil {
		return nil, errors.Join(err, o.platform.close())
	}
	if o.secrets, err = o.register(); err == nil {
		err = o.remember()
	}
	if err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

func (o *outside) close() error { return errors.Join(o.phone.server.Close(), o.platform.close()) }

// register makes the registry that every box comes with.
func (o *outside) register() (secrets map[string]string, err error) {
	// From within, qemu's 10.0.2.2 is this machine.
	records := []registry.Record{
		registry.Facility{ID: "lockers", Name: "快递柜", Region: "320106001001"},
		registry.Caregiver{ID: "li", Name: "李敏", Channels: []registry.Channel{{Kind: "webhook", Address: "http://10.0.2.2:" + o.phone.port}}},
	}
	for i := range lockers {
		records = append(records, registry.Device{Device: devices.Device{ID: lockerID(i), Kind: locker.Kind, Facility: "lockers"}, Compartments: 8})
	}
	// What hangs on the pins of a box that has some.
	records = append(records,
		registry.Elder{ID: "elder-cord", Name: "李桂芳", Building: "3", Room: "302", Caregivers: []string{"li"}},
		registry.Device{Device: devices.Device{ID: "cord", Kind: alarmkind.Kind, Elder: "elder-cord"}},
		registry.Device{Device: devices.Device{ID: "pad", Kind: rating.Kind, Facility: "lockers"}},
		registry.Device{Device: devices.Device{ID: "counter", Kind: attendance.Kind, Facility: "lockers"}})
	for i := range buttons + 1 {
		id := buttonID(i)
		if i == buttons {
			id = alarm
		}
		records = append(records,
			registry.Elder{ID: "elder-" + id, Name: "王秀英", Building: "3", Room: id, Caregivers: []string{"li"}},
			registry.Device{Device: devices.Device{ID: id, Kind: wearable.Kind, Elder: "elder-" + id}})
	}
	reg, err := registry.Open(filepath.Join(o.seed, "registry.db"), registry.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, reg.Close()) }()
	secrets = map[string]string{}
	return secrets, reg.Update(func(tx *registry.Tx) error {
		if err := tx.Put(records...); err != nil {
			return err
		}
		for _, r := range records {
			if d, ok := r.(registry.Device); ok && d.Bridge == "" {
				if secrets[d.ID], err = tx.Issue(d.ID); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// remember makes the journal that every box comes with. Its newest file of
// urgent events is full, so that the first press begins a new one.
func (o *outside) remember() (err error) {
	const full = 17 << 20 // bytes; the gateway begins a new file at 16 MiB
	j, err := journal.Open(filepath.Join(o.seed, "journal"), journal.Options{Clock: o.platform.now, SegmentBytes: 2 * full})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	data := fmt.Appendf(nil, `{"heart_rate":72,"note":%q}`, strings.Repeat("-", 2<<10))
	for n := 0; j.Stats().Chains[journal.Urgent].Bytes < full; {
		var together errgroup.Group
		for range 500 {
			e := devices.Event{
				ID: fmt.Sprintf("seed-%d", n), Device: buttonID(0), Type: wearable.TypeVitals,
				Received: o.platform.now(), Urgency: devices.Urgent, Data: data,
			}
			n++
			together.Go(func() error { return j.Record(context.Background(), e) })
		}
		if err := together.Wait(); err != nil {
			return err
		}
	}
	return nil
}

func lockerID(n int) string { return fmt.Sprintf("locker-%d", n) }
func buttonID(n int) string { return fmt.Sprintf("button-%d", n) }

// serve starts a server on a free port of this machine.
func serve(h http.Handler) (server *http.Server, port string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	if _, port, err = net.SplitHostPort(l.Addr().String()); err != nil {
		return nil, "", errors.Join(err, l.Close())
	}
	server = &http.Server{Handler: h, ReadHeaderTimeout: time.Minute, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo)}
	go func() { _ = server.Serve(l) }() // until it is closed
	return server, port, nil
}

// platform takes the rows of all boxes.
type platform struct {
	store        *receiver.Receiver
	server       *http.Server
	port, secret string
	now          devices.Clock
	begun        time.Time
}

func newPlatform(folder string, boxes []string) (*platform, error) {
	now, err := clock.System()
	if err != nil {
		return nil, err
	}
	p := &platform{secret: rand.Text() + rand.Text(), now: now, begun: now().Wall}
	keys := map[string]contract.Scheme{}
	for _, box := range boxes {
		keys[box] = contract.HMAC([]byte(p.secret))
	}
	if p.store, err = receiver.Open(filepath.Join(folder, "platform.db"), receiver.Options{
		Keys: keys, Clock: now, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	}); err != nil {
		return nil, err
	}
	if p.server, p.port, err = serve(p.store); err != nil {
		return nil, errors.Join(err, p.store.Close())
	}
	return p, nil
}

func (p *platform) close() error { return errors.Join(p.server.Close(), p.store.Close()) }

// parcels is what the platform's books say of a box.
type parcels struct{ deposits, pickups int64 }

// books adds up the days since the run began.
func (p *platform) books(box string) (parcels, error) {
	var sum parcels
	last := usage.Day(p.now().Wall)
	for at := p.begun; ; at = at.AddDate(0, 0, 1) {
		day := usage.Day(at)
		totals, err := p.store.Totals(day)
		if err != nil {
			return sum, err
		}
		for _, t := range totals.Facilities {
			switch {
			case t.Box != box:
			case t.Indicator == usage.Deposits.Code:
				sum.deposits += t.Numerator
			case t.Indicator == usage.Pickups.Code:
				sum.pickups += t.Numerator
			}
		}
		if day >= last {
			return sum, nil
		}
	}
}

// phone takes the pages of all boxes.
type phone struct {
	server *http.Server
	port   string

	mu    sync.Mutex
	calls []call
	rang  chan struct{} // closed at the next call
}

type call struct {
	at   time.Time
	page alert.Page
}

func newPhone() (*phone, error) {
	p := &phone{rang: make(chan struct{})}
	var err error
	p.server, p.port, err = serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var page alert.Page
		if err := json.NewDecoder(r.Body).Decode(&page); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.calls = append(p.calls, call{time.Now(), page})
		close(p.rang)
		p.rang = make(chan struct{})
	}))
	return p, err
}

// since are the pages that came after a moment.
func (p *phone) since(begun time.Time) (pages []alert.Page, rang <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.calls {
		if c.at.After(begun) {
			pages = append(pages, c.page)
		}
	}
	return pages, p.rang
}

// await returns a page that came after begun and is wanted.
func (p *phone) await(ctx context.Context, begun time.Time, wanted func(alert.Page) bool) (alert.Page, error) {
	for {
		pages, rang := p.since(begun)
		for _, page := range pages {
			if wanted(page) {
				return page, nil
			}
		}
		select {
		case <-rang:
		case <-ctx.Done():
			return alert.Page{}, context.Cause(ctx)
		}
	}
}
