// Package notifytest has the other sides of the channels of package notify, as
// servers with a state: they check signatures and tokens, count against their
// own rate limits, block who exceeds them, and remember what they delivered.
// They speak the providers' published wire forms and know nothing of package
// notify.
package notifytest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Message is what a provider delivered: to whom, and the text of it.
type Message struct{ Provider, To, Text string }

// Cloud is all providers that are reached over HTTP. What is theirs is under a
// path of its own: WeCom is at URL+"/wecom", and so on.
type Cloud struct {
	URL string
	// Now is the providers' clock.
	Now func() time.Time

	mu        sync.Mutex
	delivered []Message
	arrived   chan struct{} // closed at the next message
	moods     map[string]mood
	token     string // of the WeCom application
	tokens    int    // fetched so far
	sent      map[string][]time.Time
	blocked   map[string]time.Time
	nonces    map[string]bool
	asked     map[string]int // requests of each provider, refused ones too
	hung      chan struct{}
}

// What the providers want to be shown.
const (
	WeComKey, WeComCorp, WeComSecret = "693a91f6-7xxx-4bc4", "ww4d2c5b", "app-secret"
	DingTalkToken, DingTalkSecret    = "ding-token", "SEC000"
	FeishuToken, FeishuSecret        = "feishu-hook", "feishu-secret"
	BarkKey, NtfyToken               = "ynJ5Ft4atkMkWeo2", "tk_1234"
	AliyunKey, AliyunSecret          = "LTAI5t", "aliyun-secret"
)

// mood is how a provider feels.
type mood struct {
	hang   bool
	status int // of HTTP, 0: as usual
	after  string
}

// NewCloud starts the providers for the length of a test.
func NewCloud(t testing.TB) *Cloud {
	c := &Cloud{
		Now: time.Now, arrived: make(chan struct{}), moods: map[string]mood{}, sent: map[string][]time.Time{},
		blocked: map[string]time.Time{}, nonces: map[string]bool{}, asked: map[string]int{}, hung: make(chan struct{}),
	}
	mux := http.NewServeMux()
	for path, answer := range map[string]func(*http.Request) (int, any){
		"GET /wecom/cgi-bin/gettoken":      c.wecomToken,
		"POST /wecom/cgi-bin/message/send": c.wecomApp,
		"POST /wecom/cgi-bin/webhook/send": c.wecomRobot,
		"POST /dingtalk/robot/send":        c.dingtalk,
		"POST /feishu/{token}":             c.feishu,
		"POST /bark/push":                  c.bark,
		"POST /ntfy":                       c.ntfy,
		"POST /aliyun/":                    c.aliyun,
	} {
		provider := strings.Split(path, "/")[1]
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			c.mu.Lock()
			c.asked[provider]++
			m := c.moods[provider]
			c.mu.Unlock()
			if m.hang {
				select {
				case <-c.hung:
				case <-r.Context().Done():
				}
				return
			}
			if m.status != 0 {
				w.Header().Set("Retry-After", m.after)
				w.WriteHeader(m.status)
				return
			}
			c.mu.Lock()
			status, body := answer(r)
			c.mu.Unlock()
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(body) // who hung up is told nothing
		})
	}
	s := httptest.NewServer(mux)
	c.URL = s.URL
	t.Cleanup(func() {
		close(c.hung)
		s.Close()
	})
	return c
}

// Hang makes a provider take requests and never answer.
func (c *Cloud) Hang(provider string) { c.feel(provider, mood{hang: true}) }

// Refuse makes a provider answer with a status of HTTP, and ask to be left
// alone for so many seconds, "" for not saying.
func (c *Cloud) Refuse(provider string, status int, retryAfter string) {
	c.feel(provider, mood{status: status, after: retryAfter})
}

// Mend makes a provider work again.
func (c *Cloud) Mend(provider string) { c.feel(provider, mood{}) }

func (c *Cloud) feel(provider string, m mood) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.moods[provider] = m
}

// Revoke takes the WeCom application's token back before its time.
func (c *Cloud) Revoke() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token = "revoked"
}

// Tokens is how often a token was fetched.
func (c *Cloud) Tokens() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.tokens
}

// Asked is how many requests a provider had, refused ones too.
func (c *Cloud) Asked(provider string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[provider]
}

// Delivered lists what a provider delivered, and is closed at the next message
// of any.
func (c *Cloud) Delivered(provider string) (list []Message, next <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.delivered {
		if m.Provider == provider {
			list = append(list, m)
		}
	}
	return list, c.arrived
}

func (c *Cloud) deliver(provider, to, text string) {
	c.delivered = append(c.delivered, Message{provider, to, text})
	close(c.arrived)
	c.arrived = make(chan struct{})
}

// over counts a send and tells whether it is one too many.
func (c *Cloud) over(whose string, sends int, span time.Duration) bool {
	now := c.Now()
	recent := slices.DeleteFunc(c.sent[whose], func(at time.Time) bool { return now.Sub(at) >= span })
	c.sent[whose] = append(recent, now)
	return len(recent) >= sends
}

