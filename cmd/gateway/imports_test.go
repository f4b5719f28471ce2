package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/linli-edge/gateway"

// layers are the rooms of the house, from the ground up: a package may import
// packages of lower layers, and of its own only where it is listed in
// neighbours. The longest prefix decides to which layer a folder belongs.
var layers = map[string]int{
	"devices":                0,
	"sync/journal":           1,
	"sync/alert":             2,
	"sync/usage":             2,
	"sync/dispatch":          2,
	"sync/notify":            3,
	"sync/province":          3,
	"sync/province/receiver": 3,
	"firmware-config":        4,
	"cmd/gateway/internal":   5,
	"cmd/gateway":            6,
	"cmd/platform":           6,
	"deploy":                 6,
}

// neighbours may be imported within a layer.
var neighbours = map[string][]string{
	"devices":                {"devices"}, // refined by groundFloor
	"sync/notify":            {"sync/notify"},
	"sync/province":          {"sync/province"},
	"sync/province/receiver": {"sync/province"},
	"cmd/gateway/internal":   {"cmd/gateway/internal"},
	"deploy":                 {"deploy"},
}

// reserved says who may import a library at all, tests included.
var reserved = []struct {
	library string
	rooms   []string
}{
	{"go.etcd.io/bbolt", []string{"sync/journal", "devices/registry", "devices/salvage", "devices/salvage", "devices/mqtt", "sync/province/receiver"}},
	{"github.com/eclipse/paho.mqtt.golang", []string{"devices/mqtt", "sync/province", "cmd/gateway/internal/simulate"}},
	{"periph.io", []string{"devices/gpio"}},
	{"github.com/warthog618/go-gpiocdev", []string{"devices/gpio"}},
	{"github.com/expr-lang/expr", []string{"devices/profile"}},
	{"github.com/wneessen/go-mail", []string{"sync/notify"}},
	{"go.bug.st/serial", []string{"sync/notify"}},
	{"github.com/warthog618/sms", []string{"sync/notify"}},
	{"github.com/spf13/cobra", []string{"cmd/gateway"}},
}

func TestImports(t *testing.T) {
	files, imports := 0, 0
	eachImport(t, func(file, folder, imported string) {
		imports++
		for _, r := range reserved {
			if within(imported, r.library) && !withinAny(folder, r.rooms) {
				t.Errorf("%s imports %s, which is for %s only", file, imported, strings.Join(r.rooms, ", "))
			}
		}
		target, own := strings.CutPrefix(imported, module+"/")
		if !own {
			return
		}
		from, to := layer(folder), layer(target)
		if from == "" || to == "" {
			t.Errorf("%s: no layer for %s or %s", file, folder, target)
			return
		}
		test := strings.HasSuffix(file, "_test.go")
		switch {
		case layers[to] < layers[from]:
		case layers[to] > layers[from]:
			t.Errorf("%s imports %s: imports run downward only", file, imported)
		case folder == target, withinAny(to, neighbours[from]):
		case test && strings.HasPrefix(target, folder): // a test of a package and its children
		default:
			t.Errorf("%s imports %s: these two never know each other", file, imported)
		}
	}, func() { files++ })
	if files < 30 || imports < 100 {
		t.Errorf("looked at %d files and %d imports only: is the test run in its folder?", files, imports)
	}
}

// The vocabulary at the bottom needs nothing but the standard library.
func TestVocabularyStandsAlone(t *testing.T) {
	eachImport(t, func(file, folder, imported string) {
		if folder == "devices" && !strings.HasSuffix(file, "_test.go") && strings.Contains(imported, ".") {
			t.Errorf("%s imports %s", file, imported)
		}
	}, func() {})
}

func eachImport(t *testing.T, visit func(file, folder, imported string), file func()) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && p != root && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(p, ".go") {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		file()
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range f.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			visit(rel, path.Dir(filepath.ToSlash(rel)), imported)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// layer is the longest listed prefix of a folder.
func layer(folder string) string {
	best := ""
	for r := range layers {
		if within(folder, r) && len(r) > len(best) {
			best = r
		}
	}
	return best
}

func within(folder, parent string) bool {
	return folder == parent || strings.HasPrefix(folder, parent+"/")
}

func withinAny(folder string, parents []string) bool {
	for _, p := range parents {
		if within(folder, p) {
			return true
		}
	}
	return false
}
