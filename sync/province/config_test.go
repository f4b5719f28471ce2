package province

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestConfig(t *testing.T) {
	good := Config{URL: "https://platform.example/v1/rows", Box: "box-1", Secret: []byte(secret)}
	if err := good.Validate(); err != nil {
		t.Errorf("refused: %v", err)
	}
	for _, url := range []string{"http://localhost:8080/v1/rows", "http://127.0.0.1/v1/rows", "http://[::1]:80/"} {
		c := good
		if c.URL = url; c.Validate() != nil {
			t.Errorf("%s refused: %v", url, c.Validate())
		}
	}
	for want, spoil := range map[string]func(*Config){
		"https://host/path":    func(c *Config) { c.URL = "platform.example" },
		"(got \"ftp://x/\")":   func(c *Config) { c.URL = "ftp://x/" },
		"user:pw":              func(c *Config) { c.URL = "https://user:pw@host/" },
		"http is for":          func(c *Config) { c.URL = "http://10.0.0.1/v1/rows" },
		"(got \"http://127.e":  func(c *Config) { c.URL = "http://127.example/" },
		"box ID":               func(c *Config) { c.Box = "Box 1" },
		"secret":               func(c *Config) { c.Secret = []byte("short") },
		"interval must not be": func(c *Config) { c.Interval = -time.Second },
	} {
		c := good
		spoil(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// The boxes of a full province spread over the interval, each always at its
// own moment.
func TestSlots(t *testing.T) {
	const boxes, interval = 54_000, time.Hour
	now := time.Date(2026, 11, 23, 8, 17, 3, 0, time.UTC)
	var minutes [60]int
	for i := range boxes {
		box := fmt.Sprintf("box-%05d", i)
		wait := untilSlot(box, interval, now)
		if wait <= 0 || wait > interval {
			t.Fatalf("%s waits %v", box, wait)
		}
		minutes[wait/time.Minute%60]++
		later := now.Add(wait / 2)
		if again := later.Add(untilSlot(box, interval, later)); !again.Equal(now.Add(wait)) && wait != 1 {
			t.Fatalf("%s is due at %v, asked again at %v", box, now.Add(wait), again)
		}
		if next := untilSlot(box, interval, now.Add(wait)); next != interval {
			t.Fatalf("%s is due again after %v", box, next)
		}
	}
	for minute, n := range minutes {
		if mean := boxes / 60; n > mean*115/100 {
			t.Errorf("minute %d has %d boxes, the mean is %d", minute, n, mean)
		}
	}
}
