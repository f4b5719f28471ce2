package texts

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// Every text of the catalogue is in both languages, and asks for the same
// arguments in both.
func TestCatalogueIsComplete(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	look := func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok || len(lit.Elts) != 2 {
			return true
		}
		zh, ok1 := lit.Elts[0].(*ast.BasicLit)
		en, ok2 := lit.Elts[1].(*ast.BasicLit)
		if !ok1 || !ok2 || zh.Kind != token.STRING || en.Kind != token.STRING {
			return true
		}
		seen++
		z, _ := strconv.Unquote(zh.Value)
		e, _ := strconv.Unquote(en.Value)
		if z == "" || e == "" {
			t.Errorf("a language is empty: {%q, %q}", z, e)
		}
		if strings.ContainsFunc(e, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("Chinese in the English text %q", e)
		}
		if !slices.Equal(verbs(z), verbs(e)) {
			t.Errorf("different arguments: %q %q", z, e)
		}
		return true
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, look)
	}
	if seen < 100 {
		t.Errorf("found %d texts only", seen)
	}
}

var verb = regexp.MustCompile(`%[-+# 0-9.]*(\[\d+\])?[a-zA-Z]`)

// verbs are compared in order unless they are numbered.
func verbs(s string) []string {
	found := verb.FindAllString(strings.ReplaceAll(s, "%%", ""), -1)
	if strings.Contains(s, "%[") {
		slices.Sort(found)
	}
	return found
}

func TestErrorsSpeakBothLanguages(t *testing.T) {
	cause := errors.New("disk full")
	inner := Errorf(Text{"写入失败：%v", "write failed: %v"}, cause)
	err := Errorf(Text{"备份：%v", "backup: %v"}, inner)
	if got := Of(err, Chinese); got != "备份：写入失败：disk full" {
		t.Errorf("Chinese: %q", got)
	}
	if got := err.Error(); got != "backup: write failed: disk full" {
		t.Errorf("English: %q", got)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
}

func TestLocale(t *testing.T) {
	for tag, want := range map[string]Lang{
		"": Chinese, "C.UTF-8": Chinese, "zh_CN.UTF-8": Chinese, "en_GB.UTF-8": English, "en-US": English, "EN": English, "endonym": Chinese,
	} {
		if got := Parse(tag); got != want {
			t.Errorf("Parse(%q) = %s, want %s", tag, got, want)
		}
	}
}

// The first variable that is set counts, and what is not English is Chinese.
func TestFromLocale(t *testing.T) {
	for _, c := range []struct {
		all, messages, lang string
		want                Lang
	}{
		{"", "", "", Chinese},
		{"", "", "en_GB.UTF-8", English},
		{"", "zh_CN.UTF-8", "en_US.UTF-8", Chinese},
		{"en_US.UTF-8", "zh_CN.UTF-8", "zh_CN.UTF-8", English},
		{"C.UTF-8", "", "en_US.UTF-8", Chinese},
	} {
		t.Setenv("LC_ALL", c.all)
		t.Setenv("LC_MESSAGES", c.messages)
		t.Setenv("LANG", c.lang)
		if got := FromLocale(); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
