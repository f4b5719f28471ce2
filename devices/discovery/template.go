package discovery

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/linli-edge/gateway/devices/lenient"
)

// What a template may cost. It has no loops and no variables, so that its time
// grows with its nodes times the payload and no faster.
const (
	maxTemplate = 2048    // bytes
	maxDepth    = 32      // of parentheses and conditions in each other
	maxText     = 4096    // bytes that it may make
	maxWork     = 8 << 20 // bytes of it times those of a message: some milliseconds
)

// template is a value template of Home Assistant, in the part of Jinja that
// devices use: paths into value and value_json, filters, arithmetic,
// comparisons, and choices between two values, as an expression or as a
// statement. What is beyond that is an error of parseTemplate.
type template []node

// node makes a value of a message, undefined if it has none.
type node func(m message) any

// message is what a template is about.
type message struct {
	text string
	json any
}

func newMessage(payload []byte) message {
	m := message{text: strings.ToValidUTF8(string(payload), "\uFFFD"), json: undefined{}}
	if v, ok := lenient.JSON(payload); ok {
		m.json = v
	}
	return m
}

// undefined is what a message does not say.
type undefined struct{}

// value runs the template; ok is false if the message says nothing of it.
func (t template) value(m message) (v any, ok bool) {
	if len(t) == 1 {
		v = t[0](m)
	} else {
		text := ""
		for _, n := range t {
			part := n(m)
			if part == (undefined{}) {
				return nil, false
			}
			if text += render(part); len(text) > maxText {
				return nil, false
			}
		}
		v = strings.TrimSpace(text)
	}
	return v, v != undefined{} && v != nil
}

