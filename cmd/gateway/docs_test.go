package main

import (
	"os"
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/cabinet"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/wearable"
)

func readDoc(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every module that go.mod requires for itself has its line of reason.
func TestEachDependencyHasAReason(t *testing.T) {
	reasons := readDoc(t, "ARCHITECTURE.md")
	direct := 0
	for line := range strings.Lines(readDoc(t, "go.mod")) {
		fields := strings.Fields(line)
		if len(fields) != 2 || !strings.HasPrefix(fields[1], "v") {
			continue // not a requirement, or an indirect one
		}
		direct++
		if !strings.Contains(reasons, "| "+fields[0]+" |") {
			t.Errorf("ARCHITECTURE.md has no reason for %s", fields[0])
		}
	}
	if direct < 10 {
		t.Errorf("found %d direct dependencies only", direct)
	}
}

// Every type that a device may report is in the page for device makers.
func TestEachTypeIsDocumented(t *testing.T) {
	page := readDoc(t, "deploy/docs/topics.md")
	for _, specs := range [][]devices.Spec{locker.Specs(), cabinet.Specs(), wearable.Specs()} {
		for _, s := range specs {
			if !strings.Contains(page, "`"+string(s.Type)+"`") {
				t.Errorf("topics.md does not tell of %s", s.Type)
			}
		}
	}
}

// Every command is in both READMEs.
func TestEachCommandIsInTheReadme(t *testing.T) {
	for _, file := range []string{"README.md", "README.zh-CN.md"} {
		text := readDoc(t, file)
		for _, c := range rootCommand("zh-CN", nil, nil, nil).Commands() {
			if !c.Hidden && !strings.Contains(text, c.Name()) {
				t.Errorf("%s does not name the command %s", file, c.Name())
			}
		}
	}
}
