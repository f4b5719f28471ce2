package kinds_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/kinds"
	"github.com/linli-edge/gateway/devices/texts"
)

// The list is whole: every package that declares a kind is on it, with names
// and glyphs of its own.
func TestEveryKindIsListed(t *testing.T) {
	sources, err := filepath.Glob("../*/*.go")
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for _, file := range sources {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		_, rest, ok := strings.Cut(string(source), "\nconst Kind devices.Kind = \"")
		if !ok {
			continue
		}
		declared++
		name, _, _ := strings.Cut(rest, `"`)
		k, ok := kinds.Of(devices.Kind(name))
		if !ok || string(k.Name) != name || filepath.Base(filepath.Dir(file)) != name || len(k.Specs()) == 0 {
			t.Errorf("%s declares %q, the list has %q with %d types", file, name, k.Name, len(k.Specs()))
		}
	}
	if all := len(kinds.All()); declared != all || all != len(kinds.Names()) || declared < 15 {
		t.Errorf("%d kinds are declared, %d listed", declared, all)
	}
	seen := map[string]devices.Kind{}
	for _, k := range kinds.All() {
		for _, lang := range []texts.Lang{texts.Chinese, texts.English} {
			for _, word := range []string{k.Text.In(lang), k.Glyph.In(lang)} {
				if other, twice := seen[word]; word == "" || twice {
					t.Errorf("%s and %s are both called %q", k.Name, other, word)
				}
				seen[word] = k.Name
			}
		}
	}
	if _, ok := kinds.Of("toaster"); ok {
		t.Error("a toaster is listed")
	}
}

// What calls people is urgent at every kind, and nothing else is: an ordinary
// report must never wait before an urgent one.
func TestUrgent(t *testing.T) {
	urgent := map[devices.Type]bool{"sos": true, "fall": true, "fall_cancelled": true, "smoke": true, "gas": true, "carbon_monoxide": true, "water": true}
	for _, k := range kinds.All() {
		for _, s := range k.Specs() {
			if s.Kind != k.Name || (s.Urgency == devices.Urgent) != urgent[s.Type] {
				t.Errorf("%s of %s is %s, of kind %s", s.Type, k.Name, s.Urgency, s.Kind)
			}
		}
	}
}

// A status is of every kind: it is what the birth and the will of a native
// device say.
func TestEveryKindHasAStatus(t *testing.T) {
	v := kinds.Vocabulary()
	for _, name := range kinds.Names() {
		p, _, err := v.Parse(name, "status", []byte(`{"online":false}`))
		if _, leveled := p.(devices.Leveled); err != nil || !leveled {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}
