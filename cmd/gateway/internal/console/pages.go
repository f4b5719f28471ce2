package console

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

//go:embed templates
var templates embed.FS

// pages are the templates, parsed once for each language.
type pages map[texts.Lang]*template.Template

func parsePages() (pages, error) {
	version, err := staticVersion()
	if err != nil {
		return nil, err
	}
	p := pages{}
	for _, lang := range []texts.Lang{texts.Chinese, texts.English} {
		other := texts.English
		if lang == texts.English {
			other = texts.Chinese
		}
		t, err := template.New("").Funcs(template.FuncMap{
			"words":         func() any { return texts.Console },
			"deviceWords":   func() any { return texts.ConsoleDevices },
			"doorWords":     func() any { return texts.AlertDoor },
			"careWords":     func() any { return texts.ConsoleCare },
			"dutyWords":     func() any { return texts.Duty },
			"say":           func(t texts.Text, args ...any) string { return t.In(lang, args...) },
			"lang":          func() texts.Lang { return lang },
			"other":         func() texts.Lang { return other },
			"otherLanguage": func() string { return texts.Console.Language.In(other) }, // for who cannot read this one
			"version":       func() string { return version },
		}).ParseFS(templates, "templates/*.html")
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		p[lang] = t
	}
	return p, nil
}

// staticVersion changes when a file that browsers keep does.
func staticVersion() (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(static, "static", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := static.ReadFile(path)
		hash.Write(content)
		return err
	})
	return hex.EncodeToString(hash.Sum(nil)[:6]), err
}

// show answers with a template, or with an error if that cannot be filled.
func (p pages) show(w http.ResponseWriter, lang texts.Lang, status int, name string, data any) {
	body, err := p.render(lang, name, data)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	w.Write(body) // the reader may have gone
}

func (p pages) render(lang texts.Lang, name string, data any) ([]byte, error) {
	var body bytes.Buffer
	if err := p[lang].ExecuteTemplate(&body, name, data); err != nil {
		return nil, fmt.Errorf("page %s: %w", name, err)
	}
	return body.Bytes(), nil
}

// homeView is the whole page.
type homeView struct {
	Person    string
	Now       int64 // the monotonic clock, ms
	Incidents incidentsView
	Newcomers inboxView
	Rounds    string // who is to be visited, in a line
	Warnings  []string
	Figures   []facilityView
	Events    []eventView
	Status    []statusView
}

func (c *Console) home(w http.ResponseWriter, r *http.Request) {
	lang := language(w, r)
	c.pages.show(w, lang, http.StatusOK, "home", homeView{
		Person:    c.personName(person(r)),
		Now:       c.Clock().Mono.Milliseconds(),
		Incidents: c.incidents(lang),
		Newcomers: c.inboxPanel(lang),
		Rounds:    c.roundsDue(lang),
		Warnings:  c.warnings(lang),
		Figures:   c.figures(lang),
		Events:    c.feed.view(lang),
		Status:    c.status(lang),
	})
}

func (c *Console) notFound(w http.ResponseWriter, r *http.Request) {
	lang := language(w, r)
	c.pages.show(w, lang, http.StatusNotFound, "message", texts.Console.NotFound.In(lang))
}

func (c *Console) fail(w http.ResponseWriter, r *http.Request, err error) {
	lang := language(w, r)
	c.pages.show(w, lang, http.StatusConflict, "message", texts.Console.WentWrong.In(lang, err))
}

func (c *Console) acknowledge(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := committed(r)
	defer cancel()
	c.acted(w, r, c.Alerts.Acknowledge(ctx, r.PathValue("id"), person(r), "page"))
}

func (c *Console) arrive(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := committed(r)
	defer cancel()
	c.acted(w, r, c.Alerts.Arrive(ctx, r.PathValue("id"), person(r), "page"))
}

func (c *Console) note(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := committed(r)
	defer cancel()
	c.acted(w, r, c.Alerts.Note(ctx, r.PathValue("id"), person(r), r.PostFormValue("text")))
}

func (c *Console) handOver(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := committed(r)
	defer cancel()
	c.acted(w, r, c.Alerts.HandOver(ctx, r.PathValue("id"), person(r), r.PostFormValue("to")))
}

func (c *Console) resolve(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := committed(r)
	defer cancel()
	c.acted(w, r, c.Alerts.Resolve(ctx, r.PathValue("id"), person(r), alert.Cause(r.PostFormValue("cause"))))
}

// committed is the context of what a human has decided: it is carried out even
// if the phone loses the network meanwhile.
func committed(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(r.Context()), 10*time.Second)
}

// acted shows how things stand after a button: the panel to htmx, the page to
// a plain browser.
func (c *Console) acted(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case r.Header.Get("HX-Request") != "true" && err != nil:
		c.fail(w, r, err)
	case r.Header.Get("HX-Request") != "true":
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		lang := language(w, r)
		view := c.incidents(lang)
		if err != nil {
			view.Problem = texts.Console.WentWrong.In(lang, err)
		}
		c.pages.show(w, lang, http.StatusOK, "incidents", view)
	}
}
