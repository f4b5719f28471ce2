package firmwareconfig

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml/parser"
)

// Every field of the configuration is of a type that the decoder knows, and
// its example is understood.
func TestEachFieldCanBeSet(t *testing.T) {
	count := 0
	var walk func(of reflect.Type, keys []string)
	walk = func(of reflect.Type, keys []string) {
		for f := range of.Fields() {
			path := append(keys[:len(keys):len(keys)], f.Tag.Get("yaml"))
			if f.Type.Kind() == reflect.Struct {
				walk(f.Type, path)
				continue
			}
			count++
			value := f.Tag.Get("example")
			if f.Type.Kind() == reflect.Slice {
				value = "[" + value + "]"
			}
			var source string
			for depth, key := range path {
				source += "\n" + strings.Repeat(" ", depth) + key + ":"
			}
			source += " " + value
			file, err := parser.ParseBytes([]byte(source), 0)
			if err != nil {
				t.Errorf("%s: %v", source, err)
				continue
			}
			var c Config
			d := decoder{places: map[string]place{}, keys: map[string]place{}}
			if f := d.section(file.Docs[0].Body, "", reflect.ValueOf(&c).Elem()); f != nil {
				t.Errorf("%s: %v", source, f.problem)
			} else if reflect.ValueOf(c).IsZero() {
				t.Errorf("%s sets nothing", source)
			}
		}
	}
	walk(reflect.TypeFor[Config](), nil)
	if count < 50 {
		t.Errorf("found %d fields only", count)
	}
}

// Every option stands in the installed configuration, as a line or as one with
// a # before it, or in the page about what it belongs to.
func TestEachOptionIsShown(t *testing.T) {
	var shown string
	for _, file := range []string{"etc/gateway.yaml", "docs/channels.md", "docs/gpio.md"} {
		text, err := os.ReadFile("../deploy/" + file)
		if err != nil {
			t.Fatal(err)
		}
		shown += string(text)
	}
	var walk func(of reflect.Type, section string)
	walk = func(of reflect.Type, section string) {
		for f := range of.Fields() {
			key := f.Tag.Get("yaml")
			if !regexp.MustCompile("\\b" + key + ":").MatchString(shown) {
				t.Errorf("%s%s is in no example", section, key)
			}
			if f.Type.Kind() == reflect.Struct {
				walk(f.Type, section+key+".")
			}
		}
	}
	walk(reflect.TypeFor[Config](), "")
}
