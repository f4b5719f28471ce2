package profile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/expr-lang/expr"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/discovery"
	"github.com/linli-edge/gateway/devices/texts"
)

// Set is the profiles of a folder. It may be used by many goroutines.
type Set struct {
	vocabulary devices.Vocabulary
	// sources are the files by name, to be compiled again with other settings:
	// what is parsed holds every token, and ten times the memory.
	sources  map[string][]byte
	profiles map[string]*Profile // by name, with the settings as written

	mu  sync.RWMutex
	own map[string]*Profile // by reference, with settings of a bridge's own
}

// Profile tells what the messages of one make of bridge mean. It never
// changes and may be used by many goroutines.
type Profile struct {
	name     string
	title    texts.Text
	topics   []string
	commands []string
	settings map[string]any
	messages []form
	outgoing []phrase
}

// form is one form of message.
type form struct {
	topic   pattern
	form    discovery.Form // of the descriptions that come here, "" for none
	capture string         // the named level that is the address, "" if it is computed
	address *program       // nil if it is a capture, or there is none
	rules   []compiled
}

// compiled is a rule that is ready to run; a nil program was not written.
type compiled struct {
	name     string
	line     int
	kinds    []devices.Kind
	retained bool
	typ      devices.Type
	each     *program
	when     *program // nil for always
	held     *program // nil for an occurrence that is told once
	instance *program
	number   *program
	id       *program
	observed *program
	data     []field
}

type field struct {
	name  string
	value *program
}

// maxFile is the longest profile in bytes that is read.
const maxFile = 64 << 10

// Load reads every *.yaml file at the top of fsys, and checks each against
// the vocabulary: a rule may report only what devices of its kinds do. An
// error lists all that is wrong, at most one mistake a file, with file, line,
// column and excerpt.
func Load(fsys fs.FS, vocabulary devices.Vocabulary) (*Set, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list profiles: %w", err)
	}
	set := &Set{vocabulary: vocabulary, sources: map[string][]byte{}, profiles: map[string]*Profile{}, own: map[string]*Profile{}}
	var wrong []error
	for _, file := range names {
		source, err := fs.ReadFile(fsys, file)
		if err != nil {
			return nil, fmt.Errorf("read profile: %w", err)
		}
		p, err := compileFile(file, source, vocabulary)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		set.sources[p.name], set.profiles[p.name] = source, p
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	return set, nil
}

// LoadOne is Load of one file that is called name.yaml, without those beside
// it.
func LoadOne(name string, source []byte, vocabulary devices.Vocabulary) (*Set, error) {
	p, err := compileFile(name+".yaml", source, vocabulary)
	if err != nil {
		return nil, err
	}
	return &Set{vocabulary: vocabulary, sources: map[string][]byte{name: source}, profiles: map[string]*Profile{name: p}, own: map[string]*Profile{}}, nil
}

// Profiles lists all, by name.
func (s *Set) Profiles() []*Profile {
	var list []*Profile
	for _, p := range s.profiles {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b *Profile) int { return cmp.Compare(a.name, b.name) })
	return list
}

// Name is what a bridge's registration calls the profile.
func (p *Profile) Name() string { return p.name }

// Title is what a person calls the make of bridge.
func (p *Profile) Title() texts.Text { return p.title }

// Topics are the MQTT topic filters that such a bridge publishes under.
func (p *Profile) Topics() []string { return slices.Clone(p.topics) }

// Commands are the MQTT topic filters that such a bridge subscribes to.
func (p *Profile) Commands() []string { return slices.Clone(p.commands) }

