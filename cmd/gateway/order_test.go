package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
	orders "github.com/linli-edge/gateway/devices/command"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
)

// listener is Debian's own client on a topic, as a device or a bridge.
type listener struct {
	cmd *exec.Cmd

	mu    sync.Mutex
	heard []string // payloads
	more  chan struct{}
	ready bool // it has its SUBACK
	said  []string
}

// listen subscribes; the process ends with the test.
func listenTo(t testing.TB, address, user, secret, topic string) *listener {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{more: make(chan struct{})}
	// It may not claim the name of a session that publishes; and its lines are to
	// come as they are written.
	l.cmd = exec.Command("stdbuf", "-oL", "mosquitto_sub", "-d", "-h", host, "-p", port, "-i", user+"-listens", "-u", user, "-P", secret, "-q", "1", "-t", topic, "-F", "heard %p")
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	l.cmd.Stderr = l.cmd.Stdout
	if err := l.cmd.Start(); err != nil {
		t.Fatalf("mosquitto_sub (is it installed? run make deps): %v", err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			l.line(lines.Text())
		}
	}()
	t.Cleanup(func() {
		_ = l.cmd.Process.Kill() // it may have ended
		<-read
		_ = l.cmd.Wait()
	})
	return l
}

func (l *listener) line(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.said = append(l.said, line)
	if payload, ok := strings.CutPrefix(line, "heard "); ok {
		l.heard = append(l.heard, payload)
	}
	l.ready = l.ready || strings.HasPrefix(line, "Subscribed (mid: ")
	close(l.more)
	l.more = make(chan struct{})
}

// await returns what was heard once enough is satisfied.
func (l *listener) await(t testing.TB, what string, enough func(*listener) bool) []string {
	t.Helper()
	var heard []string
	eventually(t, what, func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		heard = slices.Clone(l.heard)
		return enough(l)
	})
	return heard
}

func (l *listener) subscribed(t testing.TB) *listener {
	t.Helper()
	l.await(t, "subscribed", func(l *listener) bool { return l.ready })
	return l
}

// order is the nth that was heard.
func (l *listener) order(t testing.TB, nth int) orders.Order {
	t.Helper()
	heard := l.await(t, "an order", func(l *listener) bool { return len(l.heard) > nth })
	o, _, err := orders.Decode([]byte(heard[nth]))
	if err != nil {
		t.Fatalf("%s: %v", heard[nth], err)
	}
	return o
}

// lockers are such as can be opened by way of a bridge.
func lockers() []registry.Record {
	return []registry.Record{
		registry.Device{Device: devices.Device{ID: "relay", Kind: locker.Kind, Facility: "east", Bridge: "z2m", Address: "锁/12"}},
		registry.Device{Device: devices.Device{ID: "contact", Kind: locker.Kind, Facility: "east", Compartment: 12, Bridge: "z2m", Address: "门/12"}},
	}
}

type outcome struct {
	code           int
	stdout, stderr string
}

// background runs one command line beside the test.
func background(t *testing.T, args ...string) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		var out, errs strings.Builder
		code := execute(t.Context(), texts.English, args, &out, &errs)
		done <- outcome{code, out.String(), errs.String()}
	}()
	return done
}

