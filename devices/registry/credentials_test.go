package registry

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices"
)

func TestCredentials(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	r := open(t, path)
	if err := r.Put(community()...); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Issue("nobody"); err == nil || !strings.Contains(err.Error(), "not registered") {
		t.Errorf("issued to nobody: %v", err)
	}
	secret, err := r.Issue("bank-1")
	if err != nil {
		t.Fatal(err)
	}
	if plain := strings.ReplaceAll(secret, "-", ""); len(plain) != 26 {
		t.Errorf("%q are not 128 bits", secret)
	}
	for given, want := range map[string]bool{
		secret:                               true,
		strings.ToUpper(secret):              true,
		strings.ReplaceAll(secret, "-", " "): true,
		strings.ReplaceAll(secret, "-", ""):  true,
		secret[1:]:                           false,
		"":                                   false,
		strings.Repeat("a", 1<<20):           false,
	} {
		if d, ok := r.Login("bank-1", []byte(given)); ok != want || ok && d.Facility != "f-1" {
			t.Errorf("login with %.40q: %v", given, ok)
		}
	}
	if _, ok := r.Login("door-1", []byte(secret)); ok {
		t.Error("another device's secret was taken")
	}
	if _, ok := r.Login("door-1", nil); ok {
		t.Error("a device without a secret was let in")
	}
	if _, ok := r.Login("nobody", []byte(secret)); ok {
		t.Error("nobody was let in")
	}
	again, err := r.Issue("bank-1")
	if err != nil || again == secret {
		t.Errorf("issued again: %q %v", again, err)
	}
	if _, ok := r.Login("bank-1", []byte(secret)); ok {
		t.Error("the replaced secret still works")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, path)
	if _, ok := r.Login("bank-1", []byte(again)); !ok {
		t.Error("the secret was forgotten")
	}
	retired := r.Snapshot().Devices["bank-1"]
	retired.Retired = true
	if err := r.Put(retired); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Login("bank-1", []byte(again)); ok {
		t.Error("a retired device was let in")
	}
	if _, err := r.Issue("bank-1"); err == nil || !strings.Contains(err.Error(), "linli device retire bank-1 --undo") {
		t.Errorf("a login for a retired device: %v", err)
	}
	retired.Retired = false
	if err := r.Put(retired); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Login("bank-1", []byte(again)); ok || r.Snapshot().HasSecret("bank-1") {
		t.Error("whoever had retired it has its login back")
	}
}

// A bridge logs in for the devices behind it: they have no login, and lose the
// one that they had.
func TestADeviceBehindABridgeHasNoLogin(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "registry.db"))
	w := device(devices.Device{ID: "w", Kind: "wearable"})
	if err := r.Put(w, device(devices.Device{ID: "z", Kind: devices.KindBridge, Profile: "zigbee2mqtt"})); err != nil {
		t.Fatal(err)
	}
	secret, err := r.Issue("w")
	if err != nil {
		t.Fatal(err)
	}
	w.Bridge, w.Address = "z", "button"
	if err := r.Put(w); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Login("w", []byte(secret)); ok || r.Snapshot().HasSecret("w") {
		t.Error("it logs in beside its bridge")
	}
	certify := func(tx *Tx) error { return tx.Certify("w", []byte("certificate")) }
	_, issued := r.Issue("w")
	for _, err := range []error{issued, r.Update(certify)} {
		if err == nil || !strings.Contains(err.Error(), `it is behind bridge "z"`) {
			t.Errorf("a login for it: %v", err)
		}
	}
}

// Whoever may do something else than before is out at once, by whatever way
// that came about; whoever is only called something else stays.
func TestWhoseRightsHaveChangedIsTold(t *testing.T) {
	var gone []string
	r, err := Open(filepath.Join(t.TempDir(), "registry.db"), Options{Gone: func(device string) { gone = append(gone, device) }})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w := device(devices.Device{ID: "w", Kind: "wearable"})
	z := device(devices.Device{ID: "z", Kind: devices.KindBridge, Profile: "zigbee2mqtt"})
	change := func(d Device, edit func(*Device)) func() error {
		return func() error { edit(&d); return r.Put(d) }
	}
	r.Inbox().Heard(devices.Contact{Address: "stray"}, func() devices.Looks { return devices.Looks{} })
	for _, c := range []struct {
		what string
		do   func() error
		want string
	}{
		{"registered", func() error { return r.Put(w, z) }, "[w z]"},
		{"a new secret", func() error { _, err := r.Issue("w"); return err }, "[w]"},
		{"a certificate", func() error { return r.Update(func(tx *Tx) error { return tx.Certify("w", []byte("c")) }) }, "[w]"},
		{"a name", change(w, func(d *Device) { d.Name = "W" }), "[]"},
		{"another kind", change(w, func(d *Device) { d.Kind = "locker" }), "[w]"},
		{"another make of bridge", change(z, func(d *Device) { d.Profile = "tasmota" }), "[z]"},
		{"behind a bridge", change(w, func(d *Device) { d.Bridge, d.Address = "z", "a" }), "[w]"},
		{"retired", change(w, func(d *Device) { d.Retired = true }), "[w]"},
		{"refused", func() error { _ = r.Remove(Devices, "nobody"); return nil }, "[]"},
		{"removed", func() error { return r.Remove(Devices, "w") }, "[w]"},
		{"ignored", func() error { return r.Decide(Author{}, "stray", false) }, "[stray]"},
	} {
		gone = []string{}
		if err := c.do(); err != nil || fmt.Sprint(gone) != c.want {
			t.Errorf("%s: told of %v, %v; want %s", c.what, gone, err, c.want)
		}
	}
}

func TestARemovedDeviceTakesItsSecretAlong(t *testing.T) {
	r := open(t, filepath.Join(t.TempDir(), "registry.db"))
	w := device(devices.Device{ID: "w", Kind: "wearable"})
	if err := r.Put(w); err != nil {
		t.Fatal(err)
	}
	secret, err := r.Issue("w")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Remove(Devices, "w"), r.Put(w)); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Login("w", []byte(secret)); ok {
		t.Error("a device that was registered anew inherits a secret")
	}
}
