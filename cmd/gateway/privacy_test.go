package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	orders "github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/sync/province/receiver"
)

// sown is personal data of every sort, as it gets into fields where it does not
// belong, and where it does.
var sown = []string{
	"王秀英", "13912345678", "SF1234567890123", "PICKUP-7421", "YY-0042-SOWN", "6222020200112233", "SN-8F3A-SOWN", "32.060255", "118.796877", "187.5", "赶快来救我", "wangxiuying",
}

// tap records every byte of every request that leaves for the province, and
// what they say unpacked.
type tap struct {
	mu    sync.Mutex
	heard bytes.Buffer
}

func (p *tap) around(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.mu.Lock()
		defer p.mu.Unlock()
		fmt.Fprintf(&p.heard, "%s %s\n", r.Method, r.URL)
		_ = r.Header.Write(&p.heard)
		p.heard.Write(body)
		if z, err := gzip.NewReader(bytes.NewReader(body)); err == nil {
			_, _ = io.Copy(&p.heard, z)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		h.ServeHTTP(w, r)
	})
}

func (p *tap) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.heard.String()
}

// Personal data is sown into every field that a device or a command can set.
// Nothing of it is in any byte that leaves for the province, in the metrics, or
// in the log.
func TestNothingPersonalLeaves(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	out := &tap{}
	server := httptest.NewServer(out.around(b.platform))
	defer server.Close()
	b.cfg.Province.URL = server.URL + receiver.Path

	records := town(b)
	for i, r := range records {
		switch r := r.(type) {
		case registry.Device:
			r.Name = "王秀英 SN-8F3A-SOWN 13912345678"
			records[i] = r
		case registry.Facility:
			r.Name = "王秀英之家 13912345678"
			records[i] = r
		case registry.Elder:
			r.Name, r.Building, r.Room = "王秀英", "wangxiuying", "13912345678"
			records[i] = r
		case registry.Caregiver:
			r.Name = "王秀英"
			records[i] = r
		}
	}
	secrets := b.register(records...)
	config := b.write()
	g, stop := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })

	n := 0
	for _, kind := range kinds.Names() {
		id := "t-" + string(kind)
		d, err := connect(t, b.cfg.MQTT.Listen, 5, id, secrets[id])
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range said[kind] {
			n++
			typ, fields, _ := strings.Cut(s, `","data":{`)
			// All that was sown beside each field; then in place of each value.
			more := ""
			for i, w := range sown {
				more += fmt.Sprintf(`,"x%d":%q`, i, w)
			}
			messages := []string{fmt.Sprintf(`{"id":"%d","type":%s","data":{%s%s}}`, n, typ, fields, more)}
			for i, w := range sown {
				name, _, _ := strings.Cut(fields, `":`)
				messages = append(messages, fmt.Sprintf(`{"id":"%d-%d","type":%s","data":{%s":%q}}`, n, i, typ, name, w))
			}
			for _, m := range messages {
				if err := d.publish("linli/v1/"+id+"/event", m); err != nil {
					t.Fatalf("%s: %v", id, err)
				}
			}
		}
		if kind == "wearable" {
			for _, m := range []string{`{"type":"vitals","data":{"heart_rate":187,"celsius":38.5}}`, `{"type":"position","data":{"latitude":32.060255,"longitude":118.796877}}`} {
				if err := d.publish("linli/v1/"+id+"/event", m); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := d.conn.Close(); err != nil {
			t.Error(err)
		}
	}
	eventually(t, "an incident", func() bool { return len(g.alerts.Incidents()) > 0 })
	id := g.alerts.Incidents()[0].ID
	for _, args := range [][]string{{"incident", "acknowledge", id, "--by", "王秀英"}, {"incident", "resolve", id, "--by", "王秀英", "--cause", "real"}, {"province", "resend", "2026-11-01"}} {
		if code, _, stderr := command(t, "en_US.UTF-8", append(args, "--config", config)...); code != 0 {
			t.Fatalf("%v: %s", args, stderr)
		}
	}
	// Some of these are refused, which is no reason to repeat them in the log.
	taken := map[string]int{}
	for n, w := range sown {
		own := fmt.Sprintf("sown-%d", n)
		// Nobody waits for the door.
		if _, err := g.orders.Ask(t.Context(), orders.Order{Device: "t-locker", Action: orders.Open, Data: orders.Data{Compartment: 1}, By: w}, time.Minute); err == nil {
			taken["door"]++
		}
		for _, args := range [][]string{
			{"incident", "note", id, "--by", w, "--text", w}, {"incident", "handover", id, "--by", w, "--to", w}, {"incident", "onscene", id, "--by", w},
			{"incident", "acknowledge", w, "--by", w}, {"alert", "explain", w}, {"channel", "test", w, "--to", w}, {"channel", "test", "webhook", "--to", w},
			{"desk", "phone", "--facility", "hall", "--by", w}, {"desk", "phone", "--facility", w, "--by", "li"}, {"desk", w, "--facility", "hall", "--by", "li"},
			{"desk", "phone", "--facility", "hall", "--by", "li", "--service", w}, {"desk", "phone", "--facility", "hall", "--by", "li", "--id", w},
			{"visit", w, "--by", "li"}, {"visit", "e302", "--by", w}, {"visit", "e302", "--by", "li", "--id", w},
			{"silence", "set", "device/t-locker", "--by", w}, {"silence", "set", "device/" + w, "--by", "li"}, {"silence", "end", "device/t-locker", "--by", w},
			{"facility", "add", own, "--name", w}, {"facility", "add", own, "--name", w, "--operator", w, "--region", w},
			{"elder", "add", own, "--name", w, "--building", w, "--room", w}, {"caregiver", "add", own, "--name", w, "--channel", "webhook=http://127.0.0.1:9/" + w},
			{"group", "add", own, "--name", w, "--role", "care", "--members", own}, {"care", "set", own, "--groups", w},
			{"device", "add", own, "--kind", "wearable", "--elder", own, "--name", w}, {"device", "rename", own, w}, {"device", "bind", own, "--room", w},
			{"device", "command", "ring", w, "--by", "li"}, {"device", "adopt", w},
			{"province", "explain", w}, {"province", "reconcile", w},
		} {
			if code, _, _ := command(t, "en_US.UTF-8", append(args, "--config", config)...); code == 0 {
				taken[args[0]]++
			}
		}
	}
	for _, c := range []string{"incident", "desk", "visit", "facility", "elder", "caregiver", "group", "device", "silence"} {
		if taken[c] == 0 {
			t.Errorf("no command of %s was taken", c)
		}
	}
	eventually(t, "the figures", func() bool { return len(b.indicators()) > 35 })
	_, metrics := b.get("/metrics")
	stop()
	if sent := out.String(); len(sent) < 10_000 || !strings.Contains(sent, "parcel.deposits") {
		t.Fatalf("only %d bytes were heard", len(sent))
	}
	for where, text := range map[string]string{"what is sent": out.String(), "the metrics": metrics, "the log": b.logged.String()} {
		for _, w := range sown {
			if at := strings.Index(text, w); at >= 0 {
				t.Errorf("%s holds %q: …%s…", where, w, text[max(0, at-120):min(len(text), at+120)])
			}
		}
	}
	// And what does leave is of the list.
	for _, device := range slices.Sorted(maps.Keys(secrets)) {
		if device != string(devices.GatewayDevice) && strings.Contains(out.String(), `"`+device+`"`) {
			t.Errorf("the ID of a device is sent: %s", device)
		}
	}
}
