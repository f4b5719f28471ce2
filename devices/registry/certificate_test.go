package registry

import (
	"path/filepath"
	"strings"
	"testing"
)

// A certificate is one device's, takes the place of its secret, survives a
// restart, and is worth nothing once it was revoked or replaced.
func TestCertificates(t *testing.T) {
	path := filepath.Join(t.TempDir(), "registry.db")
	r := open(t, path)
	if err := r.Put(community()...); err != nil {
		t.Fatal(err)
	}
	certify := func(device, certificate string) {
		t.Helper()
		if err := r.Update(func(tx *Tx) error { return tx.Certify(device, []byte(certificate)) }); err != nil {
			t.Fatal(err)
		}
	}
	whose := func(certificate string) string {
		d, _ := r.Snapshot().LoginCertificate([]byte(certificate))
		return d.ID
	}
	secret, err := r.Issue("bank-1")
	if err != nil {
		t.Fatal(err)
	}
	certify("bank-1", "first")
	if _, ok := r.Login("bank-1", []byte(secret)); ok || whose("first") != "bank-1" || !r.Snapshot().HasSecret("bank-1") {
		t.Errorf("the secret still works: %t; the certificate is of %q", ok, whose("first"))
	}
	certify("bank-1", "second")
	certify("z2m", "third")
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	r = open(t, path)
	for certificate, want := range map[string]string{"first": "", "second": "bank-1", "third": "z2m", "": ""} {
		if got := whose(certificate); got != want {
			t.Errorf("certificate %q is of %q, want %q", certificate, got, want)
		}
	}
	if _, err := r.Change(Author{}, "bank-1", []byte(`{"retired":true}`)); err != nil {
		t.Fatal(err)
	}
	if whose("second") != "" || r.Snapshot().HasSecret("bank-1") {
		t.Error("a revoked certificate works")
	}
	if _, err := r.Issue("z2m"); err != nil || whose("third") != "" {
		t.Errorf("a replaced certificate works: %v", err)
	}
	certify("z2m", "fourth")
	err = r.Update(func(tx *Tx) error { return tx.Certify("nobody", []byte("x")) })
	if err == nil || !strings.Contains(err.Error(), "not registered") {
		t.Errorf("certified nobody: %v", err)
	}
	var changes []string
	for _, id := range []string{"bank-1", "z2m"} {
		list, err := difference(&Snapshot{}, r.Snapshot(), map[place][]byte{{Certificates, id}: nil}, Author{})
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			changes = append(changes, c.ID+" "+strings.Join(c.Fields, ","))
		}
	}
	if got := strings.Join(changes, ";"); got != "z2m certificate" {
		t.Errorf("changes %q", got)
	}
	d := r.Snapshot().Devices["z2m"]
	d.Retired = true
	if err := r.Put(d); err != nil || whose("fourth") != "" {
		t.Errorf("a retired device is let in: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}
