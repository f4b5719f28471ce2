package firmwareconfig

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/linli-edge/gateway/devices/texts"
)

// decoder fills a struct from a syntax tree and notes where each field stands.
type decoder struct {
	places map[string]place // of a value, by dotted field
	keys   map[string]place // of a key
}

// failure is a problem with the place where it was found.
type failure struct {
	*problem
	at place
}

func placeOf(t *token.Token) place {
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{t.Position.Line, t.Position.Column}
}

func fail(n ast.Node, field string, reason, mend *texts.Error) *failure {
	return &failure{wrong(field, reason, mend), placeOf(n.GetToken())}
}

// section decodes a mapping into a struct. An empty section changes nothing.
func (d *decoder) section(n ast.Node, field string, into reflect.Value) *failure {
	if _, empty := n.(*ast.NullNode); empty {
		return nil
	}
	known := keysOf(into.Type())
	var entries []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.MappingNode:
		entries = n.Values
	case *ast.MappingValueNode:
		entries = []*ast.MappingValueNode{n}
	default:
		if f := d.plain(n, field); f != nil {
			return f
		}
		if s := n.GetToken().Value; misspelt(s, known) {
			return &failure{syntaxProblem("unexpected key name", s), placeOf(n.GetToken())}
		}
		return fail(n, field, texts.Errorf(texts.Config.SectionWanted, typeOf(n)),
			texts.Errorf(texts.Config.SectionMend, strings.Join(known, ", ")))
	}
	for _, e := range entries {
		if f := d.entry(e, field, known, into); f != nil {
			return f
		}
	}
	return nil
}

func (d *decoder) entry(e *ast.MappingValueNode, section string, known []string, into reflect.Value) *failure {
	if f := d.plain(e.Key, section); f != nil {
		return f
	}
	key := e.Key.GetToken().Value
	field := key
	if section != "" {
		field = section + "." + key
	}
	i := slices.Index(known, key)
	if i < 0 {
		if strings.ContainsFunc(key, fullWidth) {
			return &failure{fullWidthProblem(key), placeOf(e.Key.GetToken())}
		}
		mend := texts.Errorf(texts.Config.UnknownMend, strings.Join(known, ", "))
		if near := nearest(key, known); near != "" {
			mend = texts.Errorf(texts.Config.DidYou, near, strings.Join(known, ", "))
		}
		return fail(e.Key, field, texts.Errorf(texts.Config.UnknownKey), mend)
	}
	if first, twice := d.keys[field]; twice {
		return fail(e.Key, field, texts.Errorf(texts.Config.Duplicate, first.line), texts.Errorf(texts.Config.DuplicateMend))
	}
	d.keys[field] = placeOf(e.Key.GetToken())
	d.places[field] = placeOf(e.Value.GetToken())
	v := into.Field(i)
	if v.Kind() == reflect.Struct {
		return d.section(e.Value, field, v)
	}
	return d.value(e, field, into.Type().Field(i).Tag.Get("example"), v)
}

