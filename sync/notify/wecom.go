package notify

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// errcode is the answer of WeCom and DingTalk: HTTP 200, whatever happened.
type errcode struct {
	Code    *int   `json:"errcode"`
	Message string `json:"errmsg"`
}

// result judges the answer; one without a code is nobody's.
func (e errcode) result(v verdicts) alert.Result {
	if e.Code == nil {
		return alert.Result{Class: alert.Unknown, Detail: "HTTP 200, but not the provider's answer"}
	}
	return v.of(*e.Code)
}

// WeCom's codes: developer.work.weixin.qq.com/document/path/90313.
var wecomVerdicts = verdicts{
	-1:    {alert.Temporary, 0, "system busy"},
	40001: {alert.Permanent, 0, "wrong secret"},
	40013: {alert.Permanent, 0, "wrong corp"},
	40056: {alert.Permanent, 0, "wrong agent"},
	45009: {alert.Temporary, time.Minute, "rate limit"},
	45033: {alert.Temporary, time.Second, "too many at once"},
	60020: {alert.Permanent, 0, "the box's address is not on the application's list"},
	81013: {alert.Permanent, 0, "no such member, or not allowed to see the application"},
	93000: {alert.Permanent, 0, "wrong key, or the robot was removed"},
}

// textMessage is a message of plain text, of WeCom and DingTalk.
type textMessage struct {
	Type string      `json:"msgtype"`
	Text textContent `json:"text"`
	At   *mention    `json:"at,omitempty"` // DingTalk
}

type textContent struct {
	Content string   `json:"content"`
	Mobiles []string `json:"mentioned_mobile_list,omitempty"` // WeCom
}

type mention struct {
	Mobiles []string `json:"atMobiles,omitempty"`
	All     bool     `json:"isAtAll"`
}

// everybody is the address of a group robot that calls on the whole group.
const everybody = "all"

// wecomRobot posts into a group. The address is the mobile number of who is
// mentioned, or "all".
type wecomRobot struct {
	web  *web
	url  string
	key  string
	lang texts.Lang
}

func (w *wecomRobot) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	m := textMessage{Type: "text", Text: textContent{Content: clip(p.Text(w.lang), 2048), Mobiles: []string{address}}}
	if address == everybody {
		m.Text.Mobiles = []string{"@all"}
	}
	var answer errcode
	result, ok := w.web.post(ctx, w.url+"?key="+url.QueryEscape(w.key), m, &answer)
	if !ok {
		return result
	}
	return answer.result(wecomVerdicts)
}

// wecomApp writes to a member by way of an application. The address is the
// member's user ID.
type wecomApp struct {
	web    *web
	clock  devices.Clock
	config WeComApp
	secret string
	lang   texts.Lang

	turn   chan struct{} // holds one while the rest is used
	token  string
	got    devices.Stamp
	expiry time.Duration // of the token, from got
}

func newWecomApp(w *web, clock devices.Clock, config WeComApp, secret string, lang texts.Lang) *wecomApp {
	return &wecomApp{web: w, clock: clock, config: config, secret: secret, lang: lang, turn: make(chan struct{}, 1)}
}

// spare is how long before its end a token is not used any more.
const spare = 5 * time.Minute

func (w *wecomApp) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	for attempt := 0; ; attempt++ {
		token, result := w.access(ctx)
		if token == "" {
			return result
		}
		var answer struct {
			errcode
			Invalid    string `json:"invaliduser"`
			Unlicensed string `json:"unlicenseduser"`
		}
		in := map[string]any{
			"touser": address, "msgtype": "text", "agentid": w.config.Agent,
			"text": textContent{Content: clip(p.Text(w.lang), 2048)},
		}
		result, ok := w.web.post(ctx, w.config.URL+"/cgi-bin/message/send?access_token="+url.QueryEscape(token), in, &answer)
		if !ok {
			return result
		}
		if answer.Code != nil && (*answer.Code == 40014 || *answer.Code == 42001) {
			// The token was taken back, or ended early. Nothing was sent.
			w.drop(ctx, token)
			if attempt == 0 {
				continue
			}
			return alert.Result{Class: alert.Temporary, Detail: "a fresh token is refused"}
		}
		result = answer.result(wecomVerdicts)
		// 0 with lists of those that it did not go to.
		if result.Class == alert.Accepted && answer.Unlicensed != "" {
			return alert.Result{Class: alert.Permanent, Detail: "the member has no licence for the interface"}
		}
		if result.Class == alert.Accepted && answer.Invalid != "" {
			return alert.Result{Class: alert.Permanent, Detail: "no such member, or not allowed to see the application"}
		}
		return result
	}
}

// access returns the token, fetched if need be. While one goroutine fetches it
// the others wait, each as long as its page may: WeCom counts the fetches too.
func (w *wecomApp) access(ctx context.Context) (string, alert.Result) {
	if !w.lock(ctx) {
		return "", alert.Result{Class: alert.Temporary, Detail: "token: " + reason(ctx.Err())}
	}
	defer w.unlock()
	now := w.clock()
	if age, same := now.Since(w.got); w.token != "" && same && age < w.expiry {
		return w.token, alert.Result{}
	}
	query := url.Values{"corpid": {w.config.Corp}, "corpsecret": {w.secret}}
	r, err := http.NewRequest(http.MethodGet, w.config.URL+"/cgi-bin/gettoken?"+query.Encode(), nil)
	if err != nil {
		return "", alert.Result{Class: alert.Permanent, Detail: "not a URL"}
	}
	var answer struct {
		errcode
		Token   string `json:"access_token"`
		Expires int    `json:"expires_in"`
	}
	result, ok := w.web.ask(ctx, r, &answer)
	if ok {
		result = answer.result(wecomVerdicts)
	}
	if result.Class == alert.Unknown || result.Class == alert.Accepted && answer.Token == "" {
		result.Class = alert.Temporary // no page has left yet
	}
	if result.Class != alert.Accepted {
		result.Detail = "token: " + result.Detail
		return "", result
	}
	w.token, w.got = answer.Token, now
	w.expiry = max(time.Minute, time.Duration(answer.Expires)*time.Second-spare)
	return w.token, result
}

// drop forgets a token that is refused, unless there is another already, or
// soon will be.
func (w *wecomApp) drop(ctx context.Context, token string) {
	if !w.lock(ctx) {
		return
	}
	defer w.unlock()
	if w.token == token {
		w.token = ""
	}
}

func (w *wecomApp) lock(ctx context.Context) bool {
	select {
	case w.turn <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (w *wecomApp) unlock() { <-w.turn }

// Check fetches a token if there is none that is good.
func (w *wecomApp) Check(ctx context.Context) alert.Result {
	_, result := w.access(ctx)
	if result.Class == "" {
		result.Class = alert.Accepted
	}
	return result
}

// clip shortens a text to so many bytes, at the end of a rune.
func clip(s string, bytes int) string {
	if len(s) <= bytes {
		return s
	}
	return strings.ToValidUTF8(s[:bytes-len("…")], "") + "…"
}
