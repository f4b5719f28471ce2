package main

import (
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify"
	"github.com/linli-edge/gateway/sync/notify/notifytest"
	"github.com/linli-edge/gateway/sync/usage"
)

// A path that goes down is a technical incident of its own, which caregivers are
// told of by what is left, and ends by itself when the path works again: the
// Internet that drops packets, the modem that has lost its network, the broker
// that was killed; and the one that recovers while the gateway is off.
func TestPathsStory(t *testing.T) {
	t.Parallel()
	provider, stick, broker := newHost(t), notifytest.NewModem(t), freePort(t)
	die := mosquitto(t, broker)
	b := newBox(t)
	c := &movedClock{right: b.clock}
	b.clock = c.now
	b.cfg.MQTT.Broker, b.cfg.MQTT.Listen, b.cfg.MQTT.TLS = "mqtt://"+broker, "", ""
	b.cfg.MQTT.ClientID, b.cfg.MQTT.Topics = "linli-test", []string{"linli/v1/+/event"}
	b.cfg.Channels.SMS.Port = stick.Path
	b.cfg.Channels.DingTalk = notify.SignedRobot{URL: "http://" + provider.address + "/robot/send", KeyFile: b.secretFile("ding.key", "x")}
	b.register(neighbourhood(b)...)
	often := func(g *gateway) { g.lookAtPaths = 500 * time.Millisecond }
	g, stop := b.start(often)

	paths := []string{"internet", "sms", "broker"}
	down := func(path string) bool {
		subject := alert.Found{Kind: alert.PathDown, Part: path}.Subject()
		for _, i := range g.alerts.Incidents() {
			if i.Subject != subject || i.Phase == alert.PhaseResolved {
				continue
			}
			if i.Kind != alert.PathDown || i.Priority != alert.Technical || len(i.Because) != 1 || i.Because[0].Of != path {
				t.Errorf("%s: %+v", path, i)
			}
			return true
		}
		return false
	}
	modem := func(problem string) {
		t.Helper()
		stick.Unplug() // it is looked at anew
		stick.Plug()
		eventually(t, "the modem says "+problem, func() bool { s, _ := g.channels.Modem(); return s.Problem == problem })
	}
	await := func(want bool) {
		t.Helper()
		for _, path := range paths {
			eventually(t, path, func() bool { return down(path) == want })
		}
	}
	eventually(t, "all work", func() bool { return g.ready() == nil })
	modem("")
	await(false)
	c.pass(time.Hour) // past the grace of the start
	keys := []string{}
	for _, f := range g.journal.Stats().Followers {
		keys = append(keys, f.Name)
	}
	for _, p := range g.paths() {
		keys = append(keys, p.Name)
	}
	for _, key := range keys {
		if _, ok := texts.Parts[key]; !ok {
			t.Errorf("the page would call it %q", key)
		}
	}

	provider.drop()
	stick.NoNetwork(true)
	die()
	modem("no mobile network")
	await(true)
	c.pass(time.Minute)
	b.phone.await(t, "the paths", func(p []alert.Page) bool {
		return len(p) > 0 && p[len(p)-1].Kind == alert.PathDown && p[len(p)-1].Priority == alert.Technical
	})

	provider.take()
	stick.NoNetwork(false)
	die = mosquitto(t, broker)
	modem("")
	await(false)
	eventually(t, "the minute without the Internet at the platform", func() bool {
		earlier := b.clock().Wall.Add(-time.Hour) // the story may run past it
		return b.total(usage.Day(earlier), "box.offline") >= 60 || b.total(dayNow(b), "box.offline") >= 60
	})
	for _, i := range g.alerts.Incidents() {
		if i.Kind == alert.PathDown && (i.Resolved == nil || i.Resolved.Cause != alert.CauseDevice) {
			t.Errorf("%+v", i)
		}
	}

	provider.drop()
	die()
	paths = []string{"internet", "broker"}
	await(true)
	stop()
	provider.take()
	mosquitto(t, broker)
	g, _ = b.start(often)
	await(false)
}
