package notify

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify/notifytest"
)

// stamp is the box's clock in tests: real time, synchronised.
func stamp() devices.Stamp {
	return devices.Stamp{Mono: time.Since(born), Wall: time.Now(), Synced: true}
}

var born = time.Now()

// clouded are channels whose providers are those of a cloud, and where each
// reaches the person that the cloud knows.
func clouded(t *testing.T, cloud *notifytest.Cloud, clock devices.Clock) (*Channels, map[string]string) {
	t.Helper()
	dir := t.TempDir()
	file := func(content string) string {
		f, err := os.CreateTemp(dir, "secret")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.WriteString(content); err != nil || f.Close() != nil {
			t.Fatal(err)
		}
		return f.Name()
	}
	c := Defaults()
	c.WeComRobot = Robot{cloud.URL + "/wecom/cgi-bin/webhook/send", file(notifytest.WeComKey)}
	c.WeComApp = WeComApp{cloud.URL + "/wecom", notifytest.WeComCorp, "1000002", file(notifytest.WeComSecret)}
	c.DingTalk = SignedRobot{cloud.URL + "/dingtalk/robot/send", file(notifytest.DingTalkToken), file(notifytest.DingTalkSecret)}
	c.Feishu = SignedRobot{cloud.URL + "/feishu", file(notifytest.FeishuToken), file(notifytest.FeishuSecret)}
	c.Bark.URL = cloud.URL + "/bark/"
	c.Ntfy = Ntfy{cloud.URL + "/ntfy", file(notifytest.NtfyToken)}
	c.AliyunSMS = AliyunSMS{cloud.URL + "/aliyun", notifytest.AliyunKey, file(notifytest.AliyunSecret), "邻里", "SMS_1"}
	c.AliyunVoice = AliyunVoice{cloud.URL + "/aliyun", notifytest.AliyunKey, file(notifytest.AliyunSecret), "02512345678", "TTS_1"}
	n, err := Open(c, Options{Clock: clock, Secret: os.ReadFile, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n, map[string]string{
		WeComRobotChannel: "13800000001", WeComAppChannel: "LiMin", DingTalkChannel: "13800000001", FeishuChannel: "ou_1",
		BarkChannel: notifytest.BarkKey, NtfyChannel: "duty", AliyunSMSChannel: "13800000001", AliyunVoiceChannel: "13800000001",
	}
}

// Each provider takes a page in its own wire form, signature and token
// included, and delivers building, room and kind to the right person.
func TestProvidersDeliver(t *testing.T) {
	for _, clock := range []struct {
		name string
		off  time.Duration
	}{{"right", 0}, {"some minutes off", 10 * time.Minute}} {
		t.Run(clock.name, func(t *testing.T) {
			cloud := notifytest.NewCloud(t)
			n, addresses := clouded(t, cloud, func() devices.Stamp {
				s := stamp()
				s.Wall = s.Wall.Add(clock.off)
				return s
			})
			for kind, address := range addresses {
				provider, _, _ := strings.Cut(kind, "_")
				before, _ := cloud.Delivered(provider)
				if r := n.channels[kind].Send(t.Context(), address, page()); r.Class != alert.Accepted {
					t.Errorf("%s: %+v", kind, r)
				}
				after, _ := cloud.Delivered(provider)
				if len(after) != len(before)+1 {
					t.Errorf("%s: delivered %d", kind, len(after)-len(before))
					continue
				}
				m := after[len(after)-1]
				if !strings.Contains(m.Text, "紧急求助") || !strings.Contains(m.Text, "3栋 502") {
					t.Errorf("%s: %q", kind, m.Text)
				}
				to, want := m.To, address
				switch kind {
				case FeishuChannel: // who is mentioned stands in the text
					to, _, _ = strings.Cut(m.Text, "</at>")
					want = `<at user_id="` + address + `">`
				case BarkChannel: // it says how loud
					want = "critical"
				case NtfyChannel:
					want = address + " 5"
				}
				if to != want {
					t.Errorf("%s went to %q, want %q", kind, to, want)
				}
			}
			if failed := n.Failures(); len(failed) > 0 {
				t.Errorf("failures: %+v", failed)
			}
		})
	}
}

// What providers refuse in their own words has the right class, and the words
// themselves are not passed on.
func TestProvidersRefuse(t *testing.T) {
	for _, c := range []struct {
		kind, address string
		spoil         func(*Channels)
		want          alert.Result
	}{
		{WeComRobotChannel, "all", func(n *Channels) { sender[*wecomRobot](n, WeComRobotChannel).key = "removed" },
			alert.Result{Class: alert.Permanent, Detail: "code 93000: wrong key, or the robot was removed"}},
		{WeComAppChannel, "nobody", func(*Channels) {},
			alert.Result{Class: alert.Permanent, Detail: "no such member, or not allowed to see the application"}},
		{WeComAppChannel, "unlicensed", func(*Channels) {},
			alert.Result{Class: alert.Permanent, Detail: "the member has no licence for the interface"}},
		{WeComAppChannel, "LiMin", func(n *Channels) { sender[*wecomApp](n, WeComAppChannel).secret = "old" },
			alert.Result{Class: alert.Permanent, Detail: "token: code 40001: wrong secret"}},
		{WeComAppChannel, "LiMin", func(n *Channels) { sender[*wecomApp](n, WeComAppChannel).config.Agent = "7" },
			alert.Result{Class: alert.Permanent, Detail: "code 40056: wrong agent"}},
		{DingTalkChannel, "all", func(n *Channels) { sender[*dingtalk](n, DingTalkChannel).token = "x" },
			alert.Result{Class: alert.Permanent, Detail: "code 300001: wrong token"}},
		{DingTalkChannel, "all", func(n *Channels) { sender[*dingtalk](n, DingTalkChannel).secret = []byte("x") },
			alert.Result{Class: alert.Permanent, Detail: "code 310000: refused by the robot's security settings: signature, keyword or address"}},
		{FeishuChannel, "all", func(n *Channels) { sender[*feishu](n, FeishuChannel).secret = []byte("x") },
			alert.Result{Class: alert.Permanent, Detail: "code 19021: wrong signature"}},
		{FeishuChannel, "all", func(n *Channels) { sender[*feishu](n, FeishuChannel).clock = longAgo },
			alert.Result{Class: alert.Temporary, Detail: "code 19021: wrong signature, perhaps because the box's clock is wrong"}},
		{BarkChannel, "who", func(*Channels) {}, alert.Result{Class: alert.Permanent, Detail: "HTTP 400: no such device key"}},
		{NtfyChannel, "duty", func(n *Channels) { sender[*ntfy](n, NtfyChannel).token = "" },
			alert.Result{Class: alert.Permanent, Detail: "HTTP 403"}},
		{AliyunSMSChannel, "12", func(*Channels) {}, alert.Result{Class: alert.Permanent, Detail: "code isv.MOBILE_NUMBER_ILLEGAL"}},
		{AliyunSMSChannel, "13800000001", func(n *Channels) { sender[*aliyun](n, AliyunSMSChannel).secret = "x" },
			alert.Result{Class: alert.Permanent, Detail: "code SignatureDoesNotMatch"}},
		{AliyunVoiceChannel, "13800000001", func(n *Channels) { sender[*aliyun](n, AliyunVoiceChannel).clock = longAgo },
			alert.Result{Class: alert.Temporary, Detail: "code InvalidTimeStamp.Expired, perhaps because the box's clock is wrong"}},
	} {
		cloud := notifytest.NewCloud(t)
		n, _ := clouded(t, cloud, stamp)
		c.spoil(n)
		if got := n.channels[c.kind].Send(t.Context(), c.address, page()); got != c.want {
			t.Errorf("%s to %s: %+v, want %+v", c.kind, c.address, got, c.want)
		}
		if failed := n.Failures(); len(failed) != 1 || failed[0].Channel != c.kind || failed[0].Detail != c.want.Detail {
			t.Errorf("%s: failures %+v", c.kind, failed)
		}
	}
}

func sender[S alert.Sender](n *Channels, kind string) S { return n.channels[kind].sender.(S) }

// longAgo is a clock that was never set.
func longAgo() devices.Stamp { return devices.Stamp{Mono: time.Since(born), Wall: time.Unix(300, 0)} }

// HTTP itself may refuse, and any provider may hang; the box gives up in time
// and says what is known.
func TestProvidersFail(t *testing.T) {
	cloud := notifytest.NewCloud(t)
	n, addresses := clouded(t, cloud, stamp)
	n.web.timeout = 50 * time.Millisecond
	for kind, address := range addresses {
		provider, _, _ := strings.Cut(kind, "_")
		cloud.Hang(provider)
		want := alert.Unknown
		if kind == WeComAppChannel {
			want = alert.Temporary // it hangs at the token: no page has left
		}
		before := cloud.Asked(provider)
		out := func() bool { return cloud.Asked(provider) > before }
		if got := sendInTime(out, func() alert.Result { return n.channels[kind].Send(t.Context(), address, page()) }); got.Class != want || !strings.HasSuffix(got.Detail, "timeout") {
			t.Errorf("%s hangs: %+v, want %s", kind, got, want)
		}
		cloud.Mend(provider)
	}
	n.web.timeout = defaultTimeout
	for kind, address := range addresses {
		provider, _, _ := strings.Cut(kind, "_")
		cloud.Refuse(provider, 503, "17")
		got := n.channels[kind].sender.Send(t.Context(), address, page())
		if got.Class != alert.Temporary || got.RetryAfter != 17*time.Second {
			t.Errorf("%s: %+v", kind, got)
		}
		cloud.Mend(provider)
	}
}

// A token is fetched once, used until it ends, and fetched again when the
// provider has taken it back, within the same attempt.
func TestWeComToken(t *testing.T) {
	cloud := notifytest.NewCloud(t)
	var late time.Duration
	n, _ := clouded(t, cloud, func() devices.Stamp {
		s := stamp()
		s.Mono += late
		return s
	})
	send := func() {
		t.Helper()
		if r := n.channels[WeComAppChannel].Send(t.Context(), "LiMin", page()); r.Class != alert.Accepted {
			t.Errorf("%+v", r)
		}
	}
	send()
	send()
	if got := cloud.Tokens(); got != 1 {
		t.Errorf("%d tokens for two pages", got)
	}
	cloud.Revoke()
	send()
	if got := cloud.Tokens(); got != 2 {
		t.Errorf("%d tokens after one was taken back", got)
	}
	late = 2 * time.Hour
	send()
	if got := cloud.Tokens(); got != 3 {
		t.Errorf("%d tokens after two hours", got)
	}
	if r := n.channels[WeComAppChannel].sender.(checker).Check(t.Context()); r.Class != alert.Accepted {
		t.Errorf("check: %+v", r)
	}
}

// Without a token nothing has left, whatever is said about it.
func TestWeComWithoutToken(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"errcode":0,"errmsg":"ok"}`)
	}))
	defer server.Close()
	w := newWecomApp(newWeb(0), stamp, WeComApp{URL: server.URL}, "secret", texts.Chinese)
	defer w.web.close()
	if r := w.Send(t.Context(), "LiMin", page()); r.Class != alert.Temporary {
		t.Errorf("%+v", r)
	}
}

// hanging answers nothing until the request ends.
type hanging struct{}

func (hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// Who waits for a token that somebody else fetches waits no longer than their
// own page may take.
func TestWaitingForATokenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWeb(time.Hour)
		w.client.Transport = hanging{}
		app := newWecomApp(w, stamp, WeComApp{URL: "http://p"}, "s", texts.Chinese)
		long, stop := context.WithCancel(t.Context())
		over := make(chan alert.Result)
		go func() { over <- app.Send(long, "LiMin", page()) }()
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		if r := app.Send(short, "LiMin", page()); r.Class != alert.Temporary || r.Detail != "token: timeout" || time.Since(began) != 10*time.Second {
			t.Errorf("after %s: %+v", time.Since(began), r)
		}
		stop()
		if r := <-over; r.Class == alert.Accepted {
			t.Errorf("%+v", r)
		}
	})
}

// 500 notices at once neither get a robot blocked nor delay a call for help;
// what the provider blocks all the same is left alone for as long as it says.
func TestStormKeepsHalfForSOS(t *testing.T) {
	cloud := notifytest.NewCloud(t)
	var late time.Duration
	n, addresses := clouded(t, cloud, func() devices.Stamp { s := stamp(); s.Mono += late; return s })
	late = time.Minute
	notice := page()
	notice.Priority = alert.Technical
	for kind, provider := range map[string]string{DingTalkChannel: "dingtalk", WeComRobotChannel: "wecom"} {
		for i := range 500 {
			notice.Key = string(rune('a' + i))
			r := n.channels[kind].Send(t.Context(), addresses[kind], notice)
			if r.Class != alert.Accepted && (r != alert.Result{Class: alert.Temporary, Detail: budgetDetail}) {
				t.Fatalf("notice %d: %+v", i, r)
			}
		}
		if got := cloud.Asked(provider); got != 10 {
			t.Errorf("%s: %d of 500 notices left, want half of 20", kind, got)
		}
		for range 10 {
			if r := n.channels[kind].Send(t.Context(), addresses[kind], page()); r.Class != alert.Accepted {
				t.Errorf("%s: SOS: %+v", kind, r)
			}
		}
		r := n.channels[kind].Send(t.Context(), addresses[kind], page())
		if r.Class != alert.Temporary || r.RetryAfter <= 0 || r.RetryAfter > time.Minute {
			t.Errorf("%s: the 21st of a minute: %+v", kind, r)
		}
	}
	if failed := n.Failures(); len(failed) != maxFailures {
		t.Errorf("%d failures kept", len(failed))
	}
}

// Whatever notices had used up before a restart, a quarter of what the provider
// counts is left for who calls for help. A minute later they have their half.
func TestARestartLeavesAQuarterForSOS(t *testing.T) {
	began, cloud := time.Now(), notifytest.NewCloud(t)
	var late time.Duration
	cloud.Now = func() time.Time { return began.Add(late) }
	clock := func() devices.Stamp { return devices.Stamp{Mono: time.Hour + late, Wall: cloud.Now(), Synced: true} }
	storm := func(n *Channels, p alert.Page) (accepted int) {
		for range 30 {
			switch r := n.channels[DingTalkChannel].Send(t.Context(), "all", p); {
			case r.Class == alert.Accepted:
				accepted++
			case r.Detail != budgetDetail && p.Priority != alert.High:
				t.Fatalf("%+v", r)
			}
		}
		return accepted
	}
	notice := page()
	notice.Priority = alert.Medium
	before, _ := clouded(t, cloud, clock)
	late += time.Minute
	if n := storm(before, notice); n != 10 {
		t.Errorf("%d notices before the restart", n)
	}
	after, _ := clouded(t, cloud, clock)
	if notices, calls := storm(after, notice), storm(after, page()); notices != 5 || calls != 5 {
		t.Errorf("%d notices and %d calls after the restart", notices, calls)
	}
	late += 11 * time.Minute // the provider has forgotten that there were too many calls
	if n := storm(after, notice); n != 10 {
		t.Errorf("%d notices when the span has passed", n)
	}
}

// Another box may use the same robot: then the provider blocks it, and the
// channel leaves it alone, for everybody, until the block is over.
func TestBlockedRobotIsLeftAlone(t *testing.T) {
	cloud := notifytest.NewCloud(t)
	n, _ := clouded(t, cloud, stamp)
	other, _ := clouded(t, cloud, stamp)
	for range 20 {
		if r := other.channels[DingTalkChannel].Send(t.Context(), "all", page()); r.Class != alert.Accepted {
			t.Fatalf("%+v", r)
		}
	}
	first := n.channels[DingTalkChannel].Send(t.Context(), "13800000001", page())
	if first.Class != alert.Temporary || first.RetryAfter != 10*time.Minute {
		t.Errorf("%+v", first)
	}
	asked := cloud.Asked("dingtalk")
	second := n.channels[DingTalkChannel].Send(t.Context(), "all", page())
	if second.Class != alert.Temporary || second.Detail != blockedDetail || cloud.Asked("dingtalk") != asked {
		t.Errorf("while it is blocked: %+v, asked %d times", second, cloud.Asked("dingtalk")-asked)
	}
}

// A webhook that wants to be left alone, for however long, is tried again after
// ten minutes; those of others are called meanwhile.
func TestABusyWebhookKeepsNobodyElseWaiting(t *testing.T) {
	var late time.Duration
	n, _ := clouded(t, notifytest.NewCloud(t), func() devices.Stamp {
		s := stamp()
		s.Mono += late
		return s
	})
	var asked atomic.Int64
	busy := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.Header().Set("Retry-After", "2000000000")
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	well := serve(t, func(http.ResponseWriter, *http.Request) {})
	send := func(address string) alert.Class {
		return n.channels[WebhookChannel].Send(t.Context(), address, page()).Class
	}
	if got := []alert.Class{send(busy), send(busy), send(well)}; !slices.Equal(got, []alert.Class{alert.Temporary, alert.Temporary, alert.Accepted}) || asked.Load() != 1 {
		t.Errorf("%v, asked %d times", got, asked.Load())
	}
	late = 10 * time.Minute
	if send(busy); asked.Load() != 2 {
		t.Errorf("ten minutes later it was asked %d times", asked.Load())
	}
}

// The budget in virtual time: never more in any span than the limit, never
// more than half of it for notices, and room again when the span has passed.
func TestBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget([]limit{{4, time.Second, true}, {10, time.Minute, true}}, -time.Minute)
		start := time.Now()
		now := func() time.Duration { return time.Since(start) + 1 }
		var sent []time.Duration
		for range 2000 {
			wait, _ := b.take("a", true, now())
			if wait == 0 {
				sent = append(sent, now())
			}
			time.Sleep(50 * time.Millisecond)
		}
		if len(sent) != 20 {
			t.Errorf("%d sends in 100 s", len(sent))
		}
		for i := range sent {
			for _, l := range b.limits {
				n := len(slices.DeleteFunc(slices.Clone(sent), func(at time.Duration) bool { return at < sent[i] || at >= sent[i]+l.span }))
				if n > l.sends {
					t.Fatalf("%d within %s", n, l.span)
				}
			}
		}
		for i := range 3 {
			if wait, _ := b.take("b", false, now()); (wait == 0) != (i < 2) {
				t.Errorf("notice %d in one second to another address: wait %s", i, wait)
			}
		}
		b.block("b", now()+time.Hour)
		b.block("b", now()+time.Minute) // of an attempt that was under way
		if wait, why := b.take("b", true, now()); wait != time.Hour || why != blockedDetail {
			t.Errorf("%s %s", wait, why)
		}
		time.Sleep(24 * time.Hour)
		if used := b.used(now()); used != 0 {
			t.Errorf("used %f after a day", used)
		}
		if wait, _ := b.take("b", true, now()); wait != 0 || len(b.sent) != 1 || len(b.blocked) != 0 {
			t.Errorf("%s, remembers %d", wait, len(b.sent))
		}
	})
}

// A box that has ever more to say, for hours, uses what each provider allows, and
// is neither refused nor, where a provider drops what is too much without a word,
// unheard.
func TestBudgetsAreTheProviders(t *testing.T) {
	for _, c := range []struct {
		kind, address, provider string
		every, length           time.Duration
		want                    int
	}{
		{WeComRobotChannel, "all", "wecom", time.Second, 5 * time.Minute, 5 * 20},
		{WeComAppChannel, "LiMin", "wecom", time.Second, 2 * time.Hour, 2 * 1000},
		{DingTalkChannel, "all", "dingtalk", time.Second, 20 * time.Minute, 20 * 20},
		{FeishuChannel, "all", "feishu", 100 * time.Millisecond, 2 * time.Minute, 2 * 100},
		{AliyunSMSChannel, "13800000001", "aliyun", 10 * time.Minute, 48 * time.Hour, 2 * 50},
	} {
		t.Run(c.kind, func(t *testing.T) {
			var late time.Duration
			began, cloud := time.Now(), notifytest.NewCloud(t)
			cloud.Now = func() time.Time { return began.Add(late) }
			n, _ := clouded(t, cloud, func() devices.Stamp {
				return devices.Stamp{Mono: time.Hour + late, Wall: cloud.Now(), Synced: true}
			})
			accepted := 0
			for ; late < c.length; late += c.every {
				switch r := n.channels[c.kind].Send(t.Context(), c.address, page()); {
				case r.Class == alert.Accepted:
					accepted++
				case r.Detail != budgetDetail:
					t.Fatalf("after %s: %+v", late, r)
				}
			}
			if delivered, _ := cloud.Delivered(c.provider); accepted != c.want || len(delivered) != accepted {
				t.Errorf("%d accepted, %d delivered, want %d", accepted, len(delivered), c.want)
			}
		})
	}
}

// Trials count: a page after as many as the provider allows is not the one that
// has the robot blocked.
func TestTrialsCount(t *testing.T) {
	cloud := notifytest.NewCloud(t)
	n, addresses := clouded(t, cloud, stamp)
	for range 20 {
		if r, err := n.Test(t.Context(), DingTalkChannel, addresses[DingTalkChannel]); err != nil || r.Class != alert.Accepted {
			t.Fatalf("%+v %v", r, err)
		}
	}
	if r := n.channels[DingTalkChannel].Send(t.Context(), addresses[DingTalkChannel], page()); r.Detail != budgetDetail || cloud.Asked("dingtalk") != 20 {
		t.Errorf("%+v, asked %d times", r, cloud.Asked("dingtalk"))
	}
}

// A telephone may be called once a minute: that call is kept for who needs help.
// A notice is told at once that it needs another channel.
func TestTheOnlyCallIsKeptForSOS(t *testing.T) {
	cloud := notifytest.NewCloud(t)
	n, addresses := clouded(t, cloud, stamp)
	voice, number := n.channels[AliyunVoiceChannel], addresses[AliyunVoiceChannel]
	for _, priority := range []alert.Priority{alert.Medium, alert.Operator, alert.Technical} {
		notice := page()
		notice.Priority = priority
		if r := voice.Send(t.Context(), number, notice); r != (alert.Result{Class: alert.Permanent, Detail: reservedDetail}) {
			t.Errorf("%s: %+v", priority, r)
		}
	}
	if r := voice.Send(t.Context(), number, page()); r.Class != alert.Accepted {
		t.Errorf("SOS: %+v", r)
	}
	if r := voice.Send(t.Context(), number, page()); r.Class != alert.Temporary || r.RetryAfter > time.Minute {
		t.Errorf("another in the minute: %+v", r)
	}
}

// The example of the provider's documentation.
func TestSignatureOfAlibabaCloud(t *testing.T) {
	r, err := http.NewRequest("POST", "https://ecs.cn-shanghai.aliyuncs.com/?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai", nil)
	if err != nil {
		t.Fatal(err)
	}
	signACS3(r, "RunInstances", "2014-05-26", "YourAccessKeyId", "YourAccessKeySecret",
		time.Date(2023, 10, 26, 10, 22, 32, 0, time.UTC), "3156853299f313e23d1673dc12e1703d")
	const want = "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version," +
		"Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
	if got := r.Header.Get("Authorization"); got != want {
		t.Errorf("%s", got)
	}
	if got := canonicalQuery(map[string][]string{"b": {"王 秀*~英+"}, "a": {"1"}}); got != "a=1&b=%E7%8E%8B%20%E7%A7%80%2A~%E8%8B%B1%2B" {
		t.Errorf("%s", got)
	}
}

func TestLimitsOfAlibabaCloud(t *testing.T) {
	for message, want := range map[string]time.Duration{
		"触发分钟级流控Permits:1": time.Minute, "触发小时级流控Permits:5": time.Hour, "触发天级流控Permits:10": 24 * time.Hour, "": 24 * time.Hour,
	} {
		r := judgeAliyun("isv.BUSINESS_LIMIT_CONTROL", message, stamp())
		if r.Class != alert.Temporary || r.RetryAfter != want {
			t.Errorf("%q: %+v", message, r)
		}
	}
	for code, want := range map[string]alert.Class{
		"OK": alert.Accepted, "isv.AMOUNT_NOT_ENOUGH": alert.Permanent, "isp.SYSTEM_ERROR": alert.Temporary,
		"Throttling.User": alert.Temporary, "isv.OUT_OF_SERVICE": alert.Permanent, "isv.DAY_LIMIT_CONTROL": alert.Temporary,
	} {
		if r := judgeAliyun(code, "", stamp()); r.Class != want {
			t.Errorf("%s: %+v", code, r)
		}
	}
}

// The weekly trial goes to another one each week, and wakes nobody who need not
// be; and it says what the provider says.
func TestTrial(t *testing.T) {
	cloud := notifytest.NewCloud(t)
	n, _ := clouded(t, cloud, stamp)
	reach := func(id, number string, quiet registry.Hours) registry.Caregiver {
		return registry.Caregiver{ID: id, Quiet: quiet, Channels: []registry.Channel{{Kind: DingTalkChannel, Address: number}}}
	}
	people := &registry.Snapshot{Caregivers: map[string]registry.Caregiver{
		"li": reach("li", "13800000001", ""), "wang": reach("wang", "13800000002", ""), "zhou": reach("zhou", "13800000003", "08:00-12:00"),
	}}
	var told []string
	for week := range 4 {
		results := n.Trial(t.Context(), people, time.Date(2026, 11, 2+7*week, 10, 0, 0, 0, time.UTC))
		if len(results) != 1 || results[DingTalkChannel].Class != alert.Accepted {
			t.Errorf("%+v", results)
		}
		list, _ := cloud.Delivered("dingtalk")
		told = append(told, list[len(list)-1].To)
		if m := list[len(list)-1]; !strings.HasPrefix(m.Text, "【测试】") {
			t.Errorf("%+v", m)
		}
	}
	if want := []string{"13800000002", "13800000001", "13800000002", "13800000001"}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	delete(people.Caregivers, "li")
	delete(people.Caregivers, "wang")
	sender[*dingtalk](n, DingTalkChannel).token = "removed"
	if r := n.Trial(t.Context(), people, time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)); r[DingTalkChannel].Class != alert.Permanent {
		t.Errorf("the only one is asleep, and the robot is gone: %+v", r)
	}
}

// What each provider says by its codes, HTTP being content.
func TestCodesOfProviders(t *testing.T) {
	for _, c := range []struct {
		kind string
		code int
		want alert.Class
		wait time.Duration
	}{
		{WeComRobotChannel, -1, alert.Temporary, 0},
		{WeComRobotChannel, 40001, alert.Permanent, 0},
		{WeComRobotChannel, 40013, alert.Permanent, 0},
		{WeComRobotChannel, 45009, alert.Temporary, time.Minute},
		{WeComRobotChannel, 45033, alert.Temporary, time.Second},
		{WeComRobotChannel, 60020, alert.Permanent, 0},
		{WeComRobotChannel, 81013, alert.Permanent, 0},
		{WeComRobotChannel, 99999, alert.Permanent, 0}, // not known
		{DingTalkChannel, -1, alert.Temporary, 0},
		{DingTalkChannel, 130101, alert.Temporary, 10 * time.Minute},
		{DingTalkChannel, 410100, alert.Temporary, time.Minute},
		{DingTalkChannel, 400013, alert.Permanent, 0},
		{DingTalkChannel, 400101, alert.Permanent, 0},
		{DingTalkChannel, 400102, alert.Permanent, 0},
		{FeishuChannel, 9499, alert.Temporary, time.Second},
		{FeishuChannel, 11232, alert.Temporary, 10 * time.Second},
		{FeishuChannel, 11233, alert.Temporary, 10 * time.Second},
		{FeishuChannel, 19001, alert.Permanent, 0},
		{FeishuChannel, 19022, alert.Permanent, 0},
		{FeishuChannel, 19024, alert.Permanent, 0},
		{BarkChannel, 500, alert.Permanent, 0},
	} {
		w := newWeb(time.Second)
		w.client.Transport = &canned{status: 200, body: fmt.Sprintf(`{"errcode":%[1]d,"code":%[1]d,"errmsg":"called by 13800000001"}`, c.code)}
		s := map[string]alert.Sender{
			WeComRobotChannel: &wecomRobot{web: w, url: "http://p"}, DingTalkChannel: &dingtalk{web: w, clock: stamp, url: "http://p"},
			FeishuChannel: &feishu{web: w, clock: stamp, url: "http://p"}, BarkChannel: &bark{web: w, url: "http://p"},
		}[c.kind]
		r := s.Send(t.Context(), "13800000001", page())
		if r.Class != c.want || r.RetryAfter != c.wait || !strings.HasPrefix(r.Detail, fmt.Sprint("code ", c.code)) || strings.Contains(r.Detail, "1380") {
			t.Errorf("%s %d: %+v", c.kind, c.code, r)
		}
	}
}

// What each channel may send in each span, and that half of it is kept for who
// calls for help.
func TestLimitsOfProviders(t *testing.T) {
	const day = 24 * time.Hour
	for _, c := range []struct {
		kind  string
		sends int
		span  time.Duration
		each  bool // to each address
	}{
		{WeComRobotChannel, 20, time.Minute, false},
		{WeComAppChannel, 30, time.Minute, true}, {WeComAppChannel, 1000, time.Hour, true},
		{DingTalkChannel, 20, time.Minute, false},
		{FeishuChannel, 5, time.Second, false}, {FeishuChannel, 100, time.Minute, false},
		{BarkChannel, 60, time.Minute, true}, {NtfyChannel, 60, time.Minute, false}, {EmailChannel, 60, time.Minute, false},
		{AliyunSMSChannel, 50, day, true},
		{AliyunVoiceChannel, 1, time.Minute, true}, {AliyunVoiceChannel, 5, time.Hour, true}, {AliyunVoiceChannel, 20, day, true},
		{SMSChannel, 20, time.Minute, false},
	} {
		sent := func(high bool, addresses ...string) (n int) {
			b := newBudget(traits[c.kind].limits, -day)
			for at := time.Duration(1); at < c.span; at += c.span / 5000 {
				for _, a := range addresses {
					if wait, _ := b.take(a, high, at); wait == 0 {
						n++
					}
				}
			}
			return n
		}
		both, half := c.sends, c.sends/2
		if c.each {
			both = 2 * c.sends
		}
		if c.kind == AliyunVoiceChannel {
			half = 0
		}
		if one, two, notices := sent(true, "a"), sent(true, "a", "b"), sent(false, "a"); one != c.sends || two != both || notices != half {
			t.Errorf("%s in %s: %d to one address, %d to two, %d notices", c.kind, c.span, one, two, notices)
		}
	}
}

// A provider, or what pretends to be one, may answer anything.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"errcode":0,"errmsg":"ok"}`, `{"errcode":45009}`, `{"errcode":"0"}`, `{"code":0}`, `{"StatusCode":0}`, `{"code":200}`, `{"id":"x"}`,
		`{"Code":"OK"}`, `{"Code":"isv.BUSINESS_LIMIT_CONTROL","Message":"触发小时级流控Permits:5"}`, `{"errcode":0,"invaliduser":"a"}`,
		`{"access_token":"t","expires_in":-1,"errcode":0}`, `<html>please log in</html>`, ``, `[]`, `null`, `{"errcode":1e99}`,
	} {
		f.Add(200, seed)
		f.Add(400, seed)
	}
	f.Add(503, "")
	f.Fuzz(func(t *testing.T, status int, body string) {
		status = 200 + ((status-200)%400+400)%400
		answered := &canned{status: status, body: body}
		w := newWeb(time.Second)
		w.client.Transport = answered
		for kind, s := range map[string]alert.Sender{
			"wecom_robot": &wecomRobot{web: w, url: "http://p"}, "wecom_app": newWecomApp(w, stamp, WeComApp{URL: "http://p"}, "", texts.Chinese),
			"dingtalk": &dingtalk{web: w, clock: stamp, url: "http://p"}, "feishu": &feishu{web: w, clock: stamp, url: "http://p"},
			"bark": &bark{web: w, url: "http://p"}, "ntfy": &ntfy{web: w, url: "http://p"},
			"aliyun": newAliyunSMS(w, stamp, AliyunSMS{URL: "http://p"}, "s", texts.Chinese),
		} {
			r := s.Send(t.Context(), "13800000001", page())
			if !slices.Contains([]alert.Class{alert.Accepted, alert.Temporary, alert.Permanent, alert.Unknown}, r.Class) {
				t.Errorf("%s: class %q", kind, r.Class)
			}
			if strings.ContainsFunc(r.Detail, func(r rune) bool { return r < ' ' }) || len(r.Detail) > 200 {
				t.Errorf("%s: detail %q", kind, r.Detail)
			}
			if r.Class == alert.Accepted && (status >= 300 || !strings.ContainsAny(body, "0O\"")) {
				t.Errorf("%s: accepted on %d %q", kind, status, body)
			}
		}
	})
}

