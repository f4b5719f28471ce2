package console

import (
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"slices"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// linkLife is how long the link of a page is good. Whoever is still called for
// the same incident has a later one.
const linkLife = 24 * time.Hour

// A link's token is the incident, the beginning of the boot's ID, when it was
// made (s of the boot's clock and of the wall's), and the signature over these
// and over whom it was made for, which is not in it.
const (
	incidentSize  = 8
	tokenHead     = incidentSize + 3*4
	signatureSize = 16
)

// Link returns the path by which a caregiver can acknowledge one incident
// without logging in: /a/TOKEN. It is "" for an incident that does not have an
// ID of the box.
func (c *Console) Link(incident, caregiver string) string {
	token, err := hex.DecodeString(incident)
	if err != nil || len(token) != incidentSize {
		return ""
	}
	now := c.Clock()
	token = append(token, now.Boot[:4]...)
	token = binary.BigEndian.AppendUint32(token, uint32(now.Mono/time.Second))
	token = binary.BigEndian.AppendUint32(token, uint32(now.Wall.Unix()))
	return "/a/" + encoding.EncodeToString(append(token, c.signLink(token, caregiver)...))
}

func (c *Console) signLink(head []byte, caregiver string) []byte {
	return c.sessions.sign(append([]byte("link\n"+caregiver+"\n"), head...))[:signatureSize]
}

// linked finds out which incident a token is for, and whose it is. The error is
// for whoever has opened it.
func (c *Console) linked(token string) (incident alert.Incident, caregiver string, err error) {
	raw, err := encoding.DecodeString(token)
	if err != nil || len(raw) != tokenHead+signatureSize {
		return incident, "", texts.Errorf(texts.AlertLink.Unknown)
	}
	head, signature := raw[:tokenHead], raw[tokenHead:]
	for id := range c.Registry.Snapshot().Caregivers {
		if hmac.Equal(signature, c.signLink(head, id)) {
			caregiver = id
		}
	}
	if caregiver == "" {
		return incident, "", texts.Errorf(texts.AlertLink.Unknown)
	}
	if now := c.Clock(); expired(linkMade(head, now), now, linkLife) {
		return incident, "", texts.Errorf(texts.AlertLink.Expired)
	}
	all, id := c.Alerts.Incidents(), hex.EncodeToString(head[:incidentSize])
	n := slices.IndexFunc(all, func(i alert.Incident) bool { return i.ID == id })
	if n < 0 || all[n].Phase == alert.PhaseResolved {
		return incident, "", texts.Errorf(texts.AlertLink.Closed)
	}
	return all[n], caregiver, nil
}

// linkMade is the stamp of when a token was made: of this boot, if it begins
// with the same four bytes, else of another.
func linkMade(head []byte, now devices.Stamp) devices.Stamp {
	boot, mono, wall := head[incidentSize:incidentSize+4], head[incidentSize+4:], head[incidentSize+8:]
	made := devices.Stamp{
		Mono: time.Duration(binary.BigEndian.Uint32(mono)) * time.Second, Wall: time.Unix(int64(binary.BigEndian.Uint32(wall)), 0),
	}
	if copy(made.Boot[:], boot); string(boot) == string(now.Boot[:4]) {
		made.Boot = now.Boot
	}
	return made
}

// linkView is the page of a link: what it is about, as the page that was sent
// says it, and a button.
type linkView struct {
	Kind, Where, Said string
	Button            bool
}

// askLink shows the button. Looking acknowledges nothing: messengers and the
// robots that preview links look, too.
func (c *Console) askLink(w http.ResponseWriter, r *http.Request) {
	lang := language(w, r)
	i, _, err := c.linked(r.PathValue("token"))
	if err != nil {
		c.pages.show(w, lang, http.StatusGone, "link", linkView{Said: texts.Of(err, lang)})
		return
	}
	v := linkView{Kind: i.Kind.Text().In(lang), Where: place(lang, i), Said: texts.AlertLink.Say.In(lang), Button: true}
	if i.Phase != alert.PhaseRaised {
		v.Said, v.Button = texts.AlertLink.Taken.In(lang), false
	}
	c.pages.show(w, lang, http.StatusOK, "link", v)
}

// pressLink acknowledges, as whoever the link was made for.
func (c *Console) pressLink(w http.ResponseWriter, r *http.Request) {
	lang := language(w, r)
	i, caregiver, err := c.linked(r.PathValue("token"))
	if err != nil {
		c.pages.show(w, lang, http.StatusGone, "link", linkView{Said: texts.Of(err, lang)})
		return
	}
	v := linkView{Kind: i.Kind.Text().In(lang), Where: place(lang, i), Said: texts.AlertLink.Done.In(lang)}
	if i.Phase != alert.PhaseRaised {
		v.Said = texts.AlertLink.Taken.In(lang)
		c.pages.show(w, lang, http.StatusOK, "link", v)
		return
	}
	ctx, cancel := committed(r)
	defer cancel()
	if err := c.Alerts.Acknowledge(ctx, i.ID, caregiver, "link"); err != nil {
		v.Said = texts.Of(err, lang)
		c.pages.show(w, lang, http.StatusConflict, "link", v)
		return
	}
	c.pages.show(w, lang, http.StatusOK, "link", v)
}
