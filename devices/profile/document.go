package profile

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/printer"
	"github.com/goccy/go-yaml/token"

	"github.com/linli-edge/gateway/devices/texts"
)

// document is a profile as it is written.
type document struct {
	Name     written   `yaml:"name"`
	Title    title     `yaml:"title"`
	Topics   []written `yaml:"topics"`
	Commands []written `yaml:"commands"`
	Settings settings  `yaml:"settings"`
	Messages []message `yaml:"messages"`
	Outgoing []order   `yaml:"outgoing"`
}

type title struct {
	ZH written `yaml:"zh"`
	EN written `yaml:"en"`
}

type message struct {
	Topic     written `yaml:"topic"`
	Describes written `yaml:"describes"`
	Address   written `yaml:"address"`
	Rules     []rule  `yaml:"rules"`
}

type rule struct {
	Name     written            `yaml:"name"`
	Kinds    []written          `yaml:"kinds"`
	Retained bool               `yaml:"retained"`
	Each     written            `yaml:"each"`
	When     written            `yaml:"when"`
	Held     written            `yaml:"held"`
	Instance written            `yaml:"instance"`
	Number   written            `yaml:"number"`
	Type     written            `yaml:"type"`
	ID       written            `yaml:"id"`
	Observed written            `yaml:"observed"`
	Data     map[string]written `yaml:"data"`
}

// written is a scalar and where it stands.
type written struct {
	text string
	at   *token.Token
}

// UnmarshalYAML takes any scalar as it is written: true and 12 are
// expressions too.
func (w *written) UnmarshalYAML(n ast.Node) error {
	w.at = n.GetToken()
	switch n := n.(type) {
	case *ast.StringNode:
		w.text = n.Value
	case *ast.LiteralNode:
		w.text = n.Value.Value
		w.at = n.Start
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		w.text = n.GetToken().Value
	default:
		return &mistake{at: w.at, err: texts.Errorf(texts.Profile.NoText)}
	}
	return nil
}

// mistake is something wrong at a place of the file.
type mistake struct {
	at  *token.Token
	err error
}

func (m *mistake) Error() string { return m.err.Error() }
func (m *mistake) Unwrap() error { return m.err }

func wrong(w written, t texts.Text, args ...any) *mistake {
	return &mistake{at: w.at, err: texts.Errorf(t, args...)}
}

func parse(source []byte) (d document, err error) {
	defer func() {
		if p := recover(); p != nil { // the decoder trips over some tags
			err = texts.Errorf(texts.Profile.YAML, fmt.Sprint(p))
		}
	}()
	err = yaml.NewDecoder(bytes.NewReader(source), yaml.Strict()).Decode(&d)
	if err == nil {
		return d, nil
	}
	var m *mistake
	if errors.As(err, &m) {
		return d, m
	}
	var syntax yaml.Error
	if errors.As(err, &syntax) {
		return d, &mistake{at: syntax.GetToken(), err: texts.Errorf(texts.Profile.YAML, syntax.GetMessage())}
	}
	return d, err
}

// place names file, line and column of a mistake and shows the lines around.
func place(file string, err error) error {
	var m *mistake
	if !errors.As(err, &m) || m.at == nil || m.at.Position == nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	var p printer.Printer
	return texts.Errorf(texts.Profile.Place, file, m.at.Position.Line, m.at.Position.Column, err, p.PrintErrorToken(m.at, false))
}
