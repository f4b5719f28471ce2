package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/texts"
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

// Every type that a device may report is in the table for device makers, at
// its kind and with its urgency, and no other is.
func TestEachTypeIsDocumented(t *testing.T) {
	_, table, _ := strings.Cut(readDoc(t, "deploy/docs/topics.md"), "| --- | --- | --- | --- |\n")
	told := map[string]bool{} // whether it is urgent, by kind and type
	var at, everyKind []string
	for _, name := range kinds.Names() {
		everyKind = append(everyKind, string(name))
	}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 {
			break
		}
		if names := inBackquotes(cells[1]); len(names) > 0 {
			at = names
		} else if strings.TrimSpace(cells[1]) == "all" {
			at = everyKind
		}
		for _, name := range inBackquotes(cells[2]) {
			for _, kind := range at {
				told[kind+" "+name] = strings.Contains(cells[4], "urgent")
			}
		}
	}
	for _, k := range kinds.All() {
		for _, s := range k.Specs() {
			key := string(k.Name) + " " + string(s.Type)
			urgent, ok := told[key]
			if !ok || urgent != (s.Urgency == devices.Urgent) {
				t.Errorf("topics.md has %s of %s: %t, as urgent: %t", s.Type, k.Name, ok, urgent)
			}
			delete(told, key)
		}
	}
	if len(told) > 0 {
		t.Errorf("topics.md has what no device reports: %v", told)
	}
}

func inBackquotes(cell string) []string {
	var names []string
	for i, part := range strings.Split(cell, "`") {
		if i%2 == 1 {
			names = append(names, part)
		}
	}
	return names
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

// What pages, messages, examples and the configuration tell people to type is
// there once the package is installed: linli, the command and its options.
func TestEachCommandThatIsNamedExists(t *testing.T) {
	root := rootCommand("en", nil, nil, nil)
	var examples strings.Builder
	eachCommand(root, func(c *cobra.Command) { examples.WriteString(c.Example + "\n") })
	said := map[string]string{"examples": examples.String()}
	for _, pattern := range []string{"*.md", "deploy/docs/*.md", "deploy/docs/adr/*.md", "deploy/etc/*", "sync/province/contract/*.md", "devices/texts/*.go"} {
		files, err := filepath.Glob("../../" + pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			file = strings.TrimPrefix(file, "../../")
			said[file] = readDoc(t, file)
		}
	}
	named := regexp.MustCompile("(?m)(?:^|[^-/.\\w])(linli|gateway) ([a-z]+(?: [^\n`\"|()（）；，。]+)?)")
	found := 0
	for file, text := range said {
		for _, m := range named.FindAllStringSubmatch(text, -1) {
			words := strings.Fields(m[2])
			top, _, _ := root.Find(words[:1])
			if m[1] == "gateway" {
				if top != root {
					t.Errorf("%s names gateway %s: what is installed is linli", file, m[2])
				}
				continue
			}
			if slices.Contains([]string{"must", "can", "gateway"}, words[0]) {
				continue // of the user linli
			}
			found++
			cmd, rest, err := root.Find(words)
			if err != nil || cmd == root || cmd.HasSubCommands() && len(rest) > 0 && regexp.MustCompile("^[a-z]+$").MatchString(rest[0]) {
				t.Errorf("%s names linli %s, which is no command (%v)", file, m[2], err)
				continue
			}
			for _, word := range rest {
				name, _, _ := strings.Cut(strings.TrimRight(word, ".:,"), "=")
				if name, ok := strings.CutPrefix(name, "--"); ok && name != "help" && cmd.Flag(name) == nil {
					t.Errorf("%s names linli %s, which has no option --%s", file, m[2], name)
				}
			}
		}
	}
	if found < 100 {
		t.Errorf("found %d commands only", found)
	}
}

// Both READMEs promise the same, shown by the same commands in the same order,
// and each test that these choose by name is there.
func TestReadmesPromiseTheSame(t *testing.T) {
	shown := regexp.MustCompile("`((?:go|make) [^`]+)`")
	var before [][]string
	for _, file := range []string{"README.md", "README.zh-CN.md"} {
		_, table, _ := strings.Cut(readDoc(t, file), "`make campaign`")
		table, _, _ = strings.Cut(table, "\n## ")
		var rows [][]string
		for line := range strings.Lines(table) {
			var commands []string
			for _, m := range shown.FindAllStringSubmatch(line, -1) {
				commands = append(commands, m[1])
			}
			rows = append(rows, commands)
		}
		if before == nil {
			before = rows
		}
		for i := range max(len(rows), len(before)) {
			if i >= len(rows) || i >= len(before) || !slices.Equal(rows[i], before[i]) {
				t.Fatalf("%s and the other differ from this row on:\n%q\n%q", file, rows[min(i, len(rows)):], before[min(i, len(before)):])
			}
		}
	}
	if len(before) < 30 {
		t.Errorf("found %d rows only", len(before))
	}
	chosen := regexp.MustCompile(`-(run|bench) '?([^' ]+)`)
	for _, command := range slices.Concat(before...) {
		for _, m := range chosen.FindAllStringSubmatch(command, -1) {
			for pattern := range strings.SplitSeq(m[2], "|") {
				if pattern != "^$" && !thereIs(t, map[string]string{"run": "Test", "bench": "Benchmark"}[m[1]], pattern, command) {
					t.Errorf("%s chooses nothing by %s", command, pattern)
				}
			}
		}
	}
}

// thereIs tells whether a folder that a command names has such a test.
func thereIs(t *testing.T, kind, pattern, command string) bool {
	t.Helper()
	test := regexp.MustCompile("(?m)^func (" + kind + `\w*)\(`)
	for word := range strings.FieldsSeq(command) {
		files, err := filepath.Glob("../../" + word + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			for _, m := range test.FindAllStringSubmatch(readDoc(t, strings.TrimPrefix(file, "../../")), -1) {
				if regexp.MustCompile(pattern).MatchString(m[1]) {
					return true
				}
			}
		}
	}
	return false
}

// Every link of a page leads to a file or a heading that is there.
func TestEachLinkLeadsSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]+))?\)`)
	heading := regexp.MustCompile(`(?m)^#+ (.+)$`)
	found := 0
	for _, pattern := range []string{"*.md", "deploy/docs/*.md", "deploy/docs/adr/*.md", "sync/province/contract/*.md"} {
		files, err := filepath.Glob("../../" + pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			file = strings.TrimPrefix(file, "../../")
			for _, m := range link.FindAllStringSubmatch(readDoc(t, file), -1) {
				found++
				target := file
				if m[1] != "" {
					target = filepath.Join(filepath.Dir(file), m[1])
				}
				if info, err := os.Stat("../../" + target); err != nil || m[2] == "" {
					if err != nil || info.IsDir() && m[2] != "" {
						t.Errorf("%s has a link to %s, which is not there", file, m[1])
					}
					continue
				}
				var anchors []string
				for _, h := range heading.FindAllStringSubmatch(readDoc(t, target), -1) {
					anchors = append(anchors, strings.ReplaceAll(strings.ToLower(h[1]), " ", "-"))
				}
				if !slices.Contains(anchors, m[2]) {
					t.Errorf("%s has a link to %s#%s, which has no such heading", file, m[1], m[2])
				}
			}
		}
	}
	if found < 50 {
		t.Errorf("found %d links only", found)
	}
}

