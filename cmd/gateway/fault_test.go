package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/wearable"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal/journaltest"
)

// A disk that others have filled. An ordinary event is not acknowledged, in
// either version of MQTT; presses go on being recorded, acknowledged and paged
// within the reserve, and the box says that its disk is full. When the reserve is
// gone too a press is not acknowledged, but paged all the same, from memory. With
// room again everything resumes by itself.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	mount(t, "tmpfs", b.cfg.Data, "tmpfs", "size=4m")
	const others = 20
	records := neighbourhood(b)
	for i := range others {
		room := fmt.Sprint(601 + i)
		records = append(records,
			registry.Elder{ID: "e" + room, Name: "李淑芬", Building: "3号楼", Room: room, Caregivers: []string{"li"}},
			registry.Device{Device: devices.Device{ID: "w" + room, Kind: wearable.Kind, Elder: "e" + room}})
	}
	secrets := b.register(records...)
	g, _ := b.start(func(g *gateway) { g.free = freePercent })
	speak := func(version byte, device, payload string) error {
		t.Helper()
		d, err := connect(t, b.cfg.MQTT.Listen, version, device, secrets[device])
		if err != nil {
			t.Fatal(err)
		}
		defer d.conn.Close()
		return d.publish("linli/v1/"+device+"/event", payload)
	}
	fill := filepath.Join(b.cfg.Data, "fill")
	journaltest.FillDisk(t, fill)
	ordinary := 0
	// Until the room that the files already have is used, and neither version
	// is acknowledged: a file may be given up meanwhile.
	for ; ; ordinary++ {
		payload := fmt.Sprintf(`{"id":"fill-%d","type":"parcel.deposited","data":{"compartment":1}}`, ordinary)
		if speak(4, "l1", payload) != nil && speak(5, "l1", payload) != nil {
			break
		}
		if ordinary > 100_000 {
			t.Fatal("an ordinary event is acknowledged on a full disk")
		}
	}
	for i, version := range []byte{4, 5} {
		if err := speak(version, "w302", fmt.Sprintf(`{"id":"sos-%d","type":"sos"}`, i)); err != nil {
			t.Errorf("a press within the reserve: %v", err)
		}
	}
	pages := b.phone.await(t, "the press on a full disk", func(p []alert.Page) bool { return len(p) > 0 })
	if pages[0].FromMemory {
		t.Errorf("page %+v: from memory, though there was a reserve", pages[0])
	}
	eventually(t, "the box says that its disk is full", func() bool {
		return slices.ContainsFunc(g.alerts.Incidents(), func(i alert.Incident) bool { return i.Kind == alert.DiskFull })
	})

	// Somebody presses until nothing can be written any more, and then somebody
	// else. Their press may find room all the same, where a file was given up
	// meanwhile; then it goes on.
	used := 0
	useUp := func() {
		presser, refused := (*device)(nil), 0
		for ; refused < 20; used++ { // in a row: the file has free pages here and there
			if presser == nil {
				var err error
				if presser, err = connect(t, b.cfg.MQTT.Listen, 4, "w302", secrets["w302"]); err != nil {
					t.Fatal(err)
				}
			}
			if presser.publish("linli/v1/w302/event", fmt.Sprintf(`{"id":"more-%d","type":"sos"}`, used)) == nil {
				refused = 0
			} else {
				refused++
				_ = presser.conn.Close() // the gateway has hung up
				presser = nil
			}
			if used > 100_000 {
				t.Fatal("the reserve has no end")
			}
		}
	}
	room := ""
	for i := 0; i < others && room == ""; i++ {
		useUp()
		if other := fmt.Sprint(601 + i); speak(4, "w"+other, `{"id":"last","type":"sos"}`) != nil {
			room = other
		}
	}
	if room == "" {
		t.Fatal("every press is acknowledged though nothing can be written")
	}
	b.phone.await(t, "the press when even the reserve is gone", func(p []alert.Page) bool {
		return slices.ContainsFunc(p, func(p alert.Page) bool { return p.FromMemory && p.Room == room })
	})

	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	for device, payload := range map[string]string{
		"l1": `{"id":"after","type":"parcel.deposited","data":{"compartment":1}}`, "w302": `{"id":"after","type":"sos"}`,
	} {
		eventually(t, device+" is acknowledged with room again", func() bool { return speak(5, device, payload) == nil })
	}
}