// People ask, devices do, and everybody sees what became of it: a locker that
// speaks for itself, a relay behind Zigbee2MQTT whose door has a contact, an
// elder's button that is told that somebody comes.
func TestCommandsStory(t *testing.T) {
	b := newBox(t)
	secrets := b.register(append(neighbourhood(b), lockers()...)...)
	config := b.write()
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	at := b.cfg.MQTT.Listen
	say := func(device, topic, payload string) {
		t.Helper()
		mosquittoPub(t, at, device, secrets[device], topic, payload, 1)
	}
	answer := func(device, data string) {
		t.Helper()
		say(device, "linli/v1/"+device+"/event", data)
	}

	// The locker opens, and says so.
	l1 := listenTo(t, at, "l1", secrets["l1"], "linli/v1/l1/command").subscribed(t)
	asked := background(t, "device", "command", "open", "l1", "12", "--by", "li", "--config", config)
	o := l1.order(t, 0)
	if o.Action != orders.Open || o.Data.Compartment != 12 {
		t.Errorf("heard %+v", o)
	}
	answer("l1", `{"type":"command.done","data":{"command":"`+o.ID+`"}}`)
	if r := <-asked; r.code != 0 || !strings.Contains(r.stdout, "sent, waiting") || !strings.Contains(r.stdout, "done (the device has confirmed it)") {
		t.Errorf("opened: %+v", r)
	}
	// It jams.
	asked = background(t, "device", "command", "open", "l1", "3", "--by", "li", "--config", config)
	answer("l1", `{"type":"command.failed","data":{"command":"`+l1.order(t, 1).ID+`","reason":"door_jammed"}}`)
	if r := <-asked; r.code != 1 || !strings.Contains(r.stderr, "failed: the device reports door_jammed") {
		t.Errorf("jammed: %+v", r)
	}

	// The relay is switched in the bridge's own words; the contact sees the door.
	z2m := listenTo(t, at, "z2m", secrets["z2m"], "zigbee2mqtt/#").subscribed(t)
	asked = background(t, "device", "command", "open", "relay", "12", "--by", "zhang", "--config", config)
	z2m.await(t, "the relay's order", func(l *listener) bool { return slices.Contains(l.heard, `{"state":"ON"}`) })
	say("z2m", "zigbee2mqtt/门/12", `{"contact":false}`)
	if r := <-asked; r.code != 0 || !strings.Contains(r.stdout, "done (the door was seen to open)") {
		t.Errorf("by the door: %+v", r)
	}

	// What cannot be is refused in words.
	say("c1", "linli/v1/c1/status", `{"online":false}`)
	for _, c := range []struct{ args, want string }{
		{"open c1 1", "离线"}, {"ring l1", "不能响铃"}, {"open nobody 1", "没有登记"}, {"open l1 99", "只有 24 个格口"}, {"open l1 x", "须为数字"}, {"ring bath302 --valid 1h", "须为 1s 至 10m0s"},
	} {
		args := append(append([]string{"device", "command"}, strings.Fields(c.args)...), "--by", "li", "--config", config)
		if code, _, stderr := command(t, "zh_CN.UTF-8", args...); code != 2 || !strings.Contains(stderr, c.want) {
			t.Errorf("%s: %d %s", c.args, code, stderr)
		}
	}
	// Nobody hears the orders of another.
	other := listenTo(t, at, "w302", secrets["w302"], "linli/v1/l1/command")
	other.await(t, "a refusal", func(l *listener) bool {
		return slices.ContainsFunc(l.said, func(s string) bool { return strings.Contains(s, "denied") || strings.Contains(s, "128") })
	})

	// The elder is told that somebody comes.
	band := listenTo(t, at, "w302", secrets["w302"], "linli/v1/w302/command").subscribed(t)
	answer("w302", `{"id":"sos-1","type":"sos"}`)
	pages := b.phone.await(t, "the press", func(p []alert.Page) bool { return len(p) > 0 })
	if err := g.alerts.Acknowledge(t.Context(), pages[0].Incident, "li", "page"); err != nil {
		t.Fatal(err)
	}
	if o := band.order(t, 0); o.Action != orders.Notify || o.Data.Message != orders.Coming {
		t.Errorf("told %+v", o)
	}

	// The page's interface: the same, for whoever is logged in.
	token, err := g.console.Session("li")
	if err != nil {
		t.Fatal(err)
	}
	api := func(method, path, body string) (int, string) {
		t.Helper()
		r, err := http.NewRequest(method, "http://"+b.cfg.Console.Listen+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Accept-Language", "en")
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		text, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatal(err)
		}
		return a.StatusCode, string(text)
	}
	code, text := api("POST", "/api/devices/l1/commands", `{"id":"mine","action":"open","data":{"compartment":7}}`)
	if code != http.StatusAccepted || !strings.Contains(text, `"by":"li"`) {
		t.Errorf("asked by the page: %d %s", code, text)
	}
	if o := l1.order(t, 2); o.ID != "mine" {
		t.Errorf("heard %+v", o)
	}
	if code, text := api("GET", "/api/commands/mine", ""); code != 200 || !strings.Contains(text, "waiting for the device") {
		t.Errorf("%d %s", code, text)
	}
	answer("l1", `{"type":"command.done","data":{"command":"mine"}}`)
	eventually(t, "done", func() bool {
		_, text := api("GET", "/api/commands", "")
		var list struct {
			Commands []struct{ ID, Phase, Words string }
		}
		if err := json.Unmarshal([]byte(text), &list); err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(list.Commands, func(c struct{ ID, Phase, Words string }) bool { return c.ID == "mine" && c.Phase == "done" })
	})
	if code, text := api("POST", "/api/devices/gone/commands", `{"action":"ring"}`); code != http.StatusConflict || !strings.Contains(text, "is not registered") {
		t.Errorf("an unknown device: %d %s", code, text)
	}
	if code, _ := api("GET", "/api/commands/none", ""); code != http.StatusNotFound {
		t.Errorf("an unknown command: %d", code)
	}
	if code, stdout, stderr := command(t, "zh_CN.UTF-8", "device", "command", "list", "--config", config); code != 0 || !strings.Contains(stdout, "已完成（柜门已打开）") || !strings.Contains(stdout, "zhang") {
		t.Errorf("list: %d %s %s", code, stdout, stderr)
	}

	// All of it is in the journal, with who asked.
	var told []string
	entries, err := g.journal.Read(journal.Ordinary, 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Event.Type == orders.TypeAsked {
			told = append(told, string(e.Event.Data))
		}
	}
	if len(told) < 5 || !strings.Contains(told[0], `"device":"l1","action":"open","data":{"compartment":12},"by":"li"`) {
		t.Errorf("journaled: %v", told)
	}
}

