package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/devices/wearable"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify"
	"github.com/linli-edge/gateway/sync/notify/notifytest"
)

// secretFile puts a secret where a box reads it.
func (b *box) secretFile(name, secret string) string {
	b.t.Helper()
	file := filepath.Join(filepath.Dir(b.cfg.Data), name)
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return file
}

// subscribe gives the box its providers: a DingTalk group, a WeCom application
// and a push server.
func (b *box) subscribe(cloud *notifytest.Cloud) {
	c := &b.cfg.Channels
	c.DingTalk = notify.SignedRobot{
		URL: cloud.URL + "/dingtalk/robot/send", KeyFile: b.secretFile("ding.key", notifytest.DingTalkToken), SecretFile: b.secretFile("ding.secret", notifytest.DingTalkSecret),
	}
	c.WeComApp = notify.WeComApp{URL: cloud.URL + "/wecom", Corp: notifytest.WeComCorp, Agent: "1000002", SecretFile: b.secretFile("wecom.secret", notifytest.WeComSecret)}
	c.Bark.URL = cloud.URL + "/bark"
}

// caregiver is somebody with these channels, kind and address in turn, and an
// elder with a button who has nobody else.
func caregiver(channels ...string) []registry.Record {
	li := registry.Caregiver{ID: "li", Name: "李敏"}
	for i := 0; i < len(channels); i += 2 {
		li.Channels = append(li.Channels, registry.Channel{Kind: channels[i], Address: channels[i+1]})
	}
	return []registry.Record{
		li, registry.Elder{ID: "e302", Name: "王秀英", Building: "3号楼", Room: "302", Caregivers: []string{"li"}},
		registry.Device{Device: devices.Device{ID: "w302", Kind: wearable.Kind, Elder: "e302"}},
	}
}

// press publishes an SOS of w302.
func (b *box) press(secret, payload string) {
	b.t.Helper()
	d, err := connect(b.t, b.cfg.MQTT.Listen, 5, "w302", secret)
	if err != nil {
		b.t.Fatal(err)
	}
	defer d.conn.Close()
	if err := d.publish("linli/v1/w302/event", payload); err != nil {
		b.t.Fatal(err)
	}
}

// reached waits until a provider has delivered something, and returns the last.
func reached(t testing.TB, cloud *notifytest.Cloud, provider string) notifytest.Message {
	t.Helper()
	deadline := time.After(patience)
	for {
		list, next := cloud.Delivered(provider)
		if len(list) > 0 {
			return list[len(list)-1]
		}
		select {
		case <-next:
		case <-deadline:
			t.Fatalf("%s delivered nothing", provider)
		}
	}
}

// command runs a command line on the box, and returns what it says.
func (b *box) command(args ...string) (code int, out string) {
	b.t.Helper()
	var both bytes.Buffer
	code = execute(b.t.Context(), texts.Chinese, append(args, "-c", b.write()), &both, &both)
	return code, both.String()
}

// One press reaches every provider of a caregiver in its own words, although
// one of them hangs: where and what, and no name unless the operator wants it.
// The commands say how each channel is.
func TestChannelsStory(t *testing.T) {
	t.Parallel()
	for _, names := range []bool{false, true} {
		cloud := notifytest.NewCloud(t)
		b := newBox(t)
		b.subscribe(cloud)
		b.cfg.Alert.Names = names
		cloud.Hang("bark")
		secrets := b.register(caregiver("dingtalk", "13800000001", "wecom_app", "LiMin", "bark", notifytest.BarkKey)...)
		g, stop := b.start()
		b.press(secrets["w302"], `{"id":"1","type":"sos"}`)
		for provider, to := range map[string]string{"dingtalk": "13800000001", "wecom": "LiMin"} {
			m := reached(t, cloud, provider)
			if m.To != to || !strings.Contains(m.Text, "【紧急求助】3号楼 302") || strings.Contains(m.Text, "王秀英") != names {
				t.Errorf("%s got %+v", provider, m)
			}
		}
		if code, out := b.command("channel", "list"); code != 0 || !strings.Contains(out, "dingtalk") || !strings.Contains(out, "企业微信成员账号") {
			t.Errorf("%d %s", code, out)
		}
		if code, out := b.command("channel", "test", "dingtalk", "--caregiver", "li"); code != 0 || !strings.Contains(out, "dingtalk：已接受") {
			t.Errorf("%d %s", code, out)
		}
		if m := reached(t, cloud, "dingtalk"); !strings.HasPrefix(m.Text, "【测试】") {
			t.Errorf("the trial says %q", m.Text)
		}
		if code, out := b.command("channel", "test", "wecom_app", "--to", "nobody"); code != 1 || !strings.Contains(out, "wecom_app：未接受，permanent") {
			t.Errorf("%d %s", code, out)
		}
		if code, out := b.command("channel", "test", "fax", "--to", "1"); code != 2 || !strings.Contains(out, "本机没有配置渠道 \"fax\"") {
			t.Errorf("%d %s", code, out)
		}
		if !names { // once is enough: it takes as long as the provider may
			eventually(t, "the hanging provider is on the list", func() bool {
				_, out := b.command("channel", "failed")
				return strings.Contains(out, "bark") && strings.Contains(out, "unknown")
			})
		}
		if err := g.alerts.Acknowledge(t.Context(), g.alerts.Incidents()[0].ID, "li", "page"); err != nil {
			t.Fatal(err)
		}
		for _, personal := range []string{"王秀英", "李敏", "3号楼", "13800000001", "LiMin", notifytest.BarkKey, notifytest.DingTalkToken} {
			if strings.Contains(b.logged.String(), personal) {
				t.Errorf("%q is in the log:\n%s", personal, b.logged.String())
			}
		}
		stop()
	}
}

