package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"text/template"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// webhook posts pages as JSON; see the package comment for what is sent and
// how answers are understood.
type webhook struct {
	web      *web
	clock    devices.Clock // of signatures
	secret   []byte
	template *template.Template
}

// checkWebhook says what is wrong with an address.
func checkWebhook(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return texts.Errorf(texts.Alert.NoURL)
	case u.Scheme != "http" && u.Scheme != "https":
		return texts.Errorf(texts.Alert.Scheme, u.Scheme)
	case u.Hostname() == "":
		return texts.Errorf(texts.Alert.Host)
	}
	return nil
}

// message is what is posted, and what a template works with.
type message struct {
	Version int `json:"version"`
	alert.Page
	Title bilingual `json:"title"`
	Text  bilingual `json:"text"`
}

type bilingual struct {
	Chinese string `json:"zh-CN"`
	English string `json:"en"`
}

func newMessage(p alert.Page) message {
	return message{
		Version: 1, Page: p,
		Title: bilingual{p.Title(texts.Chinese), p.Title(texts.English)},
		Text:  bilingual{p.Text(texts.Chinese), p.Text(texts.English)},
	}
}

// parseTemplate makes a template of a body; in it, json writes any value as
// JSON.
func parseTemplate(source string) (*template.Template, error) {
	t, err := template.New("webhook").Option("missingkey=error").Funcs(template.FuncMap{
		"json": func(v any) (string, error) {
			b, err := json.Marshal(v)
			return string(b), err
		},
	}).Parse(source)
	if err != nil {
		return nil, err
	}
	return t, t.Execute(&bytes.Buffer{}, newMessage(alert.Page{}))
}

// Send posts p to the URL address once.
func (w *webhook) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	if err := checkWebhook(address); err != nil {
		return alert.Result{Class: alert.Permanent, Detail: err.Error()}
	}
	var body bytes.Buffer
	var err error
	if w.template != nil {
		err = w.template.Execute(&body, newMessage(p))
	} else if err = json.NewEncoder(&body).Encode(newMessage(p)); err == nil {
		body.Truncate(body.Len() - 1) // the newline that Encode adds
	}
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: fmt.Sprintf("encode: %v", err)}
	}
	request, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(body.Bytes()))
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: texts.Alert.NoURL.EN}
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("Idempotency-Key", p.Key)
	if w.secret != nil {
		at := strconv.FormatInt(w.clock().Wall.Unix(), 10)
		request.Header.Set("X-Linli-Timestamp", at)
		request.Header.Set("X-Linli-Signature", "sha256="+signWebhook(w.secret, at, body.Bytes()))
	}
	answer, _, failed := w.web.do(ctx, request)
	if failed != nil {
		return *failed
	}
	return judge(answer)
}

// signWebhook is the hexadecimal HMAC-SHA256 of the time, a point and the body.
func signWebhook(secret []byte, at string, body []byte) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return hex.EncodeToString(mac.Sum(nil))
}

// CheckTemplate says what is wrong with the source of a template.
func CheckTemplate(source string) error {
	_, err := parseTemplate(source)
	return err
}
