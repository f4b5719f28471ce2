package main

import (
	"context"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify"
	"github.com/linli-edge/gateway/sync/notify/notifytest"
)

// A reply answers the call whose message came last, whatever has gone to others
// since, and none that began after it was written.
func TestLastPaged(t *testing.T) {
	at := func(s time.Duration) devices.Stamp {
		return devices.Stamp{Boot: devices.BootID{1}, Mono: s, Wall: time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC).Add(s), Synced: true}
	}
	call := func(id string, began, step time.Duration, pages ...alert.Delivery) alert.Incident {
		return alert.Incident{ID: id, Phase: alert.PhaseRaised, RoundAt: at(began), StepAt: at(step), Deliveries: pages}
	}
	page := func(to string, when time.Duration) alert.Delivery {
		return alert.Delivery{Recipient: to, Channel: notify.SMSChannel, Attempts: 1, At: at(when)}
	}
	const m = time.Minute
	meal := call("meal", 0, 5*m, page("li", 0), page("wang", 5*m)) // has gone on to somebody else
	sos := call("sos", 4*m, 4*m, page("li", 4*m))
	for wrote, want := range map[time.Duration]string{
		6 * m:  "sos",
		2 * m:  "meal", // while there was no other
		-5 * m: "",     // for a call of yesterday
	} {
		if got := lastPaged([]alert.Incident{meal, sos}, []string{"li"}, at(wrote).Wall); got.incident.ID != want {
			t.Errorf("written at %s: %q, want %q", wrote, got.incident.ID, want)
		}
	}
	sos.RoundAt.Synced = false // who knows when it began?
	if got := lastPaged([]alert.Incident{sos}, []string{"li"}, at(-5*m).Wall); got.incident.ID != "sos" || got.by != "li" {
		t.Errorf("%+v", got)
	}
}

// A reply that could not be kept in time comes again, for the call that it
// answered and no other.
func TestReplyComesAgain(t *testing.T) {
	b := newBox(t)
	stick := notifytest.NewModem(t)
	b.cfg.Channels.SMS.Port = stick.Path
	secrets := b.register(append(caregiver("sms", "13800000001"),
		registry.Elder{ID: "e9", Name: "陈国栋", Building: "9号楼", Room: "101", Caregivers: []string{"li"}},
		registry.Device{Device: devices.Device{ID: "w9", Kind: wearable.Kind, Elder: "e9"}})...)
	g, _ := b.start()
	paged := func(device string) func() bool {
		return func() bool {
			for _, i := range g.alerts.Incidents() {
				if i.Device == device && len(i.Deliveries) > 0 && i.Deliveries[0].Attempts > 0 {
					return true
				}
			}
			return false
		}
	}
	eventually(t, "the modem works", func() bool { s, _ := g.channels.Modem(); return s.Problem == "" })
	b.press(secrets["w302"], `{"id":"1","type":"sos"}`)
	eventually(t, "the first is paged", paged("w302"))
	d, err := connect(t, b.cfg.MQTT.Listen, 5, "w9", secrets["w9"])
	if err != nil {
		t.Fatal(err)
	}
	defer d.conn.Close()
	if err := d.publish("linli/v1/w9/event", `{"id":"2","type":"sos"}`); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the second is paged", paged("w9"))

	late, cancel := context.WithCancel(t.Context())
	cancel()
	wrote := time.Now()
	if answer, err := g.replied(late, "13800000001", "1", wrote); err == nil {
		t.Fatalf("kept at once: %q", answer)
	}
	eventually(t, "it is taken all the same", func() bool { return g.alerts.Incidents()[0].Phase == alert.PhaseAcknowledged })
	if answer, err := g.replied(t.Context(), "13800000001", "1", wrote); err != nil || answer != "已记录由您处理：9号楼 101" {
		t.Errorf("again: %q, %v", answer, err)
	}
	if i := g.alerts.Incidents()[1]; i.Phase != alert.PhaseRaised {
		t.Errorf("the other: %+v", i.Acknowledged)
	}
	if answer, err := g.replied(t.Context(), "13800000001", "1", wrote.Add(time.Minute)); err != nil || answer != "已记录由您处理：3号楼 302" {
		t.Errorf("another reply: %q, %v", answer, err)
	}
}
