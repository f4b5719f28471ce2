// Package texts is the one catalogue of what a person reads: the page, alert
// texts, command-line messages. Each text stands in Chinese and in English
// side by side, so that neither can be forgotten; the files are sorted by
// where the texts are read.
//
// Log lines are not here: they are for machines and engineers, in English.
package texts

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

// Lang is a language of the catalogue.
type Lang string

// The languages of the catalogue. Chinese is the default everywhere.
const (
	Chinese Lang = "zh-CN"
	English Lang = "en"
)

// Text is one message in both languages, with the verbs of package fmt; the
// arguments are in the same order in both, or numbered.
type Text struct{ ZH, EN string }

// In renders the text in a language.
func (t Text) In(lang Lang, args ...any) string {
	format := t.ZH
	if lang == English {
		format = t.EN
	}
	if len(args) == 0 {
		return format
	}
	localised := make([]any, len(args))
	for i, a := range args {
		localised[i] = a
		if text, ok := a.(Text); ok {
			localised[i] = text.In(lang)
		} else if err, ok := a.(error); ok {
			localised[i] = Of(err, lang)
		}
	}
	return fmt.Sprintf(format, localised...)
}

// Error is an error that a person will read. Its Error method speaks English,
// for logs.
type Error struct {
	Text Text
	Args []any
}

// Errorf makes an Error. An argument that is itself an error is wrapped and
// rendered in the same language.
func Errorf(t Text, args ...any) *Error { return &Error{Text: t, Args: args} }

func (e *Error) Error() string { return e.In(English) }

// In renders the message in a language.
func (e *Error) In(lang Lang) string { return e.Text.In(lang, e.Args...) }

// Unwrap returns the arguments that are errors.
func (e *Error) Unwrap() []error {
	var wrapped []error
	for _, a := range e.Args {
		if err, ok := a.(error); ok {
			wrapped = append(wrapped, err)
		}
	}
	return wrapped
}

// Of renders any error in a language: its catalogue message if it has one,
// else what it says itself.
func Of(err error, lang Lang) string {
	var e *Error
	if errors.As(err, &e) {
		return e.In(lang)
	}
	return err.Error()
}

// FromLocale is the language of the process's locale: English where LC_ALL,
// LC_MESSAGES or LANG (the first that is set) names English, else Chinese.
func FromLocale() Lang {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			return Parse(v)
		}
	}
	return Chinese
}

// Parse reads a locale or language tag ("en_GB.UTF-8", "zh-CN"). What is not
// English is Chinese.
func Parse(tag string) Lang {
	tag = strings.ToLower(tag)
	if tag == "en" || strings.HasPrefix(tag, "en_") || strings.HasPrefix(tag, "en-") {
		return English
	}
	return Chinese
}
