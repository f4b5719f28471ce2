package main

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
)

// A band that has gone mad sends far more than its rate. Its own call for help
// rings at once, before all that it has sent; a locker beside it is not held
// up; and in the end all that it has sent is there.
func TestMadDevice(t *testing.T) {
	const rate, n = 20, 280 // ten seconds' worth come in at once, the rest takes its time
	b := newBox(t)
	b.cfg.MQTT.Rate = rate
	secrets := b.register(neighbourhood(b)...)
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	mad, err := connect(t, b.cfg.MQTT.Listen, 4, "w302", secrets["w302"])
	if err != nil {
		t.Fatal(err)
	}
	defer mad.conn.Close()
	other, err := connect(t, b.cfg.MQTT.Listen, 5, "l1", secrets["l1"])
	if err != nil {
		t.Fatal(err)
	}
	defer other.conn.Close()

	for i := range n {
		if err := mad.send("linli/v1/w302/event", fmt.Sprintf(`{"id":"%d","type":"battery","data":{"percent":%d}}`, i, i%100)); err != nil {
			t.Fatal(err)
		}
	}
	if err := mad.send("linli/v1/w302/event", `{"id":"help","type":"sos"}`); err != nil {
		t.Fatal(err)
	}
	b.phone.await(t, "the call for help", func(p []alert.Page) bool { return len(p) > 0 && p[0].Kind == alert.SOS })
	if err := other.publish("linli/v1/l1/event", deposited); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := mad.acked(); err != nil {
			t.Fatalf("acknowledgement %d: %v", i, err)
		}
	}
	if err := mad.acked(); err != nil {
		t.Fatalf("of the call for help: %v", err)
	}

	entries, err := g.journal.Read(journal.Urgent, 0, 10)
	if err != nil || len(entries) == 0 || entries[0].Event.Type != wearable.TypeSOS {
		t.Fatalf("urgent: %v %v", entries, err)
	}
	help, told, later := entries[0].Event.Received, 0, 0
	for after := uint64(0); ; {
		if entries, err = g.journal.Read(journal.Ordinary, after, 1000); err != nil {
			t.Fatal(err)
		}
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			after = e.Seq
			if e.Event.Type != wearable.TypeBattery {
				continue
			}
			told++
			if since, ok := e.Event.Received.Since(help); ok && since > 0 {
				later++
			}
		}
	}
	t.Logf("%d of %d messages waited behind the call for help that was sent after them", later, told)
	if told != n || later == 0 {
		t.Errorf("%d of %d messages are in the journal, %d came after the call for help", told, n, later)
	}
	if _, metrics := b.get("/metrics"); !regexp.MustCompile(`(?m)^linli_mqtt_held_total [1-9]`).MatchString(metrics) {
		t.Error("no message is counted as having waited")
	}
}
