package profile

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/types"
	"github.com/expr-lang/expr/vm"

	"github.com/linli-edge/gateway/devices/lenient"
	"github.com/linli-edge/gateway/devices/texts"
)

// What an expression may cost: it has no loops and no variables, so that its
// time and memory grow with nodes times payload and no faster. Rules times
// elements times that can still be hours, so one message has a time, too: many
// thousand times what a rule takes on a busy box.
const (
	maxSource  = 2000 // bytes
	maxNodes   = 300
	maxMemory  = 10_000 // elements made by array literals and ranges
	maxPattern = 1000   // steps of the regular expressions together
	maxTime    = 5 * time.Second
)

// builtins are those of expr that neither loop over a predicate nor multiply
// what they are given. Its string is not among them: of a text that was split
// into its letters it makes one twice as long, again and again.
var builtins = []string{
	"len", "abs", "ceil", "floor", "round", "int", "float",
	"trim", "trimPrefix", "trimSuffix", "upper", "lower", "split",
	"indexOf", "lastIndexOf", "hasPrefix", "hasSuffix",
	"max", "min", "first", "last", "keys", "values", "fromBase64",
	"bitand", "bitor", "bitxor", "bitnot", "bitshl", "bitshr", "bitushr",
}

type program = vm.Program

// scope is what an expression may name. The values are given at each message
// by environment.
func scope(p pattern, settings map[string]any, each bool) types.Map {
	captures, set := types.Map{}, types.Map{}
	for _, name := range p.captures() {
		captures[name] = types.String
	}
	for name := range settings {
		set[name] = types.String
	}
	s := types.Map{
		"payload":  types.TypeOf(map[string]any{}),
		"list":     types.TypeOf([]any{}),
		"text":     types.String,
		"raw":      types.TypeOf(func() []any { return nil }),
		"topic":    captures,
		"setting":  set,
		"retained": types.Bool,
	}
	if each {
		s["item"] = types.Any
	}
	return s
}

// ruleScope adds the device, which is not known yet when an address is read.
func ruleScope(p pattern, settings map[string]any, each bool) types.Map {
	s := scope(p, settings, each)
	s["device"] = types.Map{"id": types.String, "kind": types.String, "compartment": types.Int}
	return s
}

// refused notices what would break the bound: a loop, and let, with which a
// text can be doubled again and again; a regular expression that a device
// sends, or a long one. Beside it, what may be any value is asked for as a text
// before it is looked up among texts: expr fails there on a number or a list,
// and no rule may fail for what a device sends.
type refused struct {
	loop    bool
	given   bool // a pattern that is not written in the profile
	pattern int  // steps of those that are
}

func (r *refused) Visit(n *ast.Node) {
	switch at := (*n).(type) {
	case *ast.VariableDeclaratorNode, *ast.SequenceNode, *ast.PredicateNode, *ast.PointerNode:
		r.loop = true
	case *ast.BinaryNode:
		if at.Operator == "matches" {
			written, ok := at.Right.(*ast.StringNode)
			if !ok {
				r.given = true
				return
			}
			if tree, err := syntax.Parse(written.Value, syntax.Perl); err == nil { // else expr says what is wrong with it
				if steps, err := syntax.Compile(tree.Simplify()); err == nil {
					r.pattern += len(steps.Inst)
				}
			}
		}
		texts, list := at.Right.(*ast.ArrayNode)
		if at.Operator == "in" && list && !slices.ContainsFunc(texts.Nodes, func(e ast.Node) bool { _, text := e.(*ast.StringNode); return !text }) {
			at.Left = &ast.CallNode{Callee: &ast.IdentifierNode{Value: "str"}, Arguments: []ast.Node{at.Left}}
		}
	}
}