// Other boxes have used up what a provider allows. A press that it puts off is
// told at once by another channel, that of who comes next: the step has an hour.
func TestRateLimitStory(t *testing.T) {
	t.Parallel()
	for kind, address := range map[string]string{
		notify.WeComRobotChannel: "all", notify.DingTalkChannel: "all", notify.FeishuChannel: "all", notify.NtfyChannel: "duty", notify.AliyunSMSChannel: "13800000001",
	} {
		t.Run(kind, func(t *testing.T) {
			cloud, now := notifytest.NewCloud(t), time.Now()
			cloud.Now = func() time.Time { return now } // what is used up stays so
			b := newBox(t)
			b.subscribe(cloud)
			b.cfg.Alert.Step = time.Hour
			c := &b.cfg.Channels
			c.WeComRobot = notify.Robot{URL: cloud.URL + "/wecom/cgi-bin/webhook/send", KeyFile: b.secretFile("robot.key", notifytest.WeComKey)}
			c.Feishu = notify.SignedRobot{URL: cloud.URL + "/feishu", KeyFile: b.secretFile("feishu.key", notifytest.FeishuToken), SecretFile: b.secretFile("feishu.secret", notifytest.FeishuSecret)}
			c.Ntfy = notify.Ntfy{URL: cloud.URL + "/ntfy", TokenFile: b.secretFile("ntfy.token", notifytest.NtfyToken)}
			c.AliyunSMS = notify.AliyunSMS{URL: cloud.URL + "/aliyun", Key: notifytest.AliyunKey, SecretFile: b.secretFile("aliyun.secret", notifytest.AliyunSecret), Sign: "邻里", Template: "SMS_1"}
			others, err := notify.Open(b.cfg.Channels, notify.Options{Clock: b.clock, Secret: firmwareconfig.Secret, Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			for result := (alert.Result{Class: alert.Accepted}); result.Class == alert.Accepted; {
				if result, err = others.Test(t.Context(), kind, address); err != nil {
					t.Fatal(err)
				}
			}
			if err := others.Close(); err != nil {
				t.Error(err)
			}
			secrets := b.register(append(caregiver(kind, address),
				registry.Caregiver{ID: "wang", Name: "王强", Channels: []registry.Channel{{Kind: notify.BarkChannel, Address: notifytest.BarkKey}}},
				registry.Group{ID: "boss", Name: "主管", Role: registry.RoleSupervisor, Members: []string{"wang"}})...)
			g, _ := b.start()
			b.press(secrets["w302"], `{"id":"1","type":"sos"}`)
			if m := reached(t, cloud, "bark"); !strings.Contains(m.Text, "【紧急求助】3号楼 302") {
				t.Errorf("%+v", m)
			}
			if i := g.alerts.Incidents()[0]; i.Step != 2 || i.Phase != alert.PhaseRaised {
				t.Errorf("step %d, %s", i.Step, i.Phase)
			}
		})
	}
}

// The siren sounds within two seconds of the press, although every provider
// hangs, and falls silent when a human has answered.
func TestSirenStory(t *testing.T) {
	cloud := notifytest.NewCloud(t)
	b := newBox(t)
	b.subscribe(cloud)
	for _, provider := range []string{"dingtalk", "wecom", "bark"} {
		cloud.Hang(provider)
	}
	b.cfg.Channels.Siren = notify.Siren{Topic: "linli/v1/horn/command", On: "ON", Off: "OFF"}
	secrets := b.register(append(caregiver("dingtalk", "all", "wecom_app", "LiMin", "bark", notifytest.BarkKey),
		registry.Device{Device: devices.Device{ID: "horn", Kind: wearable.Kind}})...)
	g, _ := b.start()
	commands := mosquittoSub(t, b.cfg.MQTT.Listen, "horn", secrets["horn"], "linli/v1/horn/command")
	soon(t, 2*time.Second, func(press string) (took time.Duration) {
		began := time.Now()
		b.press(secrets["w302"], press)
		for said := ""; said != "ON"; said = commands.next(t) {
		}
		took = time.Since(began)
		g.answer(t)
		for said := "ON"; said != "OFF"; said = commands.next(t) {
		}
		return took
	})
}

// soon calls for help until once it took no longer than it may: a machine that
// is busy with other things is slow now and then, one that waits for something
// is slow each time.
func soon(t *testing.T, limit time.Duration, call func(press string) (took time.Duration)) {
	t.Helper()
	for n := range 5 {
		took := call(fmt.Sprintf(`{"id":"%d","type":"sos"}`, n))
		t.Logf("press %d: %s", n, took.Round(time.Millisecond))
		if took <= limit {
			return
		}
	}
	t.Errorf("not once within %s", limit)
}

// answer says of every incident that somebody has it.
func (g *gateway) answer(t *testing.T) {
	t.Helper()
	for _, i := range g.alerts.Incidents() {
		if err := g.alerts.Acknowledge(t.Context(), i.ID, "li", "page"); err != nil {
			t.Fatal(err)
		}
	}
}

// subscriber is Debian's client, listening.
type subscriber struct{ lines chan string }

// mosquittoSub listens to a topic; it returns once the broker has agreed.
func mosquittoSub(t testing.TB, address, device, secret, topic string) *subscriber {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "stdbuf", "-oL", "mosquitto_sub", "-d", "-h", host, "-p", port, "-i", device, "-u", device, "-P", secret, "-q", "1", "-t", topic)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatalf("mosquitto_sub (is it installed? run make deps): %v", err)
	}
	s := &subscriber{lines: make(chan string, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(s.lines)
		for in := bufio.NewScanner(out); in.Scan(); {
			s.lines <- in.Text()
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
		_ = cmd.Wait() // it was killed
	})
	for line := ""; !strings.Contains(line, "SUBACK"); line = s.next(t) {
	}
	return s
}

// next is the next line that it says.
func (s *subscriber) next(t testing.TB) string {
	t.Helper()
	select {
	case line, ok := <-s.lines:
		if !ok {
			t.Fatal("mosquitto_sub has ended")
		}
		return line
	case <-time.After(patience):
		t.Fatal("nothing came")
	}
	return ""
}

// host is somebody's server. It takes connections, or drops their packets,
// which is not to refuse them: a socket that listens, and whose queue is full.
type host struct {
	address string
	t       testing.TB
	l       *net.TCPListener
	taking  sync.WaitGroup
	held    []net.Conn
}

// newHost is a server that takes connections.
func newHost(t testing.TB) *host {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "host")
	l, err := net.FileListener(file)
	if err := errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
	h := &host{address: l.Addr().String(), t: t, l: l.(*net.TCPListener)}
	t.Cleanup(func() {
		_ = h.l.Close()
		h.taking.Wait()
		h.let()
	})
	h.take()
	return h
}