// Metrics that pages name are there, and those of the broker are all on its
// page.
func TestEachMetricThatIsNamedExists(t *testing.T) {
	var source strings.Builder
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			source.WriteString(readDoc(t, strings.TrimPrefix(path, "../../")))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	metric := regexp.MustCompile("linli_[a-z_]+")
	for _, file := range []string{"README.md", "README.zh-CN.md", "deploy/docs/channels.md", "deploy/docs/topics.md", "deploy/docs/mqtt.md", "deploy/docs/mqtt.zh-CN.md"} {
		for _, name := range metric.FindAllString(readDoc(t, file), -1) {
			if !strings.Contains(source.String(), `"`+name+`"`) {
				t.Errorf("%s names %s, which is no metric", file, name)
			}
		}
	}
	page := readDoc(t, "deploy/docs/mqtt.md")
	for _, name := range metric.FindAllString(readDoc(t, "devices/mqtt/metrics.go"), -1) {
		if !strings.Contains(page, "`"+name) {
			t.Errorf("mqtt.md lacks %s", name)
		}
	}
}

// No help says what a value is in the words of a programmer, or in another
// language than the reader's.
func TestHelpNamesValues(t *testing.T) {
	value := regexp.MustCompile(`(?m)^ +(?:-\w, )?--[a-z-]+ ([^ ]+)  `)
	for lang, may := range map[texts.Lang]string{texts.Chinese: `^\p{Han}+(,…)?$`, texts.English: `^[A-Z]+(,…)?$`} {
		found := 0
		eachCommand(rootCommand(lang, nil, nil, nil), func(c *cobra.Command) {
			for _, m := range value.FindAllStringSubmatch(flagUsages(c.Flags(), lang), -1) {
				if found++; !regexp.MustCompile(may).MatchString(m[1]) {
					t.Errorf("%s: %s", c.CommandPath(), m[0])
				}
			}
		})
		if found < 100 {
			t.Errorf("found %d values only", found)
		}
	}
}