func errcode(code int, message string) (int, any) {
	return 200, map[string]any{"errcode": code, "errmsg": message}
}

func (c *Cloud) wecomToken(r *http.Request) (int, any) {
	if r.FormValue("corpid") != WeComCorp {
		return errcode(40013, "invalid corpid")
	}
	if r.FormValue("corpsecret") != WeComSecret {
		return errcode(40001, "invalid credential, hint: [1600000000] from ip: 203.0.113.7")
	}
	c.tokens++
	c.token = "token-" + strconv.Itoa(c.tokens)
	return 200, map[string]any{"errcode": 0, "errmsg": "ok", "access_token": c.token, "expires_in": 7200}
}

func (c *Cloud) wecomApp(r *http.Request) (int, any) {
	var m struct {
		To    string `json:"touser"`
		Type  string `json:"msgtype"`
		Agent any    `json:"agentid"`
		Text  struct{ Content string }
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil || m.Type != "text" || m.Text.Content == "" {
		return errcode(40008, "invalid message type")
	}
	switch {
	case r.FormValue("access_token") != c.token:
		return errcode(40014, "invalid access_token")
	case fmt.Sprint(m.Agent) != "1000002":
		return errcode(40056, "invalid agentid")
	case strings.HasPrefix(m.To, "nobody"):
		return 200, map[string]any{"errcode": 0, "errmsg": "ok", "invaliduser": m.To}
	case strings.HasPrefix(m.To, "unlicensed"):
		return 200, map[string]any{"errcode": 0, "errmsg": "ok", "unlicenseduser": m.To}
	}
	if c.over("wecomapp/m/"+m.To, 30, time.Minute) || c.over("wecomapp/h/"+m.To, 1000, time.Hour) {
		// Dropped without a word.
		return errcode(0, "ok")
	}
	c.deliver("wecom", m.To, m.Text.Content)
	return 200, map[string]any{"errcode": 0, "errmsg": "ok", "msgid": "m" + strconv.Itoa(len(c.delivered))}
}

func (c *Cloud) wecomRobot(r *http.Request) (int, any) {
	var m struct {
		Type string `json:"msgtype"`
		Text struct {
			Content string
			Mobiles []string `json:"mentioned_mobile_list"`
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil || m.Type != "text" {
		return errcode(40008, "invalid message type")
	}
	if r.FormValue("key") != WeComKey {
		return errcode(93000, "invalid webhook url")
	}
	if len(m.Text.Content) > 2048 {
		return errcode(40058, "text.content exceed max length 2048")
	}
	if c.over("wecomrobot", 20, time.Minute) {
		return errcode(45009, "api freq out of limit")
	}
	c.deliver("wecom", strings.Join(m.Text.Mobiles, ","), m.Text.Content)
	return errcode(0, "ok")
}

func (c *Cloud) dingtalk(r *http.Request) (int, any) {
	var m struct {
		Type string `json:"msgtype"`
		Text struct{ Content string }
		At   struct {
			Mobiles []string `json:"atMobiles"`
			All     bool     `json:"isAtAll"`
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil || m.Type != "text" {
		return errcode(40035, "param error")
	}
	if r.FormValue("access_token") != DingTalkToken {
		return errcode(300001, "token is not exist")
	}
	at, _ := strconv.ParseInt(r.FormValue("timestamp"), 10, 64)
	if d := c.Now().Sub(time.UnixMilli(at)); d > time.Hour || d < -time.Hour {
		return errcode(310000, "description:机器人发送签名过期;solution:签名生成时间和发送时间请保持在 timestampms 以内")
	}
	mac := hmac.New(sha256.New, []byte(DingTalkSecret))
	fmt.Fprintf(mac, "%d\n%s", at, DingTalkSecret)
	if r.FormValue("sign") != base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		return errcode(310000, "description:sign not match")
	}
	if c.Now().Before(c.blocked["dingtalk"]) {
		return errcode(130101, "send too fast, exceed 20 times per minute")
	}
	if c.over("dingtalk", 20, time.Minute) {
		c.blocked["dingtalk"] = c.Now().Add(10 * time.Minute)
		return errcode(130101, "send too fast, exceed 20 times per minute")
	}
	to := strings.Join(m.At.Mobiles, ",")
	if m.At.All {
		to = "all"
	}
	c.deliver("dingtalk", to, m.Text.Content)
	return errcode(0, "ok")
}

func (c *Cloud) feishu(r *http.Request) (int, any) {
	var m struct {
		Timestamp, Sign string
		Type            string `json:"msg_type"`
		Content         struct{ Text string }
	}
	say := func(code int, msg string) (int, any) { return 200, map[string]any{"code": code, "msg": msg} }
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil || m.Type != "text" {
		return say(9499, "Bad Request")
	}
	if r.PathValue("token") != FeishuToken {
		return say(19001, "param invalid: incoming webhook access token invalid")
	}
	at, _ := strconv.ParseInt(m.Timestamp, 10, 64)
	mac := hmac.New(sha256.New, []byte(m.Timestamp+"\n"+FeishuSecret))
	if d := c.Now().Sub(time.Unix(at, 0)); d > time.Hour || d < -time.Hour || m.Sign != base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		return say(19021, "sign match fail or timestamp is not within one hour from current time")
	}
	if c.over("feishu/s", 5, time.Second) || c.over("feishu/m", 100, time.Minute) {
		return say(11232, "create message trigger system frequency limit")
	}
	c.deliver("feishu", "", m.Content.Text)
	return 200, map[string]any{"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": map[string]any{}, "msg": "success"}
}

func (c *Cloud) bark(r *http.Request) (int, any) {
	var m struct {
		Key   string `json:"device_key"`
		Level string
		Title string
		Body  string
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil || m.Body == "" {
		return 400, map[string]any{"code": 400, "message": "request bind failed"}
	}
	if m.Key != BarkKey {
		return 400, map[string]any{"code": 400, "message": "failed to get device token: failed to get [" + m.Key + "] device token from database"}
	}
	c.deliver("bark", m.Level, m.Title+"\n"+m.Body)
	return 200, map[string]any{"code": 200, "message": "success", "timestamp": c.Now().Unix()}
}

func (c *Cloud) ntfy(r *http.Request) (int, any) {
	var m struct {
		Topic, Title, Message string
		Priority              int
	}
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil || m.Topic == "" {
		return 400, map[string]any{"code": 40024, "http": 400, "error": "invalid request: request body must be valid JSON"}
	}
	if r.Header.Get("Authorization") != "Bearer "+NtfyToken {
		return 403, map[string]any{"code": 40301, "http": 403, "error": "forbidden"}
	}
	if c.over("ntfy", 60, time.Minute) {
		return 429, map[string]any{"code": 42901, "http": 429, "error": "limit reached: too many requests, please be nice"}
	}
	c.deliver("ntfy", fmt.Sprintf("%s %d", m.Topic, m.Priority), m.Message)
	return 200, map[string]any{"id": "sPs71M8A2T", "time": c.Now().Unix(), "event": "message", "topic": m.Topic}
}

// aliyun takes SendSms and SingleCallByTts.
func (c *Cloud) aliyun(r *http.Request) (int, any) {
	refuse := func(code, message string) (int, any) {
		return 400, map[string]any{"Code": code, "Message": message, "RequestId": "R", "HostId": r.Host}
	}
	say := func(code, message string) (int, any) {
		return 200, map[string]any{"Code": code, "Message": message, "RequestId": "R"}
	}
	at, err := time.Parse("2006-01-02T15:04:05Z", r.Header.Get("x-acs-date"))
	if d := c.Now().Sub(at); err != nil || d > 15*time.Minute || d < -15*time.Minute {
		return refuse("InvalidTimeStamp.Expired", "Specified time stamp or date value is expired.")
	}
	credential, rest, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "ACS3-HMAC-SHA256 Credential="), ",SignedHeaders=")
	signed, signature, _ := strings.Cut(rest, ",Signature=")
	if credential != AliyunKey {
		return refuse("InvalidAccessKeyId.NotFound", "Specified access key is not found.")
	}
	var lines strings.Builder
	for name := range strings.SplitSeq(signed, ";") {
		value := r.Header.Get(name)
		if name == "host" {
			value = r.Host
		}
		lines.WriteString(name + ":" + value + "\n")
	}
	canonical := strings.Join([]string{"POST", "/", r.URL.RawQuery, lines.String(), signed, r.Header.Get("x-acs-content-sha256")}, "\n")
	digest := sha256.Sum256([]byte(canonical))
	mac := hmac.New(sha256.New, []byte(AliyunSecret))
	mac.Write([]byte("ACS3-HMAC-SHA256\n" + hex.EncodeToString(digest[:])))
	if signature != hex.EncodeToString(mac.Sum(nil)) {
		return refuse("SignatureDoesNotMatch", "Specified signature is not matched with our calculation.")
	}
	nonce := r.Header.Get("x-acs-signature-nonce")
	if c.nonces[nonce] {
		return refuse("SignatureNonceUsed", "Specified signature nonce was used already.")
	}
	c.nonces[nonce] = true
	q := r.URL.Query()
	number, variables := q.Get("PhoneNumbers"), q.Get("TemplateParam")
	if r.Header.Get("x-acs-action") == "SingleCallByTts" {
		number, variables = q.Get("CalledNumber"), q.Get("TtsParam")
	}
	var v map[string]string
	if json.Unmarshal([]byte(variables), &v) != nil {
		return say("isv.INVALID_JSON_PARAM", "JSON参数不合法")
	}
	if len(number) != 11 {
		return say("isv.MOBILE_NUMBER_ILLEGAL", number+"非法手机号")
	}
	if c.over("aliyun/"+number, 50, 24*time.Hour) {
		return say("isv.BUSINESS_LIMIT_CONTROL", "触发天级流控Permits:50")
	}
	c.deliver("aliyun", number, v["kind"]+"："+v["where"]+"，"+v["minutes"])
	return 200, map[string]any{"Code": "OK", "Message": "OK", "BizId": "B", "RequestId": "R"}
}
