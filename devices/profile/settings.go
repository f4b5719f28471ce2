package profile

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/linli-edge/gateway/devices/texts"
)

// settings are what may differ from one bridge of a make to the next, with
// what is usual.
type settings map[string]written

// maxSetting is the longest value of a setting in bytes.
const maxSetting = 128

// maxOwn bounds how many profiles with settings of a bridge's own are kept
// compiled; those beyond are compiled each time they are asked for.
const maxOwn = 1024

// Profile returns the profile that a bridge's registration refers to, ok
// false if [Set.Open] fails.
func (s *Set) Profile(reference string) (*Profile, bool) {
	p, err := s.Open(reference)
	return p, err == nil
}

// Open returns the profile that a bridge's registration refers to: its name
// ("zigbee2mqtt"), or name and settings ("zigbee2mqtt?base=east", as the
// query of a URL). The error says in words what is wrong with the reference.
func (s *Set) Open(reference string) (*Profile, error) {
	if p, ok := s.profiles[reference]; ok {
		return p, nil
	}
	s.mu.RLock()
	p, ok := s.own[reference]
	s.mu.RUnlock()
	if ok {
		return p, nil
	}
	name, query, _ := strings.Cut(reference, "?")
	source, ok := s.sources[name]
	if !ok {
		return nil, texts.Errorf(texts.Profile.NoProfile, name, strings.Join(slices.Sorted(maps.Keys(s.sources)), ", "))
	}
	given, err := url.ParseQuery(query)
	if err != nil {
		return nil, texts.Errorf(texts.Profile.Reference, reference)
	}
	own := map[string]string{}
	for key, values := range given {
		if len(values) != 1 {
			return nil, texts.Errorf(texts.Profile.Reference, reference)
		}
		own[key] = values[0]
	}
	d, err := parse(source)
	if err != nil {
		return nil, err
	}
	if p, err = build(d, name, s.vocabulary, own); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.own) < maxOwn {
		s.own[reference] = p
	}
	return p, nil
}

// Check says what is wrong with a reference, nil if Open opens it.
func (s *Set) Check(reference string) error {
	_, err := s.Open(reference)
	return err
}

// Settings are the names of what may be set, each with its value.
func (p *Profile) Settings() map[string]string {
	all := map[string]string{}
	for name, value := range p.settings {
		all[name], _ = value.(string)
	}
	return all
}

// values are the settings as the expressions see them.
func (s settings) values(own map[string]string) (map[string]any, error) {
	all := map[string]any{}
	for name, w := range s {
		if !isName(name) {
			return nil, wrong(w, texts.Profile.SettingName, name)
		}
		if !isSetting(w.text) {
			return nil, wrong(w, texts.Profile.SettingValue, name, maxSetting, w.text)
		}
		all[name] = w.text
	}
	for name, value := range own {
		if _, ok := s[name]; !ok {
			return nil, texts.Errorf(texts.Profile.NoSetting, name, strings.Join(slices.Sorted(maps.Keys(s)), ", "))
		}
		if !isSetting(value) {
			return nil, texts.Errorf(texts.Profile.SettingValue, name, maxSetting, value)
		}
		all[name] = value
	}
	return all, nil
}

// isSetting wants what can stand in a topic: one or several levels.
func isSetting(s string) bool {
	if s == "" || len(s) > maxSetting || !utf8.ValidString(s) || strings.ContainsAny(s, "+#{}") {
		return false
	}
	for level := range strings.SplitSeq(s, "/") {
		if level == "" || strings.TrimSpace(level) != level {
			return false
		}
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7F })
}

// set puts the values in place of the levels of a topic that name a setting.
func (p *Profile) set(topic string) string {
	for name, value := range p.settings {
		topic = strings.ReplaceAll(topic, "{"+name+"}", value.(string))
	}
	return topic
}
