package registry

import (
	"errors"
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
	secret, err := r.Issue("sos-1")
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
		if d, ok := r.Login("sos-1", []byte(given)); ok != want || ok && d.Elder != "e-1" {
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
	again, err := r.Issue("sos-1")
	if err != nil || again == secret {
		t.Errorf("issued again: %q %v", again, err)
	}
	if _, ok := r.Login("sos-1", []byte(secret)); ok {
		t.Error("the replaced secret still works")
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, path)
	if _, ok := r.Login("sos-1", []byte(again)); !ok {
		t.Error("the secret was forgotten")
	}
	retired := r.Snapshot().Devices["sos-1"]
	retired.Retired = true
	if err := r.Put(retired); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Login("sos-1", []byte(again)); ok {
		t.Error("a retired device was let in")
	}
	retired.Retired = false
	if err := r.Put(retired); err != nil {
		t.Fatal(err)
	}
	if err := r.Revoke("sos-1"); err != nil {
		t.Fatal(err)
	}
	if _, ok := r.Login("sos-1", []byte(again)); ok || r.Snapshot().HasSecret("sos-1") {
		t.Error("revoked in vain")
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