// take makes it take connections, which it closes.
func (h *host) take() {
	h.t.Helper()
	h.let()
	if err := h.l.SetDeadline(time.Time{}); err != nil {
		h.t.Fatal(err)
	}
	h.taking.Go(func() {
		for {
			c, err := h.l.Accept()
			if err != nil {
				return
			}
			_ = c.Close()
		}
	})
}

// drop makes it drop every packet of who is new.
func (h *host) drop() {
	h.t.Helper()
	if err := h.l.SetDeadline(time.Now()); err != nil {
		h.t.Fatal(err)
	}
	h.taking.Wait()
	for range 10 {
		c, err := net.DialTimeout("tcp", h.address, 300*time.Millisecond)
		if err != nil {
			return
		}
		h.held = append(h.held, c)
	}
	h.t.Fatal("nothing is dropped")
}

func (h *host) let() {
	for _, c := range h.held {
		_ = c.Close()
	}
	h.held = nil
}

// While the Internet drops every packet the modem begins to send within five
// seconds and the siren sounds within two; a reply of "1" stops the calls, and
// says who it was. A stranger's does nothing.
func TestOfflineStory(t *testing.T) {
	b := newBox(t)
	stick := notifytest.NewModem(t)
	b.cfg.Channels.SMS.Port = stick.Path
	b.cfg.Channels.Siren = notify.Siren{Topic: "linli/v1/horn/command", On: "ON", Off: "OFF"}
	provider := newHost(t)
	provider.drop()
	gone := provider.address
	b.cfg.Channels.DingTalk = notify.SignedRobot{URL: "http://" + gone + "/robot/send", KeyFile: b.secretFile("ding.key", "x")}
	secrets := b.register(append(caregiver("webhook", "http://"+gone+"/page", "dingtalk", "all", "sms", "13800000001"),
		registry.Device{Device: devices.Device{ID: "horn", Kind: wearable.Kind}})...)
	g, stop := b.start()
	horn := mosquittoSub(t, b.cfg.MQTT.Listen, "horn", secrets["horn"], "linli/v1/horn/command")
	eventually(t, "the modem works", func() bool { s, _ := g.channels.Modem(); return s.Problem == "" })

	told := func() (n int) {
		for _, c := range stick.Commands() {
			if strings.HasPrefix(c, "AT+CMGS=") {
				n++
			}
		}
		return n
	}
	sounding := false
	soon(t, 2*time.Second, func(press string) time.Duration {
		if sounding {
			g.answer(t)
			for said := "ON"; said != "OFF"; said = horn.next(t) {
			}
		}
		before, began := told(), time.Now()
		b.press(secrets["w302"], press)
		for said := ""; said != "ON"; said = horn.next(t) {
		}
		sounding = true
		sounded := time.Since(began)
		eventually(t, "the modem is told to send", func() bool { return told() > before })
		if sending := time.Since(began); sending > 5*time.Second {
			return sending
		}
		return sounded
	})
	eventually(t, "the message is sent", func() bool { sent, _ := stick.Sent(); return len(sent) > 0 })
	if sent, _ := stick.Sent(); sent[0].To != "13800000001" || !strings.HasPrefix(sent[0].Text, "【紧急求助】3号楼 302 回复1表示我来处理") {
		t.Errorf("%+v", sent)
	}

	stick.Receive("+8613900000009", "1")  // a stranger
	stick.Receive("+8613800000001", "好的") // not a one
	eventually(t, "both are read", func() bool { return stick.Stored() == 0 })
	if i := g.alerts.Incidents()[0]; i.Phase != alert.PhaseRaised {
		t.Fatalf("a stranger has stopped it: %+v", i.Acknowledged)
	}
	stick.Receive("+8613800000001", "１。")
	for said := "ON"; said != "OFF"; said = horn.next(t) {
	}
	i := g.alerts.Incidents()[0]
	if i.Acknowledged == nil || i.Acknowledged.By != "li" || i.Acknowledged.How != "sms" {
		t.Errorf("%+v", i.Acknowledged)
	}
	eventually(t, "the reply is answered", func() bool {
		sent, _ := stick.Sent()
		return slices.ContainsFunc(sent, func(m notifytest.Message) bool { return m.Text == "已记录由您处理：3号楼 302" })
	})
	stick.Receive("13800000001", "1")
	eventually(t, "a second reply is answered", func() bool {
		sent, _ := stick.Sent()
		return slices.ContainsFunc(sent, func(m notifytest.Message) bool { return m.Text == "没有等您确认的呼叫" })
	})
	for _, personal := range []string{"13800000001", "13900000009", "王秀英", "好的", stick.Path} {
		if strings.Contains(b.logged.String(), personal) {
			t.Errorf("%q is in the log", personal)
		}
	}
	stop()
}

