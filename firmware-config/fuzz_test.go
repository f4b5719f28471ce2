package firmwareconfig

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/linli-edge/gateway/devices/texts"
)

func equal(a, b Config) bool { return reflect.DeepEqual(a, b) }

// Whatever stands in a file, Load either gives a configuration that validates
// or a complete message in both languages that points into the file.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"testdata/bad/*.yaml", "testdata/good/*.yaml", "../deploy/etc/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		path := filepath.Join(t.TempDir(), "f.yaml")
		write(t, path, string(src), 0o600)
		cfg, err := Load(path)
		if err == nil {
			if err := cfg.Validate(); err != nil {
				t.Fatalf("loaded and invalid: %v", err)
			}
			return
		}
		for _, lang := range []texts.Lang{texts.Chinese, texts.English} {
			message := texts.Of(err, lang)
			if !utf8.ValidString(message) || strings.Contains(message, "%!") && !strings.Contains(string(src), "%!") || !strings.HasPrefix(message, path) {
				t.Errorf("message %q", message)
			}
		}
	})
}