// render is a scalar as a template prints it, "" for anything else.
func render(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

// parseTemplate compiles a template. The error says what of it is not
// understood.
func parseTemplate(source string) (template, error) {
	if len(source) > maxTemplate {
		return nil, fmt.Errorf("longer than %d bytes", maxTemplate)
	}
	tokens, err := scan(source)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	t, err := p.body()
	if err == nil && !p.done() {
		err = fmt.Errorf("%q without its beginning", p.peek().text)
	}
	return t, err
}

// token is a piece of a template; what is outside of braces is one of class
// outside.
type token struct {
	class class
	text  string
}

type class byte

const (
	outside class = iota
	word
	number
	quoted
	symbol // also {{ }} {% %}
)

// symbols of two characters come first.
var symbols = []string{"==", "!=", "<=", ">=", "//", "(", ")", "[", "]", ".", ",", "|", "+", "-", "*", "/", "%", "<", ">", "~"}

func scan(source string) ([]token, error) {
	var tokens []token
	for source != "" {
		before, rest, found := cutFirst(source, "{{", "{%", "{#")
		if text := strings.TrimSpace(before); text != "" {
			tokens = append(tokens, token{outside, text})
		}
		if !found {
			return tokens, nil
		}
		open := rest[:2]
		end := map[string]string{"{{": "}}", "{%": "%}", "{#": "#}"}[open]
		if open == "{#" {
			_, after, closed := strings.Cut(rest, end)
			if !closed {
				return nil, errors.New(`"{#" without its "#}"`)
			}
			source = after
			continue
		}
		inner, after, err := scanInside(strings.TrimPrefix(rest[2:], "-"), end)
		if err != nil {
			return nil, err
		}
		tokens = append(append(append(tokens, token{symbol, open}), inner...), token{symbol, end})
		source = after
	}
	return tokens, nil
}

func cutFirst(s string, marks ...string) (before, from string, found bool) {
	at := -1
	for _, m := range marks {
		if i := strings.Index(s, m); i >= 0 && (at < 0 || i < at) {
			at = i
		}
	}
	if at < 0 {
		return s, "", false
	}
	return s[:at], s[at:], true
}

// scanInside reads to the end of the braces.
func scanInside(s, end string) (tokens []token, rest string, err error) {
	for {
		s = strings.TrimLeftFunc(s, unicode.IsSpace)
		switch {
		case s == "":
			return nil, "", fmt.Errorf("braces that are never closed: write %q", end)
		case strings.HasPrefix(s, end):
			return tokens, s[len(end):], nil
		case strings.HasPrefix(s, "-"+end):
			return tokens, s[1+len(end):], nil
		case s[0] == '"' || s[0] == '\'':
			text, after, err := unquote(s)
			if err != nil {
				return nil, "", err
			}
			tokens, s = append(tokens, token{quoted, text}), after
			continue
		}
		if n := strings.IndexFunc(s, func(r rune) bool { return r != '_' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }); n != 0 {
			if n < 0 {
				n = len(s)
			}
			class := word
			if unicode.IsDigit(rune(s[0])) {
				if class = number; n < len(s)-1 && s[n] == '.' && unicode.IsDigit(rune(s[n+1])) {
					n++
					for n < len(s) && unicode.IsDigit(rune(s[n])) {
						n++
					}
				}
			}
			tokens, s = append(tokens, token{class, s[:n]}), s[n:]
			continue
		}
		i := slices.IndexFunc(symbols, func(mark string) bool { return strings.HasPrefix(s, mark) })
		if i < 0 {
			r, _ := utf8.DecodeRuneInString(s)
			return nil, "", fmt.Errorf("the character %q", r)
		}
		tokens, s = append(tokens, token{symbol, symbols[i]}), s[len(symbols[i]):]
	}
}

func unquote(s string) (text, rest string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == s[0]:
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s):
			i++
			if s[i] == 'n' {
				b.WriteByte('\n')
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", errors.New("a quote that is never closed")
}

// parser reads tokens by recursive descent.
type parser struct {
	tokens []token
	depth  int
}

func (p *parser) done() bool { return len(p.tokens) == 0 }

func (p *parser) peek() token {
	if p.done() {
		return token{}
	}
	return p.tokens[0]
}

// take removes the next token if it is a symbol or word of that text.
func (p *parser) take(text string) bool {
	t := p.peek()
	if (t.class != symbol && t.class != word) || t.text != text || p.done() {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *parser) want(text string) error {
	if p.take(text) {
		return nil
	}
	return fmt.Errorf("%q where %q belongs", p.peek().text, text)
}

func (p *parser) deeper() error {
	if p.depth++; p.depth > maxDepth {
		return fmt.Errorf("more than %d parentheses and conditions in each other", maxDepth)
	}
	return nil
}

// body reads until the end or a statement that ends or divides a choice.
func (p *parser) body() (template, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	t := template{}
	for !p.done() {
		switch next := p.peek(); {
		case next.class == outside:
			p.tokens = p.tokens[1:]
			t = append(t, func(message) any { return next.text })
		case p.take("{{"):
			n, err := p.expression()
			if err == nil {
				err = p.want("}}")
			}
			if err != nil {
				return nil, err
			}
			t = append(t, n)
		case len(p.tokens) > 1 && p.tokens[1].text == "if":
			n, err := p.choice()
			if err != nil {
				return nil, err
			}
			t = append(t, n)
		case len(p.tokens) > 1 && slices.Contains([]string{"elif", "else", "endif"}, p.tokens[1].text):
			return t, nil
		default:
			what := p.peek().text
			if len(p.tokens) > 1 {
				what = p.tokens[1].text
			}
			return nil, fmt.Errorf("the statement %q", what)
		}
	}
	return t, nil
}

// choice reads {% if … %} … {% elif … %} … {% else %} … {% endif %}.
func (p *parser) choice() (node, error) {
	p.tokens = p.tokens[2:] // {% if, or {% elif
	condition, err := p.expression()
	if err == nil {
		err = p.want("%}")
	}
	if err != nil {
		return nil, err
	}
	then, err := p.body()
	if err != nil {
		return nil, err
	}
	otherwise := template{}
	switch {
	case len(p.tokens) > 1 && p.tokens[1].text == "elif":
		if err := p.deeper(); err != nil {
			return nil, err
		}
		n, err := p.choice()
		if err != nil {
			return nil, err
		}
		p.depth--
		return decide(condition, then, template{n}), nil
	case p.take("{%") && p.take("else"):
		if err := p.want("%}"); err != nil {
			return nil, err
		}
		if otherwise, err = p.body(); err != nil {
			return nil, err
		}
		if err := p.want("{%"); err != nil {
			return nil, err
		}
	}
	if err := p.want("endif"); err != nil {
		return nil, err
	}
	return decide(condition, then, otherwise), p.want("%}")
}

func decide(condition node, then, otherwise template) node {
	return func(m message) any {
		branch := otherwise
		if truth(condition(m)) {
			branch = then
		}
		if len(branch) == 0 {
			return ""
		}
		v, ok := branch.value(m)
		if !ok {
			return undefined{}
		}
		return v
	}
}

// expression reads a value, or one of two: A if CONDITION else B.
func (p *parser) expression() (node, error) {
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	value, err := p.either()
	if err != nil || !p.take("if") {
		return value, err
	}
	condition, err := p.either()
	if err != nil {
		return nil, err
	}
	otherwise := node(func(message) any { return undefined{} })
	if p.take("else") {
		if otherwise, err = p.expression(); err != nil {
			return nil, err
		}
	}
	return func(m message) any {
		if truth(condition(m)) {
			return value(m)
		}
		return otherwise(m)
	}, nil
}

func (p *parser) either() (node, error) {
	return p.chain(p.both, map[string]func(a, b node) node{"or": func(a, b node) node {
		return func(m message) any { return truth(a(m)) || truth(b(m)) }
	}})
}

func (p *parser) both() (node, error) {
	return p.chain(p.negation, map[string]func(a, b node) node{"and": func(a, b node) node {
		return func(m message) any { return truth(a(m)) && truth(b(m)) }
	}})
}

func (p *parser) negation() (node, error) {
	if !p.take("not") {
		return p.comparison()
	}
	if err := p.deeper(); err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	n, err := p.negation()
	return func(m message) any { return !truth(n(m)) }, err
}

func (p *parser) comparison() (node, error) {
	left, err := p.sum()
	if err != nil {
		return nil, err
	}
	negated := p.peek().text == "not" && len(p.tokens) > 1 && p.tokens[1].text == "in" && p.take("not")
	for name, holds := range comparisons {
		if p.peek().class == quoted || !p.take(name) {
			continue
		}
		right, err := p.sum()
		return func(m message) any { return holds(left(m), right(m)) != negated }, err
	}
	if !p.take("is") {
		return left, nil
	}
	negated = p.take("not")
	name := p.peek().text
	test, ok := tests[name]
	if !ok {
		return nil, fmt.Errorf("the test %q", name)
	}
	p.tokens = p.tokens[1:]
	return func(m message) any { return test(left(m)) != negated }, nil
}

var comparisons = map[string]func(a, b any) bool{
	"==": same,
	"!=": func(a, b any) bool { return !same(a, b) },
	"<":  func(a, b any) bool { c, ok := order(a, b); return ok && c < 0 },
	"<=": func(a, b any) bool { c, ok := order(a, b); return ok && c <= 0 },
	">":  func(a, b any) bool { c, ok := order(a, b); return ok && c > 0 },
	">=": func(a, b any) bool { c, ok := order(a, b); return ok && c >= 0 },
	"in": func(a, b any) bool {
		switch b := b.(type) {
		case []any:
			return slices.ContainsFunc(b, func(v any) bool { return same(a, v) })
		case map[string]any:
			_, ok := b[render(a)]
			return ok
		case string:
			s, ok := a.(string)
			return ok && strings.Contains(b, s)
		}
		return false
	},
}

var tests = map[string]func(any) bool{
	"defined":   func(v any) bool { return v != undefined{} },
	"undefined": func(v any) bool { return v == undefined{} },
	"none":      func(v any) bool { return v == nil },
	"number":    func(v any) bool { _, ok := v.(float64); return ok },
	"string":    func(v any) bool { _, ok := v.(string); return ok },
}

// same compares scalars; lists and objects are never the same.
func same(a, b any) bool {
	switch a.(type) {
	case []any, map[string]any:
		return false
	}
	switch b.(type) {
	case []any, map[string]any:
		return false
	}
	return a == b
}

func order(a, b any) (int, bool) {
	if x, ok := a.(string); ok {
		y, ok := b.(string)
		return strings.Compare(x, y), ok
	}
	x, ok := a.(float64)
	y, both := b.(float64)
	switch {
	case !ok || !both:
		return 0, false
	case x < y:
		return -1, true
	case x > y:
		return 1, true
	}
	return 0, true
}

func (p *parser) sum() (node, error) {
	return p.chain(p.product, map[string]func(a, b node) node{
		"+": arithmetic(func(a, b float64) float64 { return a + b }),
		"-": arithmetic(func(a, b float64) float64 { return a - b }),
		"~": func(a, b node) node {
			return func(m message) any { return cut(cut(render(a(m))) + cut(render(b(m)))) }
		},
	})
}

func (p *parser) product() (node, error) {
	return p.chain(p.sign, map[string]func(a, b node) node{
		"*":  arithmetic(func(a, b float64) float64 { return a * b }),
		"/":  arithmetic(func(a, b float64) float64 { return a / b }),
		"//": arithmetic(func(a, b float64) float64 { return math.Floor(a / b) }),
		"%":  arithmetic(math.Mod),
	})
}

// arithmetic is of numbers, also those written as text; else undefined.
func arithmetic(f func(a, b float64) float64) func(a, b node) node {
	return func(a, b node) node {
		return func(m message) any {
			x, ok := lenient.Number(a(m)).(float64)
			y, both := lenient.Number(b(m)).(float64)
			if !ok || !both {
				return undefined{}
			}
			return finite(f(x, y))
		}
	}
}

func finite(v float64) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return undefined{}
	}
	return v
}

