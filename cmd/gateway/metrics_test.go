package main

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/linli-edge/gateway/sync/alert"
)

// The metrics follow Prometheus's naming rules, each is the gateway's own, and
// neither their labels nor the log hold anything personal.
func TestMetricsAndLog(t *testing.T) {
	b := newBox(t)
	secrets := b.register(neighbourhood(b)...)
	g, _ := b.start()
	d, err := connect(t, b.cfg.MQTT.Listen, 5, "w302", secrets["w302"])
	if err != nil {
		t.Fatal(err)
	}
	defer d.conn.Close()
	if err := d.publish("linli/v1/w302/event", `{"type":"sos"}`); err != nil {
		t.Fatal(err)
	}
	b.phone.await(t, "the press", func(p []alert.Page) bool { return len(p) > 0 })
	for _, personal := range []string{"王秀英", "李敏", "3号楼", secrets["w302"], b.phone.url} {
		if strings.Contains(b.logged.String(), personal) {
			t.Errorf("%q is in the log:\n%s", personal, b.logged.String())
		}
	}
	problems, err := testutil.GatherAndLint(g.metrics)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	families, err := g.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		name := f.GetName()
		if !strings.HasPrefix(name, "linli_") && !strings.HasPrefix(name, "go_") && !strings.HasPrefix(name, "process_") {
			t.Errorf("%s has no prefix", name)
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				for _, secret := range []string{"王秀英", "李敏", "3号楼", "w302", "127.0.0.1"} {
					if strings.Contains(l.GetValue(), secret) {
						t.Errorf("%s has the label %s=%q", name, l.GetName(), l.GetValue())
					}
				}
			}
		}
	}
}
