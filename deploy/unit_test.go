package deploy_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
)

const unitFile = "systemd/linli-gateway.service"

// maxExposure is the score of `systemd-analyze security` that the unit may
// have, times ten; 100 is a service without any sandbox.
const maxExposure = "20"

func TestUnitIsSandboxed(t *testing.T) {
	run(t, "systemd-analyze", "security", "--offline=true", "--threshold="+maxExposure, unitFile)
}

func TestUnitIsValid(t *testing.T) {
	src := readUnit(t)
	// The binary is not installed here; any other will do for the check.
	here := strings.NewReplacer("ExecStart=/usr/bin/linli-gateway ", "ExecStart=/bin/true ", "=-/usr/bin/linli-gateway ", "=-/bin/true ").Replace(src)
	if here == src {
		t.Fatal("the unit does not start /usr/bin/linli-gateway")
	}
	path := filepath.Join(t.TempDir(), "linli-gateway.service")
	if err := os.WriteFile(path, []byte(here), 0o644); err != nil {
		t.Fatal(err)
	}
	if out := run(t, "systemd-analyze", "verify", "--man=no", path); out != "" {
		t.Errorf("verify: %s", out)
	}
}

// What the unit allows is what the installed configuration asks for.
func TestUnitFitsTheConfiguration(t *testing.T) {
	cfg, err := firmwareconfig.Load("etc/gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	unit := map[string]string{}
	for line := range strings.Lines(readUnit(t)) {
		if key, value, found := strings.Cut(strings.TrimSpace(line), "="); found {
			unit[key] = value
		}
	}
	for key, want := range map[string]string{
		"ExecStart":             "/usr/bin/linli-gateway run --config /etc/linli/gateway.yaml",
		"ExecStopPost":          "-/usr/bin/linli-gateway gpio release --config /etc/linli/gateway.yaml",
		"Type":                  "notify",
		"Restart":               "always",
		"StartLimitIntervalSec": "0",
		"StateDirectory":        strings.TrimPrefix(cfg.Data, "/var/lib/"),
		"RuntimeDirectory":      strings.TrimPrefix(filepath.Dir(cfg.Socket), "/run/"),
		"CapabilityBoundingSet": "",
		// Reads the synchronisation of the clock, see the unit.
		"SystemCallFilter": "adjtimex clock_adjtime clock_adjtime64",
	} {
		if got, found := unit[key]; !found || got != want {
			t.Errorf("%s=%s, want %s", key, got, want)
		}
	}
	if _, found := unit["ProtectClock"]; found {
		t.Error("ProtectClock forbids asking whether the clock is synchronised")
	}
}

func TestScriptsParse(t *testing.T) {
	for _, script := range []string{"../.ci/run", "deps", "vulnerabilities", "deb/notices"} {
		run(t, "bash", "-n", script)
		if info, err := os.Stat(script); err != nil || info.Mode()&0o100 == 0 {
			t.Errorf("%s cannot be run (%v)", script, err)
		}
	}
}

func readUnit(t *testing.T) string {
	src, err := os.ReadFile(unitFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}