func cut(s string) string { return s[:min(len(s), maxText)] }

// chain reads operands with operators of one rank between them.
func (p *parser) chain(operand func() (node, error), operators map[string]func(a, b node) node) (node, error) {
	left, err := operand()
	for err == nil {
		combine, ok := operators[p.peek().text]
		if !ok || p.peek().class == quoted || p.done() {
			return left, nil
		}
		p.tokens = p.tokens[1:]
		var right node
		if right, err = operand(); err == nil {
			left = combine(left, right)
		}
	}
	return nil, err
}

func (p *parser) sign() (node, error) {
	if !p.take("-") {
		return p.filtered()
	}
	n, err := p.filtered()
	return arithmetic(func(a, b float64) float64 { return a - b })(func(message) any { return 0.0 }, n), err
}

// filtered reads a value and what is done to it: .name, [key], | filter.
func (p *parser) filtered() (node, error) {
	n, err := p.primary()
	for err == nil {
		switch of := n; {
		case p.take("."):
			name := p.peek()
			if name.class != word && name.class != number {
				return nil, fmt.Errorf("%q where a name belongs", name.text)
			}
			p.tokens = p.tokens[1:]
			if p.take("(") {
				n, err = p.call(name.text, of)
				continue
			}
			n = func(m message) any { return member(of(m), name.text) }
		case p.take("["):
			var key node
			if key, err = p.expression(); err == nil {
				err = p.want("]")
			}
			n = func(m message) any { return member(of(m), key(m)) }
		case p.take("|"):
			name := p.peek()
			if name.class != word {
				return nil, fmt.Errorf("%q where a filter belongs", name.text)
			}
			if p.tokens = p.tokens[1:]; p.take("(") {
				n, err = p.call(name.text, of)
				continue
			}
			n, err = filter(name.text, of, nil)
		default:
			return n, nil
		}
	}
	return nil, err
}

