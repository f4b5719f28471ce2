package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/booking"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/rating"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/usage"
)

// A platform that was away for most of a year is told everything: the built
// gateway drains very many rows in little memory, and in few bytes.
func TestBacklog(t *testing.T) {
	t.Parallel()
	const (
		places = 60
		each   = 18 // rows of a place and a day, at least
	)
	least := rounds(60_000, 300_000)
	days := least/(places*each) + 1
	b := newBox(t)
	far := newFar(t, b)
	var records []registry.Record
	for f := range places {
		id := fmt.Sprintf("f-%02d", f)
		records = append(records, registry.Facility{ID: id, Name: "点", Region: fmt.Sprintf("3201020010%02d", f), UrbanRural: "111", Industry: "602", Operator: "11320000MB151840XJ"})
		for _, k := range []devices.Kind{locker.Kind, cabinet.Kind, booking.Kind, rating.Kind} {
			records = append(records, registry.Device{Device: devices.Device{ID: string(k) + "-" + id, Kind: k, Facility: id}})
		}
	}
	b.register(records...)
	deposits, waiting := b.live(places, days)
	if waiting < least {
		t.Fatalf("%d rows are waiting, must be %d", waiting, least)
	}

	p := b.run()
	var most int64
	began := time.Now()
	eventually(t, "all rows at the platform", func() bool {
		most = max(most, memoryOf(t, p.cmd.Process.Pid, "RssAnon"))
		return far.metric(`linli_receiver_rows_total{status="accepted"}`) >= float64(waiting) && b.metric(`linli_province_backlog_rows{destination="province"}`) == 0
	})
	rows, bytes := b.metric(`linli_province_rows_total{destination="province",status="accepted"}`), b.metric(`linli_province_sent_bytes_total{destination="province"}`)
	t.Logf("%.0f rows in %v, %.1f bytes a row on the wire, RssAnon at most %.1f MiB", rows, time.Since(began).Round(time.Millisecond), bytes/rows, float64(most)/(1<<20))
	if most > 64<<20 || bytes/rows > 60 {
		t.Errorf("%d bytes of memory (at most 64 MiB), %.1f bytes a row (at most 60)", most, bytes/rows)
	}
	if got := far.total("parcel.deposits", days); got != deposits {
		t.Errorf("the platform has %d deposits, happened %d", got, deposits)
	}
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: exit code %d\n%s", code, p.log)
	}
}

// live lets days pass at the places, up to yesterday, and returns how many
// parcels were deposited, and how many rows nobody has been told of.
func (b *box) live(places, days int) (deposits int64, waiting int) {
	b.t.Helper()
	must := func(err error) {
		b.t.Helper()
		if err != nil {
			b.t.Fatal(err)
		}
	}
	midnight := b.clock().Wall.UTC().Truncate(24 * time.Hour)
	c := &movedClock{right: func() devices.Stamp {
		return devices.Stamp{Boot: devices.BootID{1}, Mono: time.Hour, Wall: midnight.AddDate(0, 0, -days)}
	}}
	j, err := journal.Open(filepath.Join(b.cfg.Data, journalFolder), journal.Options{Clock: c.now})
	must(err)
	reg, err := registry.Open(filepath.Join(b.cfg.Data, registryFile), registry.Options{Kinds: kinds.Names(), Clock: c.now})
	must(err)
	u, err := usage.Open(j, reg, usage.Options{Clock: c.now, Every: time.Millisecond, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	must(err)
	ctx, stop := context.WithCancel(b.t.Context())
	ended := make(chan error)
	go func() { ended <- u.Run(ctx) }()

	n := 0
	record := func(device string, payload devices.Payload) {
		e, err := devices.New(device, payload)
		must(err)
		n++
		e.ID, e.Received = strconv.Itoa(n), c.now()
		must(j.Submit(b.t.Context(), e, func(err error) {
			if err != nil {
				b.t.Error(err)
			}
		}))
	}
	for day := range days {
		record(devices.GatewayDevice, usage.Alive{First: true})
		for f := range places {
			id, k := fmt.Sprintf("-f-%02d", f), 1+(day+f)%8
			record("locker"+id, locker.Deposited{Compartment: k})
			record("cabinet"+id, cabinet.Loaded{Compartment: k})
			record("booking"+id, booking.Created{Booking: devices.Reference(strconv.Itoa(day))})
			record("rating"+id, rating.Rated{Service: devices.Reference(strconv.Itoa(day)), Level: 1 + f%5})
			c.pass(time.Duration(1+f%40) * time.Second)
			record("locker"+id, locker.PickedUp{Compartment: k})
			record("cabinet"+id, cabinet.PickedUp{Compartment: k})
			deposits++
		}
		record(devices.GatewayDevice, usage.Alive{})
		c.pass(midnight.AddDate(0, 0, day+1-days).Sub(c.now().Wall))
	}
	eventually(b.t, "what happened is counted", func() bool {
		for _, f := range j.Stats().Followers {
			if f.At[journal.Ordinary] < j.Last(journal.Ordinary) {
				return false
			}
		}
		return j.Last(journal.Ordinary) > 0
	})
	stop()
	must(<-ended)
	waiting, err = u.Waiting(nil)
	must(errors.Join(err, u.Close(), reg.Close(), j.Close()))
	return deposits, waiting
}

// total is what the platform has of an indicator, of all facilities, since some
// days ago.
func (f *far) total(indicator string, days int) (sum int64) {
	f.t.Helper()
	asked := map[string]bool{}
	for at, now := time.Now().AddDate(0, 0, -days-1), time.Now(); !at.After(now); at = at.AddDate(0, 0, 1) {
		month := usage.Day(at)[:len("2026-11")]
		if asked[month] {
			continue
		}
		asked[month] = true
		for _, t := range f.totals(month).Totals {
			if t.Indicator == indicator {
				sum += t.Numerator
			}
		}
	}
	return sum
}

// metric is a figure of the platform, by its name and labels.
func (f *far) metric(name string) float64 { return metricAt(f.t, "http://"+f.address+"/metrics", name) }

// metric is a figure of the gateway, by its name and labels.
func (b *box) metric(name string) float64 {
	return metricAt(b.t, "http://"+b.cfg.Console.Listen+"/metrics", name)
}

// metricAt is 0 while there is no such figure, or nobody to ask.
func metricAt(t testing.TB, url, name string) float64 {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		return 0
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?m)^" + regexp.QuoteMeta(name) + " (.*)$").FindSubmatch(text)
	if m == nil {
		return 0
	}
	value, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	return value
}
