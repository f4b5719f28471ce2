package console

import (
	"net/http"
)

// askLogin shows whom a login link lets in, and a button to go in: only the
// button uses the link up.
func (c *Console) askLogin(w http.ResponseWriter, r *http.Request) {
	secret := r.URL.Query().Get("token")
	name, ok := c.tokens.find(secret)
	if !ok {
		c.pages.show(w, language(w, r), http.StatusUnauthorized, "login", loginView{Spent: secret != ""})
		return
	}
	c.pages.show(w, language(w, r), http.StatusOK, "login", loginView{Token: secret, Name: c.personName(name)})
}

// loginView is the page of who is not logged in.
type loginView struct {
	Token string // to be redeemed, "" if none
	Name  string
	Spent bool // a link that is no good
	Door  bool // somebody stands at a door
}

func (c *Console) login(w http.ResponseWriter, r *http.Request) {
	name, ok := c.tokens.redeem(r.PostFormValue("token"))
	if !ok {
		c.pages.show(w, language(w, r), http.StatusUnauthorized, "login", loginView{Spent: true})
		return
	}
	value, err := c.sessions.issue(name)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(r), Value: value, Path: "/", MaxAge: int(sessionLife.Seconds()),
		HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
	c.Logger.Info("login")
	http.Redirect(w, r, c.afterLogin(w, r), http.StatusSeeOther)
}

// logout forgets the session on this device.
func (c *Console) logout(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, &http.Cookie{Name: cookieName(r), Path: "/", MaxAge: -1, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

func (c *Console) denyPage(w http.ResponseWriter, r *http.Request) {
	c.pages.show(w, language(w, r), http.StatusUnauthorized, "login", loginView{})
}
