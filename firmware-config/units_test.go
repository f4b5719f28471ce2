package firmwareconfig

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDurations(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0": 0, "250ms": 250 * time.Millisecond, "90d": 90 * day, "1d12h": 36 * time.Hour, "1.5h": 90 * time.Minute, "0.5d": 12 * time.Hour,
	} {
		if got, ok := parseDuration(s); !ok || got != want {
			t.Errorf("parseDuration(%q) = %s, %t, want %s", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "250", "-1s", "1d-1h", "-1d", "d", "1dd", "NaNd", "1e3d", "1_0d", "200000d", "106751d24h", "soon", "1 d"} {
		if got, ok := parseDuration(s); ok {
			t.Errorf("parseDuration(%q) = %s", s, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		want := time.Duration(rapid.Int64Range(0, math.MaxInt64).Draw(t, "nanoseconds"))
		s := formatDuration(want)
		if got, ok := parseDuration(s); !ok || got != want {
			t.Fatalf("%d ns is written %q and read as %d, %t", want, s, got, ok)
		}
	})
}

func TestSizes(t *testing.T) {
	for s, want := range map[string]Size{
		"0": 0, "1B": 1, "512MB": 512e6, "512 MB": 512e6, "1.5GiB": 3 << 29, "2KiB": 2048, "64MiB": 64 << 20, "1TB": 1e12,
	} {
		if got, ok := parseSize(s); !ok || got != want {
			t.Errorf("parseSize(%q) = %d, %t, want %d", s, got, ok, want)
		}
	}
	for _, s := range []string{"", "512", "512mb", "MB", "-1MB", "1e3MB", "1_0MB", "NaNMB", "InfMB", "0x1MB", "10000000TB", "1..5MB"} {
		if got, ok := parseSize(s); ok {
			t.Errorf("parseSize(%q) = %d", s, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		want := Size(rapid.Int64Range(0, 1<<53).Draw(t, "bytes"))
		if got, ok := parseSize(want.String()); !ok || got != want {
			t.Fatalf("%d bytes are written %q and read as %d, %t", int64(want), want, int64(got), ok)
		}
	})
}
