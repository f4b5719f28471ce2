package notify

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// aliyun calls an RPC interface of Alibaba Cloud with a signature of version 3:
// help.aliyun.com/zh/sdk/product-overview/v3-request-structure-and-signature.
type aliyun struct {
	web     *web
	clock   devices.Clock
	url     string
	key     string
	secret  string
	version string
	lang    texts.Lang
	// call makes the parameters of a page to a telephone number.
	action string
	call   func(number string, variables string) url.Values
}

func newAliyunSMS(w *web, clock devices.Clock, c AliyunSMS, secret string, lang texts.Lang) *aliyun {
	return &aliyun{
		web: w, clock: clock, url: c.URL, key: c.Key, secret: secret, version: "2017-05-25", lang: lang, action: "SendSms",
		call: func(number, variables string) url.Values {
			return url.Values{"PhoneNumbers": {number}, "SignName": {c.Sign}, "TemplateCode": {c.Template}, "TemplateParam": {variables}}
		},
	}
}

func newAliyunVoice(w *web, clock devices.Clock, c AliyunVoice, secret string, lang texts.Lang) *aliyun {
	return &aliyun{
		web: w, clock: clock, url: c.URL, key: c.Key, secret: secret, version: "2017-05-25", lang: lang, action: "SingleCallByTts",
		call: func(number, variables string) url.Values {
			v := url.Values{"CalledNumber": {number}, "TtsCode": {c.Template}, "TtsParam": {variables}, "PlayTimes": {"3"}}
			if c.Number != "" {
				v.Set("CalledShowNumber", c.Number)
			}
			return v
		},
	}
}

// variable is the longest value that a template takes, in characters.
const variable = 35

// variables fills a template: kind, where, minutes. Links are not allowed in
// one.
func (a *aliyun) variables(p alert.Page) (string, error) {
	short := func(s string) string {
		if r := []rune(s); len(r) > variable {
			return string(r[:variable])
		}
		return s
	}
	kind := p.Kind.Text().In(a.lang)
	if p.Test {
		kind = texts.Alert.Drill.In(a.lang) + kind
	}
	v, err := json.Marshal(map[string]string{"kind": short(kind), "where": short(p.Where(a.lang)), "minutes": strconv.Itoa(p.Waiting / 60)})
	return string(v), err
}

func (a *aliyun) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	variables, err := a.variables(p)
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: "page cannot be encoded"}
	}
	r, err := http.NewRequest(http.MethodPost, a.url+"/?"+canonicalQuery(a.call(address, variables)), nil)
	if err != nil {
		return alert.Result{Class: alert.Permanent, Detail: "not a URL"}
	}
	now := a.clock()
	signACS3(r, a.action, a.version, a.key, a.secret, now.Wall, rand.Text())
	answer, body, failed := a.web.do(ctx, r)
	if failed != nil {
		return *failed
	}
	var said struct {
		Code, Message string
	}
	// Refused before it was understood: 400 with a code. Refused by the
	// service: 200 with a code.
	if json.Unmarshal(body, &said) != nil || said.Code == "" || said.Code == "OK" && answer.StatusCode != http.StatusOK {
		if result := judge(answer); result.Class != alert.Accepted {
			return result
		}
		return errcode{}.result(nil)
	}
	return judgeAliyun(said.Code, said.Message, now)
}

// judgeAliyun says what the code of an answer means:
// help.aliyun.com/zh/sms/developer-reference/api-error-codes.
func judgeAliyun(code, message string, now devices.Stamp) alert.Result {
	result := alert.Result{Class: alert.Permanent, Detail: "code " + clip(printable(code), 64)}
	limited := func(wait time.Duration) {
		result.Class, result.RetryAfter = alert.Temporary, wait
	}
	switch {
	case code == "OK":
		result.Class = alert.Accepted
	case code == "isv.BUSINESS_LIMIT_CONTROL":
		switch { // the message tells which of its limits
		case strings.Contains(message, "分钟"):
			limited(time.Minute)
		case strings.Contains(message, "小时"):
			limited(time.Hour)
		default:
			limited(24 * time.Hour)
		}
	case code == "isv.DAY_LIMIT_CONTROL", code == "isv.MONTH_LIMIT_CONTROL":
		limited(24 * time.Hour)
	case strings.HasPrefix(code, "Throttling"), code == "ServiceUnavailable", code == "InternalError",
		code == "isp.SYSTEM_ERROR", code == "isp.GATEWAY_ERROR", code == "isv.SYSTEM_ERROR", code == "isv.ERROR_EMPTY_FILE":
		limited(5 * time.Second)
	case strings.HasPrefix(code, "InvalidTimeStamp"), code == "SignatureNonceUsed":
		result = whenClockIsWrong(result, now, true)
	}
	return result
}

// printable drops what does not belong into a log line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r > ' ' && r < 0x7f {
			return r
		}
		return -1
	}, s)
}

// signACS3 signs a request without a body with ACS3-HMAC-SHA256.
func signACS3(r *http.Request, action, version, key, secret string, at time.Time, nonce string) {
	empty := sha256.Sum256(nil)
	headers := []struct{ name, value string }{ // by name
		{"host", r.URL.Host},
		{"x-acs-action", action},
		{"x-acs-content-sha256", hex.EncodeToString(empty[:])},
		{"x-acs-date", at.UTC().Format("2006-01-02T15:04:05Z")},
		{"x-acs-signature-nonce", nonce},
		{"x-acs-version", version},
	}
	var lines, names []string
	for _, h := range headers {
		lines = append(lines, h.name+":"+h.value+"\n")
		names = append(names, h.name)
		r.Header.Set(h.name, h.value)
	}
	signed := strings.Join(names, ";")
	canonical := r.Method + "\n/\n" + r.URL.RawQuery + "\n" + strings.Join(lines, "") + "\n" + signed + "\n" + hex.EncodeToString(empty[:])
	digest := sha256.Sum256([]byte(canonical))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + hex.EncodeToString(digest[:])))
	r.Header.Set("Authorization", "ACS3-HMAC-SHA256 Credential="+key+",SignedHeaders="+signed+",Signature="+hex.EncodeToString(mac.Sum(nil)))
}

// canonicalQuery is the query as it is signed: by name, and a space is %20.
func canonicalQuery(v url.Values) string { return strings.ReplaceAll(v.Encode(), "+", "%20") }