func compile(source string, s types.Map, options ...expr.Option) (*program, error) {
	if len(source) > maxSource {
		return nil, texts.Errorf(texts.Profile.TooLong, maxSource, len(source))
	}
	bad := &refused{}
	options = append(options, expr.Env(s), expr.DisableAllBuiltins(), expr.MaxNodes(maxNodes), expr.Patch(bad),
		expr.Function("num", one(lenient.Number), new(func(any) any)),
		expr.Function("flag", one(lenient.Flag), new(func(any) any)),
		expr.Function("str", one(str), new(func(any) string)),
		expr.Function("string", one(single), new(func(any) string)),
		expr.Function("has", one(has), new(func(any) bool)),
		expr.Function("object", one(object), new(func(any) map[string]any)),
		expr.Function("array", one(array), new(func(any) []any)),
		expr.Function("hex", one(hexBytes), new(func(any) []any)),
		expr.Function("base64", one(base64Bytes), new(func(any) []any)),
		expr.Function("xor", one(xor), new(func(any) any)),
		expr.Function("between", between, new(func(any, float64, float64) bool), new(func(any, int, int) bool)),
	)
	for _, name := range builtins {
		options = append(options, expr.EnableBuiltin(name))
	}
	p, err := expr.Compile(source, options...)
	switch {
	case bad.loop:
		return nil, texts.Errorf(texts.Profile.Loop)
	case bad.given:
		return nil, texts.Errorf(texts.Profile.PatternGiven)
	case bad.pattern > maxPattern:
		return nil, texts.Errorf(texts.Profile.PatternLong, maxPattern, bad.pattern)
	}
	if err != nil {
		return nil, texts.Errorf(texts.Profile.Expression, reason(err))
	}
	return p, nil
}

// reason leaves out the excerpt that expr adds over several lines.
func reason(err error) string {
	var f *file.Error
	if errors.As(err, &f) {
		return f.Message
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first
}

// machine runs the programs for one message, one after the other.
type machine struct {
	vm    vm.VM
	env   map[string]any
	began time.Time
}

func newMachine(env map[string]any) *machine {
	return &machine{vm: vm.VM{MemoryBudget: maxMemory}, env: env, began: time.Now()}
}

func (m *machine) run(p *program) (any, error) {
	if time.Since(m.began) > maxTime {
		return nil, fmt.Errorf("not tried, as the rules before took over %v of this message: make them simpler", maxTime)
	}
	v, err := m.vm.Run(p, m.env)
	if err != nil {
		return nil, errors.New(reason(err))
	}
	return v, nil
}

func one(f func(any) any) func(...any) (any, error) {
	return func(args ...any) (any, error) { return f(args[0]), nil }
}

func str(x any) any {
	s, _ := x.(string)
	return strings.TrimSpace(s)
}

// single is a text, number or truth as a text, "" for everything else.
func single(x any) any {
	switch x.(type) {
	case string, bool, int, float64:
		return fmt.Sprint(x)
	}
	return ""
}

// object is x where it is one, so that its fields can be asked for.
func object(x any) any {
	if m, ok := x.(map[string]any); ok {
		return m
	}
	return map[string]any{}
}

func array(x any) any {
	if list, ok := x.([]any); ok {
		return list
	}
	return []any{}
}

func has(x any) any {
	if s, ok := x.(string); ok {
		return strings.TrimSpace(s) != ""
	}
	return x != nil
}

func between(args ...any) (any, error) {
	x, low, high := lenient.Number(args[0]), lenient.Number(args[1]), lenient.Number(args[2])
	if x == nil {
		return false, nil
	}
	return x.(float64) >= low.(float64) && x.(float64) <= high.(float64), nil
}

// label is a value as part of an identity or address, "" for none.
func label(v any) string {
	switch v := v.(type) {
	case string:
		if utf8.ValidString(v) {
			return v
		}
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case int:
		return strconv.Itoa(v)
	}
	return ""
}

// truth is the outcome of a condition. Something absent is not true.
func truth(v any) (bool, error) {
	switch v := v.(type) {
	case bool:
		return v, nil
	case nil:
		return false, nil
	}
	return false, fmt.Errorf("must be true or false (got a %T)", v)
}
