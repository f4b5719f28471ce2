package sheet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
)

const (
	maxDepth = 32
	maxLine  = 4096 // bytes
)

func (s *Sheet) readYAML(text string) (err error) {
	if err := s.tooDeep(text); err != nil {
		return err
	}
	file, err := parser.ParseBytes([]byte(text), 0)
	if err != nil {
		var syntax yaml.Error
		at := position{line: 1}
		if errors.As(err, &syntax) && syntax.GetToken() != nil {
			at = position{line: syntax.GetToken().Position.Line, column: syntax.GetToken().Position.Column}
			err = errors.New(syntax.GetMessage())
		}
		return s.wrong(at, texts.Errorf(texts.Sheet.YAML, err))
	}
	for _, document := range file.Docs {
		if document.Body == nil {
			continue
		}
		if reference := aliased(document.Body); reference != nil {
			return s.wrong(placeOf(reference), texts.Errorf(texts.Sheet.Alias))
		}
		for _, t := range pairs(document.Body) {
			if err := s.yamlTable(t); err != nil {
				return err
			}
		}
		if pairs(document.Body) == nil {
			return s.wrong(placeOf(document.Body), texts.Errorf(texts.Sheet.Tables, strings.Join(tableNames(), ", ")))
		}
	}
	return nil
}

func (s *Sheet) yamlTable(t *ast.MappingValueNode) error {
	table := registry.Table(keyOf(t))
	if _, ok := registry.Blank(table, "x"); !ok || table == registry.Verdicts {
		return s.wrong(placeOf(t.Key), texts.Errorf(texts.Sheet.Table, keyOf(t), strings.Join(tableNames(), ", ")))
	}
	list, ok := t.Value.(*ast.SequenceNode)
	if !ok {
		return s.wrong(placeOf(t.Value), texts.Errorf(texts.Sheet.List, keyOf(t)))
	}
	for _, n := range list.Values {
		r := row{table: table, line: placeOf(n).line, fields: map[string]field{}}
		known, _ := registry.Blank(table, "x")
		for _, p := range pairs(n) {
			name := keyOf(p)
			f := field{at: placeOf(p.Key)}
			if err := yaml.NodeToValue(p.Value, &f.value); err != nil {
				return s.wrong(f.at, texts.Errorf(texts.Sheet.YAML, err))
			}
			if text, ok := f.value.(string); ok && name == "kind" {
				f.value = kindOf(text, calledKinds())
			}
			one := row{fields: map[string]field{name: f}}
			if _, err := one.onto(known); err != nil && name != "id" {
				return s.wrong(f.at, texts.Errorf(texts.Sheet.Field, name, keyOf(t), err))
			}
			r.fields[name] = f
		}
		switch id := r.fields["id"].value.(type) {
		case string:
			r.id = id
		case uint64, int64: // a room number, without quotes
			r.id = fmt.Sprint(id)
			r.fields["id"] = field{r.id, r.fields["id"].at}
		}
		if devices.CheckCode("id", r.id) != nil {
			return s.wrong(r.place("id"), texts.Errorf(texts.Registry.ID, r.id))
		}
		if err := s.add(r); err != nil {
			return err
		}
	}
	return nil
}

// tooDeep bounds what the parser, which is recursive, is given: it cannot nest
// deeper than brackets are open, or a line is indented.
func (s *Sheet) tooDeep(text string) error {
	open, line := 0, 0
	for l := range strings.Lines(text) {
		line++
		if len(l) > maxLine {
			return s.wrong(position{line: line}, texts.Errorf(texts.Sheet.LongLine, maxLine))
		}
		indent, dashes := 0, 0
		for _, c := range l {
			if c == '-' {
				dashes++
			} else if c != ' ' {
				break
			}
			indent++
		}
		for _, c := range l {
			switch c {
			case '[', '{':
				open++
			case ']', '}':
				open = max(0, open-1)
			}
		}
		if open > maxDepth || dashes > maxDepth || indent > 8*maxDepth {
			return s.wrong(position{line: line}, texts.Errorf(texts.Sheet.Deep, maxDepth))
		}
	}
	return nil
}

// aliased is the first anchor or alias of a document, nil if there is none.
func aliased(body ast.Node) (found ast.Node) {
	ast.Walk(visitor(func(n ast.Node) {
		switch n.(type) {
		case *ast.AnchorNode, *ast.AliasNode, *ast.MergeKeyNode:
			if found == nil {
				found = n
			}
		}
	}), body)
	return found
}

type visitor func(ast.Node)

// Visit calls v for each node.
func (v visitor) Visit(n ast.Node) ast.Visitor {
	v(n)
	return v
}

func pairs(n ast.Node) []*ast.MappingValueNode {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}
	}
	return nil
}

func keyOf(p *ast.MappingValueNode) string { return p.Key.GetToken().Value }

func placeOf(n ast.Node) position {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return position{line: t.Position.Line, column: t.Position.Column}
	}
	return position{line: 1}
}

func tableNames() []string {
	var names []string
	for _, t := range registry.Tables() {
		if t != registry.Verdicts {
			names = append(names, string(t))
		}
	}
	return names
}