// value decodes one scalar or list.
func (d *decoder) value(e *ast.MappingValueNode, field, example string, into reflect.Value) *failure {
	n := e.Value
	if f := d.plain(n, field); f != nil {
		return f
	}
	key := e.Key.GetToken().Value
	mend := texts.Errorf(texts.Config.Example, key, example)
	if _, empty := n.(*ast.NullNode); empty {
		return fail(e.Key, field, texts.Errorf(texts.Config.NoValue), mend)
	}
	switch v := into.Addr().Interface().(type) {
	case *string:
		s, ok := textOf(n)
		if !ok {
			return fail(n, field, texts.Errorf(texts.Config.WrongType, texts.Config.WantText, typeOf(n)), mend)
		}
		*v = s
	case *time.Duration:
		s, ok := wordOf(n)
		if !ok {
			return fail(n, field, texts.Errorf(texts.Config.WrongType, texts.Config.WantDuration, typeOf(n)), mend)
		}
		if *v, ok = parseDuration(s); !ok {
			return fail(n, field, texts.Errorf(texts.Config.NotDuration, s), mend)
		}
	case *Size:
		s, ok := wordOf(n)
		if !ok {
			return fail(n, field, texts.Errorf(texts.Config.WrongType, texts.Config.WantSize, typeOf(n)), mend)
		}
		if *v, ok = parseSize(s); !ok {
			return fail(n, field, texts.Errorf(texts.Config.NotSize, s), mend)
		}
	case *int:
		s, ok := wordOf(n)
		number, err := strconv.Atoi(s)
		if !ok || err != nil {
			return fail(n, field, texts.Errorf(texts.Config.WrongType, texts.Config.WantNumber, typeOf(n)), mend)
		}
		*v = number
	case *bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			return fail(n, field, texts.Errorf(texts.Config.WrongType, texts.Config.WantBool, typeOf(n)), mend)
		}
		*v = b.Value
	case *[]string:
		mend = texts.Errorf(texts.Config.ListExample, key, example)
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			return fail(n, field, texts.Errorf(texts.Config.WrongType, texts.Config.WantList, typeOf(n)), mend)
		}
		return d.list(list, field, mend, v)
	default:
		// A field of Config that nobody can set: TestEachFieldCanBeSet finds it.
		return fail(e.Key, field, texts.Errorf(texts.Config.UnknownKey), mend)
	}
	return nil
}

func (d *decoder) list(n *ast.SequenceNode, field string, mend *texts.Error, into *[]string) *failure {
	*into = nil
	for i, item := range n.Values {
		one := field + "[" + itoa(i) + "]"
		if f := d.plain(item, one); f != nil {
			return f
		}
		s, ok := textOf(item)
		if !ok {
			return fail(item, one, texts.Errorf(texts.Config.WrongType, texts.Config.WantText, typeOf(item)), mend)
		}
		d.places[one] = placeOf(item.GetToken())
		*into = append(*into, s)
	}
	return nil
}

// misspelt says whether a text where a section belongs is a known key with the
// wrong sign behind it, "listen：:8080" or "listen:8080".
func misspelt(s string, known []string) bool {
	return slices.ContainsFunc(known, func(key string) bool {
		rest, found := strings.CutPrefix(s, key)
		r, _ := utf8.DecodeRuneInString(rest)
		return found && (r == ':' || r == ' ' || r == '=' || fullWidth(r))
	})
}

// plain refuses what YAML can do and a configuration does not need.
func (d *decoder) plain(n ast.Node, field string) *failure {
	switch n.(type) {
	case *ast.AnchorNode, *ast.AliasNode, *ast.TagNode, *ast.MergeKeyNode, *ast.MappingKeyNode:
		return fail(n, field, texts.Errorf(texts.Config.Fancy), texts.Errorf(texts.Config.FancyMend))
	}
	return nil
}

// textOf is the value of a string, quoted or not.
func textOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	}
	return "", false
}

// wordOf is a string, or a number as it is written: "0" and "90" are for the
// parser of units to judge.
func wordOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.IntegerNode, *ast.FloatNode:
		return n.GetToken().Value, true
	}
	return textOf(n)
}

// typeOf says what stands in the file, for a message.
func typeOf(n ast.Node) *texts.Error {
	written := n.GetToken().Value
	switch n.(type) {
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return texts.Errorf(texts.Config.IsNumber, written)
	case *ast.BoolNode:
		return texts.Errorf(texts.Config.IsBool, written)
	case *ast.SequenceNode:
		return texts.Errorf(texts.Config.IsList)
	case *ast.MappingNode, *ast.MappingValueNode:
		return texts.Errorf(texts.Config.IsSection)
	case *ast.NullNode:
		return texts.Errorf(texts.Config.IsNothing)
	}
	return texts.Errorf(texts.Config.IsText, short(written))
}

func keysOf(t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		keys = append(keys, f.Tag.Get("yaml"))
	}
	return keys
}