// Before anybody is called because an elder has given no sign of life, the elder
// is asked by what they wear; who does not stir then is called for.
func TestTheElderIsAskedFirst(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	c := &movedClock{right: b.clock}
	b.clock = c.now
	secrets := b.register(append(neighbourhood(b), registry.Care{ID: "e302", Active: "00:00-00:00", InactiveMinutes: 60})...)
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	band := listenTo(t, b.cfg.MQTT.Listen, "w302", secrets["w302"], "linli/v1/w302/command").subscribed(t)
	mosquittoPub(t, b.cfg.MQTT.Listen, "w302", secrets["w302"], "linli/v1/w302/event", `{"id":"1","type":"vitals","data":{"heart_rate":72}}`, 1)
	found := func() (i alert.Incident, ok bool) {
		for _, i := range g.alerts.Incidents() {
			if i.Kind == alert.Inactivity {
				return i, true
			}
		}
		return i, false
	}
	c.pass(61 * time.Minute)
	if o := band.order(t, 0); o.Action != orders.Notify || o.Data.Message != allWell {
		t.Errorf("asked %+v", o)
	}
	if i, called := found(); called {
		t.Errorf("called before there was time for an answer: %+v", i)
	}
	c.pass(16 * time.Minute)
	eventually(t, "somebody is called", func() bool { _, called := found(); return called })
	i, _ := found()
	if !slices.ContainsFunc(i.Because, func(s alert.Sign) bool { return s.Sign == alert.SignAsked }) {
		t.Errorf("%+v", i.Because)
	}
}

// A meal that was kept too cold for too long stays in its compartment: the
// cabinet is asked to block it, once it is there to hear of it, and to release
// it when the meal was taken away.
func TestAnUnsafePortionIsBlocked(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	secrets := b.register(neighbourhood(b)...)
	g, _ := b.start()
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	say := func(payload string) {
		t.Helper()
		mosquittoPub(t, b.cfg.MQTT.Listen, "c1", secrets["c1"], "linli/v1/c1/event", payload, 1)
	}
	c1 := listenTo(t, b.cfg.MQTT.Listen, "c1", secrets["c1"], "linli/v1/c1/command").subscribed(t)
	cooked := b.clock().Wall.Add(-3 * time.Hour).Format(time.RFC3339)
	say(`{"id":"1","type":"meal.loaded","data":{"compartment":3,"hot":true,"cooked":"` + cooked + `"}}`)
	say(`{"id":"2","type":"temperature","data":{"compartment":3,"celsius":41}}`)
	if o := c1.order(t, 0); o.Action != orders.Set || o.Data.Name != orders.Blocked || o.Data.Compartment != 3 || string(o.Data.Value) != "true" {
		t.Errorf("asked %+v", o)
	}
	say(`{"id":"done","type":"command.done","data":{"command":"` + c1.order(t, 0).ID + `"}}`)
	food := func(i alert.Incident) bool { return i.Kind == alert.Food && i.Phase != alert.PhaseResolved }
	if !slices.ContainsFunc(g.alerts.Incidents(), food) {
		t.Error("nobody is told")
	}
	say(`{"id":"3","type":"meal.picked_up","data":{"compartment":3}}`)
	if o := c1.order(t, 1); o.Data.Compartment != 3 || string(o.Data.Value) != "false" {
		t.Errorf("asked %+v", o)
	}
}

