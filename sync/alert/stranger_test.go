package alert

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/wearable"
)

// call is what intake journals of a stranger.
func (b *box) call(t *testing.T, device, id string, p devices.StrangerCalled) {
	t.Helper()
	e, err := devices.New(device, p)
	must(t, err)
	e.ID, e.Received, e.Urgency = id, b.clock(), devices.Urgent
	must(t, b.guard.Record(context.Background(), e))
	pass(0)
}

// Nobody knows whose device it is: those on duty are called as for any press,
// without end and without the siren. More of the same is the same incident, and
// calls again only after an acknowledgement.
func TestAStrangerCallsWhoIsOnDuty(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		who := devices.Contact{Bridge: "z2m", Address: "0x00158d0001abcdef"}.Sender()
		called := devices.StrangerCalled{Type: "sos", Bridge: "z2m", Address: "0x00158d0001abcdef", Model: "Tuya TS0215A_sos"}
		b.call(t, who, "1", called)
		calls := b.expect(t, "at once", everyone)
		if got, want := calls[0].page.Text(texts.Chinese), "【未登记设备求助】设备 0x00158d0001abcdef（Tuya TS0215A_sos）\n它报告：紧急求助\n没有登记这是谁的设备。"; !strings.HasPrefix(got, want) {
			t.Errorf("page %q, want %q", got, want)
		}
		if got, want := calls[0].page.Text(texts.English), "[A device that is not registered calls for help] device 0x00158d0001abcdef (Tuya TS0215A_sos)\nIt reports: SOS\nNobody has registered whose it is."; !strings.HasPrefix(got, want) {
			t.Errorf("page %q, want %q", got, want)
		}
		for step := range 100 {
			if step == 10 {
				b.call(t, who, "2", called)
			}
			pass(time.Minute)
			b.expect(t, fmt.Sprint("minute ", step), everyone)
		}
		if b.siren.sounds() {
			t.Error("the siren sounds, and nobody knows where to go")
		}
		id := b.only(t).ID
		must(t, b.engine.Acknowledge(t.Context(), id, "li", "page"))
		pass(2 * time.Minute)
		b.expect(t, "after the acknowledgement", "")
		b.call(t, who, "3", called)
		if calls := b.expect(t, "after another press", everyone); calls[0].page.Round != 2 || calls[0].page.Incident != id {
			t.Errorf("page %+v", calls[0].page)
		}
		b.call(t, devices.ManyStrangers, "4", devices.StrangerCalled{Type: "sos"})
		if text := b.expect(t, "too many", everyone)[0].page.Text(texts.Chinese); !strings.HasPrefix(text, "【未登记设备求助】多台设备\n许多未登记的设备同时在求助") {
			t.Errorf("page %q", text)
		}
	})
}

// A disk that hangs holds it up no more than any other call.
func TestAStrangerCallsWhileTheDiskHangs(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		e, err := devices.New("u-1", devices.StrangerCalled{Type: "smoke", Bridge: "z2m"})
		must(t, err)
		e.ID, e.Received, e.Urgency = "1", b.clock(), devices.Urgent
		b.disk.hang()
		recorded := make(chan error, 1)
		go func() { recorded <- b.guard.Record(context.Background(), e) }()
		pass(time.Second)
		if p := b.expect(t, "a second later", everyone)[0].page; !p.FromMemory || !strings.Contains(p.Text(texts.Chinese), "它报告：烟雾报警") {
			t.Errorf("page %+v", p)
		}
		b.disk.mend()
		must(t, <-recorded)
		pass(time.Second)
		b.expect(t, "when it is on disk", "")
	})
}

// Somebody adopts the device that called: the call becomes that of its elder,
// whose people are called, the siren sounds, and the next press is of the same
// incident. So it is in the state file, after a restart.
func TestAStrangerIsAdopted(t *testing.T) {
	story(t, func(t *testing.T, b *box) {
		who := devices.Contact{Bridge: "z2m", Address: "浴室"}.Sender()
		b.call(t, who, "1", devices.StrangerCalled{Type: "sos", Bridge: "z2m"})
		b.expect(t, "at once", everyone)
		must(t, b.registry.Update(func(tx *registry.Tx) error {
			return tx.Put(registry.Device{Device: devices.Device{ID: "z2m", Kind: devices.KindBridge, Profile: "zigbee2mqtt"}},
				registry.Device{Device: devices.Device{ID: "w-new", Kind: wearable.Kind, Elder: "zhao", Bridge: "z2m", Address: "浴室"}})
		}))
		pass(time.Minute)
		calls := b.expect(t, "the next step", everyone)
		if p := calls[0].page; p.Kind != SOS || p.Building != "3栋" || p.Room != "502" || p.Step != 2 {
			t.Errorf("page %+v", p)
		}
		if !b.siren.sounds() {
			t.Error("the siren is silent")
		}
		must(t, b.press("w-new", "2"))
		pass(0)
		must(t, b.halt())
		must(t, b.start())
		if i := b.only(t); i.Presses != 2 || i.Device != "w-new" || i.Elder != "zhao" || i.Subject != "elder/zhao" {
			t.Errorf("%+v", i)
		}
	})
}