// call reads the arguments of a filter, function or method on its first.
func (p *parser) call(name string, of node) (node, error) {
	var args []node
	for !p.take(")") {
		if len(args) > 0 {
			if err := p.want(","); err != nil {
				return nil, err
			}
		}
		a, err := p.expression()
		if err != nil {
			return nil, err
		}
		args = append(args, a)
	}
	if of == nil {
		if len(args) == 0 {
			return nil, fmt.Errorf("%s() of nothing", name)
		}
		of, args = args[0], args[1:]
	}
	return filter(name, of, args)
}

// member is a field of an object or an element of a list.
func member(of, key any) any {
	switch of := of.(type) {
	case map[string]any:
		if v, ok := of[render(key)]; ok {
			return v
		}
	case []any:
		i, ok := lenient.Number(key).(float64)
		if ok && i < 0 {
			i += float64(len(of))
		}
		if ok && i >= 0 && int(i) < len(of) {
			return of[int(i)]
		}
	}
	return undefined{}
}

func (p *parser) primary() (node, error) {
	t := p.peek()
	if p.done() {
		return nil, errors.New("an end where a value belongs")
	}
	p.tokens = p.tokens[1:]
	switch {
	case t.class == quoted:
		return func(message) any { return t.text }, nil
	case t.class == number:
		v, err := strconv.ParseFloat(t.text, 64)
		if err != nil {
			return nil, fmt.Errorf("%q where a number belongs", t.text)
		}
		return func(message) any { return v }, nil
	case t.class == symbol && t.text == "(":
		n, err := p.expression()
		if err != nil {
			return nil, err
		}
		return n, p.want(")")
	case t.class == symbol && t.text == "[":
		return p.list()
	case t.class != word:
		return nil, fmt.Errorf("%q where a value belongs", t.text)
	}
	switch strings.ToLower(t.text) {
	case "value":
		return func(m message) any { return m.text }, nil
	case "value_json":
		return func(m message) any { return m.json }, nil
	case "true", "false":
		v := strings.EqualFold(t.text, "true")
		return func(message) any { return v }, nil
	case "none", "null":
		return func(message) any { return nil }, nil
	}
	if p.take("(") {
		return p.call(t.text, nil)
	}
	return nil, fmt.Errorf("the name %q", t.text)
}

