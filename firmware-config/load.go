package firmwareconfig

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/linli-edge/gateway/devices/texts"
)

// maxFile is the largest configuration file read, in bytes.
const maxFile = 64 << 10

// Load reads a configuration file, completes it by defaults and validates it,
// secret files included. An error is one message for a person, in both
// languages; the process that shows it ends with exit code 2.
func Load(path string) (Config, error) { return load(path, Config.check) }

// Check is Load for who will not run the gateway: what it names has to be
// readable by the user that does, too.
func Check(path string) (Config, error) {
	return load(path, func(c Config) *problem { return cmp.Or(c.check(), c.checkReaders()) })
}

func load(path string, check func(Config) *problem) (Config, error) {
	src, p := read(path)
	if p != nil {
		return Config{}, p.at(path, nil, place{})
	}
	cfg, places, f := decode(src)
	if f != nil {
		return Config{}, f.problem.at(path, src, f.at)
	}
	if p := check(cfg); p != nil {
		return Config{}, p.at(path, src, placed(places, p.field))
	}
	return cfg, nil
}

func read(path string) ([]byte, *problem) {
	t := texts.Config
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, wrong("", texts.Errorf(t.Missing), texts.Errorf(t.MissingMend))
	case err != nil:
		return nil, wrong("", texts.Errorf(t.Unreadable, Cause(err)), texts.Errorf(t.UnreadableMend))
	case !info.Mode().IsRegular():
		return nil, wrong("", texts.Errorf(t.IsFolder), texts.Errorf(t.IsFolderMend))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, wrong("", texts.Errorf(t.Unreadable, Cause(err)), texts.Errorf(t.UnreadableMend))
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, wrong("", texts.Errorf(t.Unreadable, Cause(err)), texts.Errorf(t.UnreadableMend))
	}
	if len(src) > maxFile {
		return nil, wrong("", texts.Errorf(t.TooLarge, maxFile), texts.Errorf(t.TooLargeMend))
	}
	return bytes.TrimPrefix(src, []byte("\uFEFF")), nil
}

// Cause is the reason of a file error, in both languages where it is a common
// one, without the path, which the message has already.
func Cause(err error) error {
	var p *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return texts.Errorf(texts.Config.Missing)
	case errors.Is(err, fs.ErrPermission):
		return texts.Errorf(texts.Config.Denied)
	}
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// decode reads src over the defaults.
func decode(src []byte) (Config, map[string]place, *failure) {
	if at := notUTF8(src); at.line > 0 {
		return Config{}, nil, &failure{wrong("", texts.Errorf(texts.Config.NotUTF8), texts.Errorf(texts.Config.NotUTF8Mend)), at}
	}
	file, err := parser.ParseBytes(src, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		return Config{}, nil, syntaxFailure(err, src)
	}
	root, f := single(file)
	if f != nil {
		return Config{}, nil, f
	}
	cfg := base()
	d := decoder{places: map[string]place{}, keys: map[string]place{}}
	if f := d.section(root, "", reflect.ValueOf(&cfg).Elem()); f != nil {
		return Config{}, nil, f
	}
	cfg.complete()
	return cfg, d.places, nil
}

// single is the body of a file's only document.
func single(file *ast.File) (ast.Node, *failure) {
	var root ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if root != nil {
			return nil, fail(doc.Body, "", texts.Errorf(texts.Config.SecondDocument), texts.Errorf(texts.Config.OneFile))
		}
		root = doc.Body
	}
	if root == nil || root.Type() == ast.NullType || root.Type() == ast.CommentType {
		return nil, &failure{problem: wrong("", texts.Errorf(texts.Config.Empty), texts.Errorf(texts.Config.EmptyMend))}
	}
	return root, nil
}

// notUTF8 is the place of the first byte that is no UTF-8, or a NUL.
func notUTF8(src []byte) place {
	line, column := 1, 1
	for len(src) > 0 {
		r, n := utf8.DecodeRune(src)
		if r == utf8.RuneError && n == 1 || r == 0 {
			return place{line, column}
		}
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
		src = src[n:]
	}
	return place{}
}

// placed is where a field stands, or the nearest section around it that does.
func placed(places map[string]place, field string) place {
	for field != "" {
		if at, ok := places[field]; ok {
			return at
		}
		field = field[:max(0, strings.LastIndexAny(field, ".["))]
	}
	return place{}
}