// A cabinet that does not answer is asked again, until it does.
func TestASilentCabinetIsAskedAgain(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	secrets := b.register(neighbourhood(b)...)
	g, _ := b.start(func(g *gateway) { g.blockWithin = time.Second })
	eventually(t, "ready", func() bool { code, _ := b.get("/readyz"); return code == 200 })
	say := func(payload string) {
		t.Helper()
		mosquittoPub(t, b.cfg.MQTT.Listen, "c1", secrets["c1"], "linli/v1/c1/event", payload, 1)
	}
	c1 := listenTo(t, b.cfg.MQTT.Listen, "c1", secrets["c1"], "linli/v1/c1/command").subscribed(t)
	cooked := b.clock().Wall.Add(-3 * time.Hour).Format(time.RFC3339)
	say(`{"id":"1","type":"meal.loaded","data":{"compartment":3,"hot":true,"cooked":"` + cooked + `"}}`)
	say(`{"id":"2","type":"temperature","data":{"compartment":3,"celsius":41}}`)
	first, second := c1.order(t, 0), c1.order(t, 1)
	if second.ID != first.ID+"-2" || second.Action != orders.Set || second.Data.Compartment != 3 || string(second.Data.Value) != "true" {
		t.Errorf("asked %+v, then %+v", first, second)
	}
	say(`{"id":"done","type":"command.done","data":{"command":"` + second.ID + `"}}`)
	eventually(t, "it is done", func() bool { c, _ := g.orders.Command(second.ID); return c.Phase == orders.PhaseDone })
	if c, asked := g.orders.Command(first.ID + "-3"); asked {
		t.Errorf("asked once more: %+v", c)
	}
}

// The gateway is killed while an order is under way: it is not sent again to a
// device that would do it twice, and its answer is still its outcome.
func TestCommandSurvivesAKill(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	secrets := b.register(append(neighbourhood(b), lockers()...)...)
	at := b.cfg.MQTT.Listen
	p := b.run()
	ready := func() {
		t.Helper()
		eventually(t, "ready", func() bool {
			r, err := http.Get("http://" + b.cfg.Console.Listen + "/readyz")
			return err == nil && r.Body.Close() == nil && r.StatusCode == 200
		})
	}
	ready()
	config := b.write()
	z2m := listenTo(t, at, "z2m", secrets["z2m"], "zigbee2mqtt/+/12/set").subscribed(t)
	asked := background(t, "device", "command", "open", "relay", "12", "--by", "li", "--id", "once", "--valid", "5m", "--config", config)
	z2m.await(t, "the order", func(l *listener) bool { return len(l.heard) == 1 })
	p.end(t, syscall.SIGKILL)
	if r := <-asked; r.code != 1 || !strings.Contains(r.stderr, "is not known: see linli device command list") {
		t.Errorf("cut off: %+v", r)
	}

	p = b.run()
	defer func() {
		if code := p.end(t, syscall.SIGTERM); code != 0 {
			t.Errorf("exit code %d\n%s", code, p.log)
		}
	}()
	ready()
	z2m.await(t, "subscribed again", func(l *listener) bool {
		n := 0
		for _, line := range l.said {
			if strings.HasPrefix(line, "Subscribed (mid: ") {
				n++
			}
		}
		return n >= 2
	})
	asked = background(t, "device", "command", "open", "relay", "12", "--by", "li", "--id", "once", "--config", config)
	mosquittoPub(t, at, "z2m", secrets["z2m"], "zigbee2mqtt/门/12", `{"contact":false}`, 1)
	if r := <-asked; r.code != 0 || !strings.Contains(r.stdout, "done (the door was seen to open)") {
		t.Errorf("after the restart: %+v", r)
	}
	if heard := z2m.await(t, "", func(*listener) bool { return true }); len(heard) != 1 {
		t.Errorf("sent %d times: %v", len(heard), heard)
	}
	// Another one still works, and is sent.
	asked = background(t, "device", "command", "open", "relay", "12", "--by", "li", "--config", config)
	z2m.await(t, "the next order", func(l *listener) bool { return len(l.heard) == 2 })
	for i := range 2 { // shut, and open again
		mosquittoPub(t, at, "z2m", secrets["z2m"], "zigbee2mqtt/门/12", fmt.Sprintf(`{"contact":%t}`, i == 0), 1)
	}
	if r := <-asked; r.code != 0 {
		t.Errorf("the next: %+v", r)
	}
}
