package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// bark pushes to an iPhone. The address is the device key that the app shows.
type bark struct {
	web  *web
	url  string
	lang texts.Lang
}

func (b *bark) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	m := map[string]any{
		"device_key": address, "title": p.Title(b.lang), "body": clip(p.Text(b.lang), 2048),
		"group": "linli", "level": "timeSensitive",
	}
	if p.Link != "" {
		m["url"] = p.Link
	}
	if p.Priority == alert.High && !p.Test {
		// Rings although the telephone is muted, for half a minute.
		m["level"], m["volume"], m["call"], m["sound"] = "critical", 10, "1", "alarm"
	}
	var answer struct {
		Code *int `json:"code"`
	}
	result, ok := b.web.post(ctx, b.url+"/push", m, &answer)
	switch {
	case !ok && result.Detail == "HTTP 400":
		result.Detail = "HTTP 400: no such device key"
	case ok && answer.Code == nil:
		result = errcode{}.result(nil)
	case ok && *answer.Code != http.StatusOK:
		result = verdicts{}.of(*answer.Code)
	}
	return result
}

// ntfy pushes to whoever follows a topic, which is the address.
type ntfy struct {
	web   *web
	url   string
	token string // "" for none
	lang  texts.Lang
}

func (n *ntfy) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	m := map[string]any{"topic": address, "title": p.Title(n.lang), "message": clip(p.Text(n.lang), 4<<10), "priority": 3}
	if p.Priority == alert.High {
		m["priority"], m["tags"] = 5, []string{"sos"}
	}
	if p.Link != "" {
		m["click"] = p.Link
	}
	document, err := json.Marshal(m)
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: "page cannot be encoded"}
	}
	r, err := http.NewRequest(http.MethodPost, n.url, bytes.NewReader(document))
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: "not a URL"}
	}
	r.Header.Set("Content-Type", "application/json")
	if n.token != "" {
		r.Header.Set("Authorization", "Bearer "+n.token)
	}
	var answer struct {
		ID string `json:"id"`
	}
	result, ok := n.web.ask(ctx, r, &answer)
	if ok && answer.ID == "" {
		result = errcode{}.result(nil)
	}
	return result
}
