package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
	"github.com/linli-edge/gateway/sync/alert"
)

// A disk that is full: no PUBACK, in either version of MQTT, but the press is
// paged all the same; with room again everything resumes by itself.
func TestDiskFull(t *testing.T) {
	b := newBox(t)
	mount(t, "tmpfs", b.cfg.Data, "tmpfs", "size=24m")
	secrets := b.register(neighbourhood(b)...)
	b.start()
	fill := filepath.Join(b.cfg.Data, "fill")
	writeUntilFull(t, fill)

	for n := 0; ; n++ { // until the room that the files already have is used
		d, err := connect(t, b.cfg.MQTT.Listen, 4, "l1", secrets["l1"])
		if err != nil {
			t.Fatal(err)
		}
		err = d.publish("linli/v1/l1/event", fmt.Sprintf(`{"id":"fill-%d","type":"parcel.deposited","data":{"compartment":1}}`, n))
		_ = d.conn.Close()
		if err != nil {
			break
		}
		if n > 100_000 {
			t.Fatal("the disk does not fill up")
		}
	}
	for _, version := range []byte{4, 5} {
		for _, c := range []struct{ device, payload string }{
			{"l1", `{"id":"refused-%d","type":"parcel.deposited","data":{"compartment":1}}`},
			{"w302", `{"id":"sos-%d","type":"sos"}`},
		} {
			d, err := connect(t, b.cfg.MQTT.Listen, version, c.device, secrets[c.device])
			if err != nil {
				t.Fatal(err)
			}
			err = d.publish("linli/v1/"+c.device+"/event", fmt.Sprintf(c.payload, version))
			_ = d.conn.Close()
			// The urgent chain may have room left in its file; the ordinary one
			// has none.
			if err == nil && c.device == "l1" {
				t.Errorf("MQTT version byte %d: acknowledged on a full disk", version)
			}
		}
	}
	b.phone.await(t, "the press on a full disk", func(p []alert.Page) bool { return len(p) > 0 })

	if err := os.Remove(fill); err != nil {
		t.Fatal(err)
	}
	eventually(t, "acknowledged with room again", func() bool {
		d, err := connect(t, b.cfg.MQTT.Listen, 5, "l1", secrets["l1"])
		if err != nil {
			t.Fatal(err)
		}
		defer d.conn.Close()
		return d.publish("linli/v1/l1/event", `{"id":"after","type":"parcel.deposited","data":{"compartment":1}}`) == nil
	})
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

func writeUntilFull(t *testing.T, file string) {
	t.Helper()
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1 << 20, 4096} {
		for err == nil {
			_, err = f.Write(bytes.Repeat([]byte{0xAA}, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("fill the disk: %v", err)
		}
		err = nil
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
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