// A disk that hangs: the file system is frozen, so that every write and sync
// waits. The page goes out meanwhile, from memory; the PUBACK waits for the
// disk; and the press does not ring as a new one once it is written.
func TestDiskHangs(t *testing.T) {
	b := newBox(t)
	image := filepath.Join(filepath.Dir(b.cfg.Data), "disk.img")
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 64<<20); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs.ext4", "-q", image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.ext4 (run make deps): %v\n%s", err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", image, b.cfg.Data).CombinedOutput(); err != nil {
		t.Fatalf("mount (this test needs root): %v\n%s", err, out)
	}
	t.Cleanup(func() { unmount(t, b.cfg.Data) })
	secrets := b.register(neighbourhood(b)...)
	g, stop := b.start()

	thaw := freeze(t, b.cfg.Data)
	d, err := connect(t, b.cfg.MQTT.Listen, 5, "w302", secrets["w302"])
	if err != nil {
		t.Fatal(err)
	}
	if err := d.send("linli/v1/w302/event", `{"id":"sos-1","type":"sos"}`); err != nil {
		t.Fatal(err)
	}
	pages := b.phone.await(t, "the press while the disk hangs", func(p []alert.Page) bool { return len(p) > 0 })
	if !pages[0].FromMemory {
		t.Errorf("page %+v: not marked as from memory", pages[0])
	}
	if d.in.Buffered() > 0 {
		t.Error("acknowledged before the disk had it")
	}
	thaw()
	if err := d.acked(); err != nil {
		t.Errorf("not acknowledged after the thaw: %v", err)
	}
	if err := d.publish("linli/v1/w302/event", `{"id":"sos-1","type":"sos"}`); err != nil { // a repetition
		t.Error(err)
	}
	if incidents := g.alerts.Incidents(); len(incidents) != 1 || incidents[0].Presses != 1 || incidents[0].ID != pages[0].Incident {
		t.Errorf("incidents %+v", incidents)
	}
	if err := d.conn.Close(); err != nil {
		t.Error(err)
	}
	stop()
}

// freeze makes every write to the file system wait until thaw is called.
func freeze(t *testing.T, dir string) (thaw func()) {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	const fiFreeze, fiThaw = 0xC0045877, 0xC0045878 // FIFREEZE, FITHAW of linux/fs.h
	if err := unix.IoctlSetInt(int(f.Fd()), fiFreeze, 0); err != nil {
		t.Fatalf("freeze %s (this test needs root): %v", dir, err)
	}
	frozen := true
	thaw = func() {
		if frozen {
			frozen = false
			if err := errors.Join(unix.IoctlSetInt(int(f.Fd()), fiThaw, 0), f.Close()); err != nil {
				t.Errorf("thaw: %v", err)
			}
		}
	}
	t.Cleanup(thaw)
	return thaw
}

func mount(t *testing.T, source, dir, kind, options string) {
	t.Helper()
	if err := unix.Mount(source, dir, kind, 0, options); err != nil {
		t.Fatalf("mount %s (this test needs root): %v", kind, err)
	}
	t.Cleanup(func() { unmount(t, dir) })
}

func unmount(t *testing.T, dir string) {
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		t.Errorf("unmount %s: %v", dir, err)
	}
}

// What a stranger, or a device gone mad, sends from outside neither ends the
// daemon nor holds up another's press.
func TestAbuse(t *testing.T) {
	b := newBox(t)
	secrets := b.register(neighbourhood(b)...)
	p := b.run()
	address := b.cfg.MQTT.Listen
	eventually(t, "listening", func() bool {
		c, err := net.Dial("tcp", address)
		return err == nil && c.Close() == nil
	})
	press := func(what string) {
		t.Helper()
		d, err := connect(t, address, 4, "w302", secrets["w302"])
		if err != nil {
			t.Fatalf("after %s: %v\n%s", what, err, p.log)
		}
		defer d.conn.Close()
		if err := d.publish("linli/v1/w302/event", `{"type":"sos"}`); err != nil {
			t.Errorf("after %s: %v", what, err)
		}
	}
	raw := func(frames ...[]byte) net.Conn {
		t.Helper()
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		for _, f := range frames {
			if _, err := c.Write(f); err != nil {
				break // it has hung up, as it may
			}
		}
		return c
	}

	raw([]byte{mqttload.Connect, 0x80, 0x80, 0x80, 0x7F}, bytes.Repeat([]byte{'x'}, 1<<20))
	press("a packet of 256 MB announced before login")

	raw(mqttload.ConnectFrame(5, "l1", "l1", secrets["l1"], true), []byte{mqttload.Subscribe, 0x03, 0x00, 0x01, 0x80})
	press("a truncated SUBSCRIBE of version 5")

	big, err := connect(t, address, 4, "l1", secrets["l1"])
	if err != nil {
		t.Fatal(err)
	}
	defer big.conn.Close()
	for _, payload := range []string{string(bytes.Repeat([]byte{'x'}, 10<<20)), `{"type":"parcel.eaten"}`, `nothing`, ``} {
		if err := big.publish("linli/v1/l1/event", payload); err != nil {
			t.Fatalf("%.40q is not acknowledged: %v", payload, err)
		}
	}
	press("a payload of 10 MB")
	if _, metrics := b.get("/metrics"); !bytes.Contains([]byte(metrics), []byte(`linli_intake_rejected_total{reason="too_large"} 1`)) {
		t.Error("the payload of 10 MB is not counted")
	}
	began := time.Now()
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: exit code %d\n%s", code, p.log)
	}
	t.Logf("shut down in %s", time.Since(began).Round(time.Millisecond))
}