// A signed webhook can be checked by its receiver, and a template makes the
// body that the receiver wants.
func TestWebhookSignedAndTemplated(t *testing.T) {
	dir := t.TempDir()
	secret, template := filepath.Join(dir, "secret"), filepath.Join(dir, "template")
	if err := os.WriteFile(secret, []byte("shared"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(template, []byte(`{"alarm":{{json .Title.Chinese}},"id":{{json .Incident}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c := Defaults()
	c.Webhook = WebhookHooks{SecretFile: secret, Template: template}
	n, err := Open(c, Options{Clock: stamp, Secret: os.ReadFile, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	got := make(chan [3]string, 1)
	address := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body := string(raw)
		got <- [3]string{body, r.Header.Get("X-Linli-Signature"), r.Header.Get("X-Linli-Timestamp")}
	})
	if r := n.channels[WebhookChannel].Send(t.Context(), address, page()); r.Class != alert.Accepted {
		t.Fatalf("%+v", r)
	}
	g := <-got
	if want := `{"alarm":"【紧急求助】3栋 502","id":"9f2c"}`; g[0] != want {
		t.Errorf("%s", g[0])
	}
	if g[1] != "sha256="+signWebhook([]byte("shared"), g[2], []byte(g[0])) || g[2] == "" {
		t.Errorf("signature %s at %s", g[1], g[2])
	}
	if err := CheckTemplate("{{.Nothing}}"); err == nil {
		t.Error("a template of unknown fields is taken")
	}
}

// Mail reaches the server encrypted and logged in, and what the server says
// decides.
func TestEmail(t *testing.T) {
	for _, c := range []struct {
		verb, reply string
		want        alert.Result
	}{
		{"", "", alert.Result{Class: alert.Accepted, Detail: "SMTP 250"}},
		{"RCPT", "550 5.1.1 li@example.org: no such user", alert.Result{Class: alert.Permanent, Detail: "SMTP 550"}},
		{"RCPT", "451 4.7.1 greylisted", alert.Result{Class: alert.Temporary, Detail: "SMTP 451"}},
		{"AUTH", "535 5.7.8 wrong", alert.Result{Class: alert.Permanent, Detail: "SMTP 535"}},
		{"AUTH", "454 4.7.0 later", alert.Result{Class: alert.Temporary, Detail: "SMTP 454"}},
		{".", "452 4.3.1 full", alert.Result{Class: alert.Temporary, Detail: "SMTP 452"}},
		{".", "", alert.Result{Class: alert.Unknown}},
		{"EHLO", "", alert.Result{Class: alert.Temporary}},
		// The mail has been taken, and nothing else is wanted of the server.
		{"RSET", "502 Unimplemented", alert.Result{Class: alert.Accepted, Detail: "SMTP 250"}},
		{"implicit", "", alert.Result{Class: alert.Accepted, Detail: "SMTP 250"}},
	} {
		implicit := c.verb == "implicit"
		server := notifytest.NewMailServer(t, implicit)
		if c.verb != "" {
			server.Answer(c.verb, c.reply)
		}
		e := &email{config: Email{Server: server.Address, From: notifytest.MailUser, User: notifytest.MailUser}, secret: notifytest.MailSecret, tls: server.TLS, implicit: implicit}
		got := e.Send(t.Context(), "li@example.org", page())
		if c.want.Detail == "" {
			got.Detail = ""
		}
		if got != c.want {
			t.Errorf("%s %s: %+v, want %+v", c.verb, c.reply, got, c.want)
		}
		if taken := server.Mail(); c.verb == "" && (len(taken) != 1 || taken[0].To != "li@example.org" ||
			!strings.HasPrefix(taken[0].Text, "【紧急求助】3栋 502\n") || !strings.Contains(taken[0].Text, "请立即前往")) {
			t.Errorf("taken: %+v", taken)
		}
	}
	// Nothing is said in clear: where the server offers no TLS, not even whom it is from.
	server := notifytest.NewMailServer(t, false)
	server.Answer("EHLO", "250 mail.example.com")
	open := &email{config: Email{Server: server.Address, From: notifytest.MailUser}, tls: server.TLS}
	if r := open.Send(t.Context(), "li@example.org", page()); r.Class != alert.Temporary || strings.HasPrefix(r.Detail, "SMTP 530") {
		t.Errorf("without TLS: %+v", r)
	}
	e := &email{config: Email{Server: "127.0.0.1:1", From: "a@example.org"}}
	if r := e.Send(t.Context(), "nonsense", page()); r.Class != alert.Permanent {
		t.Errorf("%+v", r)
	}
	if r := e.Check(t.Context()); r.Class != alert.Temporary {
		t.Errorf("nobody there: %+v", r)
	}
}

// A mail server that accepts and says nothing.
func TestEmailHangs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	e := &email{config: Email{Server: l.Addr().String(), From: "a@example.org"}}
	if r := e.Send(ctx, "li@example.org", page()); r.Class != alert.Temporary {
		t.Errorf("%+v", r)
	}
}

// canned answers every request in the same way.
type canned struct {
	status int
	body   string
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: c.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(c.body)), Request: r}, nil
}