// Two providers behind one Internet connection are one path: the page, the
// check and a metric say so, until somebody has a channel that takes another.
// That the box has a modem is not enough.
func TestTwoPathsStory(t *testing.T) {
	t.Parallel()
	cloud, stick := notifytest.NewCloud(t), notifytest.NewModem(t)
	b := newBox(t)
	b.subscribe(cloud)
	b.cfg.Channels.SMS.Port = stick.Path
	b.register(caregiver("dingtalk", "all", "wecom_app", "LiMin")...)
	config := b.write()
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == http.StatusOK })
	li := b.handset()
	li.login(g, "li")
	says := func(one bool) {
		t.Helper()
		_, _, page := li.get("/")
		_, stdout, stderr := command(t, "zh_CN.UTF-8", "check", config)
		_, metrics := b.get("/metrics")
		for where, said := range map[string]string{"the page": page, "the check": stdout + stderr} {
			if strings.Contains(said, "只有一条独立通路（外网）") != one {
				t.Errorf("%s, with one path: %t: %s", where, one, said)
			}
		}
		if strings.Contains(metrics, "linli_notify_independent_paths 1\n") != one {
			t.Error("the metric is wrong")
		}
	}
	says(true)
	if err := g.registry.Put(caregiver("dingtalk", "all", "sms", "13800000001")[0]); err != nil {
		t.Fatal(err)
	}
	says(false)
}
