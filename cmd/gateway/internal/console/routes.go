package console

import (
	"context"
	"embed"
	"net/http"
	"strings"

	"github.com/linli-edge/gateway/devices/texts"
)

//go:embed static
var static embed.FS

const (
	sessionCookie = "linli_session"
	langCookie    = "linli_lang"
	maxForm       = 4 << 10 // bytes of a posted form or document
)

// cookieName is that of the session. Over TLS it is another, which browsers
// take from this host over TLS only: nobody on the network can plant or read
// it.
func cookieName(r *http.Request) string {
	if r.TLS != nil {
		return "__Host-" + sessionCookie
	}
	return sessionCookie
}

func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /static/", http.StripPrefix("/", cached(http.FileServerFS(static))))
	mux.HandleFunc("GET /login", c.askLogin)
	mux.HandleFunc("POST /login", c.login)
	mux.HandleFunc("POST /logout", c.logout)
	mux.HandleFunc("GET /door/{label}", c.openDoor)
	mux.HandleFunc("GET /a/{token}", c.askLink)
	mux.HandleFunc("POST /a/{token}", c.pressLink)

	page := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, c.loggedIn(c.denyPage, h)) }
	page("GET /{$}", c.home)
	page("GET /stream", c.stream)
	page("POST /incidents/{id}/acknowledge", c.acknowledge)
	page("POST /incidents/{id}/onscene", c.arrive)
	page("POST /incidents/{id}/note", c.note)
	page("POST /incidents/{id}/handover", c.handOver)
	page("POST /incidents/{id}/resolve", c.resolve)
	page("GET /visits/{elder}", c.visitPage)
	page("POST /visits/{elder}", c.visited)
	page("GET /care", c.carePage)
	page("GET /care/weeks.csv", c.weeksCSV)
	page("POST /care/{elder}", c.confirmRound)
	page("GET /devices", c.devicesPage)
	page("GET /newcomers/{id}", c.newcomer)
	page("POST /newcomers/{id}", c.adopt)
	page("POST /newcomers/{id}/ignore", c.decide(false))
	page("POST /newcomers/{id}/block", c.decide(true))
	page("POST /verdicts/{id}/undo", c.undo)
	page("POST /pairing", c.pair)
	page("POST /bridges", c.addBridge)
	page("GET /devices/{id}", c.oneDevice)
	page("POST /devices/{id}", c.change)
	page("POST /devices/{id}/retire", c.retire)
	page("POST /devices/{id}/replace", c.replace)
	page("POST /devices/{id}/credentials", c.credentials)
	page("POST /devices/{id}/certificate", c.certificate)
	page("GET /import", c.importPage)
	page("GET "+templatePath, c.importTemplate)
	page("POST "+importPath, c.importFile)
	page("POST "+applyPath, c.applyFile)
	page("/", c.notFound)

	api := func(pattern string, h http.HandlerFunc) { mux.Handle(pattern, c.loggedIn(c.denyAPI, h)) }
	api("GET /api/incidents", c.apiIncidents)
	api("POST /api/incidents/{id}/acknowledge", c.apiAcknowledge)
	api("POST /api/incidents/{id}/resolve", c.apiResolve)
	api("POST /api/devices/{id}/commands", c.apiCommand)
	api("GET /api/commands", c.apiCommands)
	api("GET /api/commands/{id}", c.apiOneCommand)
	api("GET /api/figures", c.apiFigures)
	api("GET /api/status", c.apiStatus)
	c.deviceAPI(api)
	api("/api/", c.apiNotFound)

	return guarded(http.NewCrossOriginProtection().Handler(mux))
}

// guarded forbids the browser everything that the page does not need, and
// bounds what it may post.
func guarded(next http.Handler) http.Handler {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		most := int64(maxForm)
		switch r.URL.Path {
		case importPath, applyPath, importAPI:
			most = maxImport
		}
		r.Body = http.MaxBytesReader(w, r.Body, most)
		next.ServeHTTP(w, r)
	})
}

// cached lets the browser keep files, which carry their version in the query.
func cached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=31536000, immutable")
		next.ServeHTTP(w, r)
	})
}

type personKey struct{}

// person is who is logged in; only under loggedIn.
func person(r *http.Request) string {
	name, _ := r.Context().Value(personKey{}).(string)
	return name
}

// loggedIn lets pass who has a session, by cookie or as a bearer token.
func (c *Console) loggedIn(deny, next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name, ok := c.who(r)
		if !ok {
			deny(w, r)
			return
		}
		next(w, r.WithContext(context.WithValue(r.Context(), personKey{}, name)))
	})
}

// who has the session of a request.
func (c *Console) who(r *http.Request) (name string, ok bool) {
	value, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		if cookie, err := r.Cookie(cookieName(r)); err == nil {
			value = cookie.Value
		}
	}
	return c.sessions.open(value)
}

// language is what the person asked for, last, before, or by the browser's
// settings. What is not English is Chinese.
func language(w http.ResponseWriter, r *http.Request) texts.Lang {
	if asked := r.URL.Query().Get("lang"); asked != "" {
		lang := texts.Parse(asked)
		http.SetCookie(w, &http.Cookie{Name: langCookie, Value: string(lang), Path: "/", MaxAge: 365 * 24 * 60 * 60, HttpOnly: true, SameSite: http.SameSiteLaxMode})
		return lang
	}
	if kept, err := r.Cookie(langCookie); err == nil {
		return texts.Parse(kept.Value)
	}
	first, _, _ := strings.Cut(r.Header.Get("Accept-Language"), ",")
	first, _, _ = strings.Cut(first, ";")
	return texts.Parse(strings.TrimSpace(first))
}