// Kinds are those that the profile has rules for.
func (p *Profile) Kinds() []devices.Kind {
	var kinds []devices.Kind
	for _, f := range p.messages {
		for _, r := range f.rules {
			kinds = append(kinds, r.kinds...)
		}
	}
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Messages are the topics that the profile knows, in the order of the file.
func (p *Profile) Messages() []string {
	var topics []string
	for _, f := range p.messages {
		topics = append(topics, f.topic.text)
	}
	return topics
}

// Rules are the names of the profile's rules, in the order of the file.
func (p *Profile) Rules() []string {
	var names []string
	for _, f := range p.messages {
		for _, r := range f.rules {
			names = append(names, r.name)
		}
	}
	return names
}

func compileFile(file string, source []byte, vocabulary devices.Vocabulary) (*Profile, error) {
	if len(source) > maxFile {
		return nil, fmt.Errorf("%s: longer than %d bytes", file, maxFile)
	}
	d, err := parse(source)
	if err != nil {
		return nil, place(file, err)
	}
	p, err := build(d, strings.TrimSuffix(file, ".yaml"), vocabulary, nil)
	if err != nil {
		return nil, place(file, err)
	}
	return p, nil
}

// build compiles a profile, with the bridge's own settings instead of those
// written.
func build(d document, file string, vocabulary devices.Vocabulary, own map[string]string) (*Profile, error) {
	switch {
	case d.Name.text != file:
		return nil, wrong(d.Name, texts.Profile.NameOfFile, file, d.Name.text)
	case devices.CheckCode("name", d.Name.text) != nil:
		return nil, wrong(d.Name, texts.Profile.Name, d.Name.text)
	case d.Title.ZH.text == "" || d.Title.EN.text == "":
		return nil, wrong(d.Name, texts.Profile.Missing, "title.zh, title.en")
	case len(d.Topics) == 0:
		return nil, wrong(d.Name, texts.Profile.Missing, "topics")
	case len(d.Messages) == 0:
		return nil, wrong(d.Name, texts.Profile.NoMessages)
	}
	p := &Profile{name: d.Name.text, title: texts.Text{ZH: d.Title.ZH.text, EN: d.Title.EN.text}}
	var err error
	if p.settings, err = d.Settings.values(own); err != nil {
		return nil, err
	}
	if p.topics, err = p.filters("topics", d.Topics); err != nil {
		return nil, err
	}
	if p.commands, err = p.filters("commands", d.Commands); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, m := range d.Messages {
		m.Topic.text = p.set(m.Topic.text)
		f, err := p.form(m, vocabulary)
		if err != nil {
			return nil, err
		}
		for i, r := range f.rules {
			if names[r.name] {
				return nil, wrong(m.Rules[i].Name, texts.Profile.Twice, r.name)
			}
			names[r.name] = true
		}
		p.messages = append(p.messages, f)
	}
	return p, p.compileOutgoing(d.Outgoing, names)
}

func (p *Profile) filters(key string, list []written) ([]string, error) {
	var all []string
	for _, w := range list {
		w.text = p.set(w.text)
		if !isFilter(w.text) {
			return nil, wrong(w, texts.Profile.Filter, key, w.text)
		}
		all = append(all, w.text)
	}
	return all, nil
}

func (p *Profile) form(m message, vocabulary devices.Vocabulary) (form, error) {
	topic, ok := parsePattern(m.Topic.text)
	if !ok {
		return form{}, wrong(m.Topic, texts.Profile.Topic, m.Topic.text)
	}
	if !slices.ContainsFunc(p.topics, func(filter string) bool { return covers(filter, topic) }) {
		return form{}, wrong(m.Topic, texts.Profile.NotCovered, m.Topic.text)
	}
	for _, earlier := range p.messages {
		if earlier.topic.takes(topic) {
			return form{}, wrong(m.Topic, texts.Profile.Unreachable, earlier.topic.text)
		}
	}
	f := form{topic: topic, form: discovery.Form(m.Describes.text)}
	switch {
	case f.form != "" && !slices.Contains(discovery.Forms(), f.form):
		return form{}, wrong(m.Describes, texts.Profile.Describes, discovery.Forms(), m.Describes.text)
	case f.form != "" && (len(m.Rules) > 0 || m.Address.text != ""):
		return form{}, wrong(m.Describes, texts.Profile.DescribesAlone)
	case len(m.Rules) == 0 && m.Address.text != "":
		return form{}, wrong(m.Address, texts.Profile.NoRules)
	case len(m.Rules) == 0:
		return f, nil
	case m.Address.text == "":
		return form{}, wrong(m.Topic, texts.Profile.Missing, "address")
	}
	var err error
	if name, bare := strings.CutPrefix(m.Address.text, "topic."); bare && slices.Contains(topic.captures(), name) {
		f.capture = name // the usual one needs no look at the payload
	} else if f.address, err = compile(m.Address.text, scope(topic, p.settings, false)); err != nil {
		return form{}, &mistake{m.Address.at, texts.Errorf(texts.Profile.Rule, m.Topic.text, "address", err)}
	}
	for _, r := range m.Rules {
		c, err := p.compileRule(r, topic, vocabulary)
		if err != nil {
			return form{}, err
		}
		f.rules = append(f.rules, c)
	}
	return f, nil
}

func (p *Profile) compileRule(r rule, topic pattern, vocabulary devices.Vocabulary) (compiled, error) {
	c := compiled{name: r.Name.text, typ: devices.Type(r.Type.text), retained: r.Retained}
	at := r.Name
	if at.at == nil {
		at = r.Type
	}
	if at.at != nil {
		c.line = at.at.Position.Line
	}
	for _, k := range []struct {
		key   string
		given bool
	}{{"name", r.Name.text != ""}, {"when", r.When.text != "" || r.Held.text != ""}, {"type", r.Type.text != ""}} {
		if !k.given {
			return c, &mistake{at.at, texts.Errorf(texts.Profile.Rule, c.name, k.key, texts.Errorf(texts.Profile.Missing, k.key))}
		}
	}
	if devices.CheckCode("name", c.name) != nil {
		return c, wrong(r.Name, texts.Profile.Name, c.name)
	}
	if r.Instance.text != "" && r.Held.text == "" {
		return c, wrong(r.Instance, texts.Profile.InstanceOfHeld)
	}
	if r.Number.text != "" && (r.Held.text != "" || r.ID.text != "") {
		return c, wrong(r.Number, texts.Profile.NumberAlone)
	}
	if err := checkKinds(&c, r, vocabulary); err != nil {
		return c, err
	}
	s := ruleScope(topic, p.settings, r.Each.text != "")
	expressions := []struct {
		key     string
		source  written
		program **program
		options []expr.Option
	}{
		{key: "when", source: r.When, program: &c.when, options: []expr.Option{expr.AsBool()}},
		{key: "held", source: r.Held, program: &c.held},
		{key: "instance", source: r.Instance, program: &c.instance},
		{key: "number", source: r.Number, program: &c.number},
		{key: "id", source: r.ID, program: &c.id},
		{key: "observed", source: r.Observed, program: &c.observed},
	}
	for _, e := range expressions {
		if e.source.text == "" {
			continue
		}
		var err error
		if *e.program, err = compile(e.source.text, s, e.options...); err != nil {
			return c, &mistake{e.source.at, texts.Errorf(texts.Profile.Rule, c.name, e.key, err)}
		}
	}
	if r.Each.text != "" {
		var err error
		if c.each, err = compile(r.Each.text, ruleScope(topic, p.settings, false)); err != nil {
			return c, &mistake{r.Each.at, texts.Errorf(texts.Profile.Rule, c.name, "each", err)}
		}
	}
	for name, source := range r.Data {
		value, err := compile(source.text, s)
		if err != nil {
			return c, &mistake{source.at, texts.Errorf(texts.Profile.Rule, c.name, "data."+name, err)}
		}
		c.data = append(c.data, field{name, value})
	}
	slices.SortFunc(c.data, func(a, b field) int { return cmp.Compare(a.name, b.name) })
	return c, nil
}

// checkKinds wants every kind of the rule to report its type. A rule that names
// none is for all that do.
func checkKinds(c *compiled, r rule, vocabulary devices.Vocabulary) error {
	if len(r.Kinds) == 0 {
		for _, kind := range vocabulary.Kinds() {
			if vocabulary.Reports(kind, c.typ) {
				r.Kinds = append(r.Kinds, written{text: string(kind)})
			}
		}
		if len(r.Kinds) == 0 {
			return wrong(r.Type, texts.Profile.NoType, r.Type.text)
		}
	}
	for _, k := range r.Kinds {
		kind := devices.Kind(k.text)
		_, urgency, err := vocabulary.Parse(kind, c.typ, nil)
		if errors.Is(err, devices.ErrUnknownType) {
			return wrong(r.Type, texts.Profile.UnknownType, k.text, r.Type.text)
		}
		if c.retained && urgency == devices.Urgent {
			return wrong(r.Type, texts.Profile.UrgentRetained, r.Type.text)
		}
		c.kinds = append(c.kinds, kind)
	}
	return nil
}
