package notify

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// DingTalk's codes: open.dingtalk.com/document/orgapp/custom-bot-send-message-type.
var dingtalkVerdicts = verdicts{
	-1:     {alert.Temporary, 0, "system busy"},
	130101: {alert.Temporary, 10 * time.Minute, "over 20 a minute, blocked for 10 minutes"},
	410100: {alert.Temporary, time.Minute, "rate limit"},
	300001: {alert.Permanent, 0, "wrong token"},
	310000: {alert.Permanent, 0, "refused by the robot's security settings: signature, keyword or address"},
	400013: {alert.Permanent, 0, "the group was dissolved"},
	400101: {alert.Permanent, 0, "wrong token"},
	400102: {alert.Permanent, 0, "the robot is switched off"},
}

// dingtalk posts into a group as its robot. The address is the mobile number
// of who is mentioned, or "all".
type dingtalk struct {
	web        *web
	clock      devices.Clock
	url, token string
	secret     []byte // nil: not signed
	lang       texts.Lang
}

func (d *dingtalk) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	query := url.Values{"access_token": {d.token}}
	now := d.clock()
	if d.secret != nil {
		at := strconv.FormatInt(now.Wall.UnixMilli(), 10)
		query.Set("timestamp", at)
		query.Set("sign", sign64(d.secret, at+"\n"+string(d.secret)))
	}
	m := textMessage{Type: "text", Text: textContent{Content: clip(p.Text(d.lang), 16<<10)}}
	if m.At = (&mention{All: address == everybody}); !m.At.All {
		// Somebody is mentioned only where the text holds their number.
		m.At.Mobiles = []string{address}
		m.Text.Content += "\n@" + address
	}
	var answer errcode
	result, ok := d.web.post(ctx, d.url+"?"+query.Encode(), m, &answer)
	if !ok {
		return result
	}
	result = answer.result(dingtalkVerdicts)
	if answer.Code != nil && *answer.Code == 310000 {
		result = whenClockIsWrong(result, now, strings.Contains(answer.Message, "timestamp"))
	}
	return result
}

// whenClockIsWrong makes a refusal temporary that is the box's own clock's
// fault: it may be set any moment.
func whenClockIsWrong(result alert.Result, now devices.Stamp, timestamp bool) alert.Result {
	if timestamp || !now.Synced {
		result.Class = alert.Temporary
		result.Detail += ", perhaps because the box's clock is wrong"
	}
	return result
}

// Feishu's codes: open.feishu.cn/document/client-docs/bot-v3/add-custom-bot.
var feishuVerdicts = verdicts{
	9499:  {alert.Temporary, time.Second, "too many requests"},
	11232: {alert.Temporary, 10 * time.Second, "rate limit"},
	11233: {alert.Temporary, 10 * time.Second, "rate limit"},
	19001: {alert.Permanent, 0, "wrong token"},
	19002: {alert.Permanent, 0, "the message is refused"},
	19021: {alert.Permanent, 0, "wrong signature"},
	19022: {alert.Permanent, 0, "the box's address is not on the robot's list"},
	19024: {alert.Permanent, 0, "the robot wants a keyword"},
}

// feishu posts into a group as its robot. The address is the open_id of who is
// mentioned, or "all".
type feishu struct {
	web        *web
	clock      devices.Clock
	url, token string
	secret     []byte // nil: not signed
	lang       texts.Lang
}

func (f *feishu) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	type content struct {
		Text string `json:"text"`
	}
	m := struct {
		Timestamp string  `json:"timestamp,omitempty"`
		Sign      string  `json:"sign,omitempty"`
		Type      string  `json:"msg_type"`
		Content   content `json:"content"`
	}{Type: "text", Content: content{`<at user_id="` + address + `"></at> ` + p.Text(f.lang)}}
	now := f.clock()
	if f.secret != nil {
		m.Timestamp = strconv.FormatInt(now.Wall.Unix(), 10)
		// Time and secret are the key here, and nothing is what is signed.
		m.Sign = sign64([]byte(m.Timestamp+"\n"+string(f.secret)), "")
	}
	var answer struct {
		Code   *int `json:"code"`
		Legacy *int `json:"StatusCode"`
	}
	result, ok := f.web.post(ctx, f.url+"/"+url.PathEscape(f.token), m, &answer)
	if !ok {
		return result
	}
	code := answer.Code
	if code == nil {
		code = answer.Legacy
	}
	result = errcode{Code: code}.result(feishuVerdicts)
	if code != nil && *code == 19021 {
		result = whenClockIsWrong(result, now, false)
	}
	return result
}

// sign64 is the base64 form of an HMAC-SHA256.
func sign64(key []byte, text string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
