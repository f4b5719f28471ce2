package console

import (
	"crypto/hmac"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/visit"
)

const (
	doorCookie = "linli_door"     // the door that somebody stands at who has to log in first
	doorWaits  = 10 * time.Minute // for that: later they may have left
	labelSize  = 16               // bytes of a label's signature
)

// Door returns the path of the link for the label at an elder's door:
// /door/LABEL. It is made at the first time, and anew if renew says so; then
// the label that hangs there is worth nothing. The error is for a person.
func (c *Console) Door(by registry.Author, elder string, renew bool) (path string, err error) {
	people := c.Registry.Snapshot()
	if _, ok := people.Elders[elder]; !ok {
		return "", texts.Errorf(texts.AlertDoor.NoElder, elder)
	}
	care := people.Cares[elder]
	if care.Door == "" || renew {
		care.ID, care.Door = elder, rand.Text()
		if err := c.Registry.UpdateAs(by, func(tx *registry.Tx) error { return tx.Put(care) }); err != nil {
			return "", err
		}
	}
	return "/door/" + encoding.EncodeToString(c.label(care)), nil
}

// label signs what makes the label at a door different from all others. It is
// all that the link has: who lives there, only the box knows.
func (c *Console) label(care registry.Care) []byte {
	return c.sessions.sign([]byte("door\n" + care.ID + "\n" + care.Door))[:labelSize]
}

// behind finds the elder behind a door.
func (c *Console) behind(label string) (elder registry.Elder, ok bool) {
	given, err := encoding.DecodeString(label)
	if err != nil {
		return elder, false
	}
	people := c.Registry.Snapshot()
	for id, care := range people.Cares {
		if care.Door != "" && hmac.Equal(given, c.label(care)) {
			elder, ok = people.Elders[id]
			return elder, ok
		}
	}
	return elder, false
}

// openDoor is what the label at a door does. The answer leads elsewhere, so
// that a browser which comes back to its last page tells of no second arrival.
func (c *Console) openDoor(w http.ResponseWriter, r *http.Request) {
	label := r.PathValue("label")
	elder, ok := c.behind(label)
	if !ok {
		lang := language(w, r)
		c.pages.show(w, lang, http.StatusNotFound, "message", texts.AlertDoor.Unknown.In(lang))
		return
	}
	name, ok := c.who(r)
	if !ok {
		http.SetCookie(w, &http.Cookie{
			Name: doorCookie, Value: label, Path: "/login", MaxAge: int(doorWaits.Seconds()), HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode,
		})
		c.pages.show(w, language(w, r), http.StatusUnauthorized, "login", loginView{Door: true})
		return
	}
	if strings.Contains(r.Header.Get("Sec-Purpose"), "prefetch") { // the browser guesses, nobody is there
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	ctx, cancel := committed(r)
	defer cancel()
	open, err := c.Alerts.Visit(ctx, elder.ID, name, visit.ByDoor, c.Clock())
	switch {
	case err != nil:
		c.fail(w, r, err)
	case open > 0:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	default:
		http.Redirect(w, r, "/visits/"+elder.ID, http.StatusSeeOther)
	}
}

// afterLogin is where a login leads: to the door at which it was asked for.
func (c *Console) afterLogin(w http.ResponseWriter, r *http.Request) string {
	pending, err := r.Cookie(doorCookie)
	if err != nil {
		return "/"
	}
	http.SetCookie(w, &http.Cookie{Name: doorCookie, Path: "/login", MaxAge: -1, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode})
	if _, ok := c.behind(pending.Value); !ok {
		return "/"
	}
	return "/door/" + pending.Value
}

// visitView is the page of an elder for whom nothing is open.
type visitView struct {
	Elder, Name, Where string
	Said               []string
	Offer              bool // to confirm the care round
}

func (c *Console) visitPage(w http.ResponseWriter, r *http.Request) { c.showVisit(w, r, false) }

func (c *Console) visited(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := committed(r)
	defer cancel()
	if err := c.Watch.Confirm(ctx, r.PathValue("elder"), person(r), visit.ByDoor); err != nil {
		c.fail(w, r, err)
		return
	}
	c.showVisit(w, r, true)
}

func (c *Console) showVisit(w http.ResponseWriter, r *http.Request, confirmed bool) {
	elder, ok := c.Registry.Snapshot().Elders[r.PathValue("elder")]
	if !ok {
		c.notFound(w, r)
		return
	}
	lang, t := language(w, r), texts.AlertDoor
	v := visitView{Elder: elder.ID, Name: elder.Name, Where: strings.TrimSpace(texts.Console.NamedPlace.In(lang, elder.Building, elder.Room))}
	if confirmed {
		v.Said = []string{t.Confirmed.In(lang)}
		c.pages.show(w, lang, http.StatusOK, "visit", v)
		return
	}
	v.Said = []string{t.Nothing.In(lang), t.NoRound.In(lang)}
	for _, round := range c.Watch.Rounds() {
		if round.Elder != elder.ID {
			continue
		}
		v.Said[1], v.Offer = round.When(lang), round.Near()
	}
	c.pages.show(w, lang, http.StatusOK, "visit", v)
}