func (p *parser) list() (node, error) {
	var items []node
	for !p.take("]") {
		if len(items) > 0 {
			if err := p.want(","); err != nil {
				return nil, err
			}
		}
		n, err := p.expression()
		if err != nil {
			return nil, err
		}
		items = append(items, n)
	}
	return func(m message) any {
		values := make([]any, len(items))
		for i, n := range items {
			values[i] = n(m)
		}
		return values
	}, nil
}

// filter applies one of the filters, which may be written as functions too.
func filter(name string, of node, args []node) (node, error) {
	text := func(f func(string) string) (node, error) {
		return func(m message) any {
			v := of(m)
			if v == (undefined{}) {
				return v
			}
			return f(cut(render(v)))
		}, nil
	}
	argument := func(m message, i int, otherwise any) any {
		if i >= len(args) {
			return otherwise
		}
		return args[i](m)
	}
	switch name {
	case "lower":
		return text(strings.ToLower)
	case "upper":
		return text(strings.ToUpper)
	case "trim", "strip":
		return text(strings.TrimSpace)
	case "string":
		return text(func(s string) string { return s })
	case "is_defined":
		return of, nil // what is undefined is no report anyway
	case "int", "float":
		return func(m message) any {
			v, ok := lenient.Number(of(m)).(float64)
			if b, is := of(m).(bool); is {
				if ok = true; b {
					v = 1
				}
			}
			switch {
			case !ok:
				return argument(m, 0, undefined{})
			case name == "int":
				return math.Trunc(v)
			}
			return v
		}, nil
	case "round":
		return func(m message) any {
			v, ok := lenient.Number(of(m)).(float64)
			places, good := argument(m, 0, 0.0).(float64)
			if !ok || !good || places < 0 || places > 9 {
				return undefined{}
			}
			scale := math.Pow(10, math.Trunc(places))
			return finite(math.Round(v*scale) / scale)
		}, nil
	case "abs":
		return func(m message) any {
			if v, ok := lenient.Number(of(m)).(float64); ok {
				return math.Abs(v)
			}
			return undefined{}
		}, nil
	case "bool":
		return func(m message) any {
			if v := lenient.Flag(of(m)); v != nil {
				return v
			}
			return argument(m, 0, undefined{})
		}, nil
	case "default":
		return func(m message) any {
			v := of(m)
			if v == (undefined{}) || truth(argument(m, 1, false)) && !truth(v) {
				return argument(m, 0, "")
			}
			return v
		}, nil
	case "iif":
		return func(m message) any {
			if truth(of(m)) {
				return argument(m, 0, true)
			}
			return argument(m, 1, false)
		}, nil
	}
	return nil, fmt.Errorf("the filter %q", name)
}

// truth is what counts as true in a condition.
func truth(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case float64:
		return v != 0
	case string:
		return v != ""
	case []any:
		return len(v) > 0
	case map[string]any:
		return len(v) > 0
	}
	return false
}
