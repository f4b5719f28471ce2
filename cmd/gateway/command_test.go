package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
)

// command runs one command line in a language of the locale.
func command(t *testing.T, locale string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = execute(t.Context(), texts.Parse(locale), args, &out, &errs)
	return code, out.String(), errs.String()
}

// What is wrong with the configuration or the surroundings is one message,
// with place and mend, in both languages, and exit code 2.
func TestWhatMustBeMended(t *testing.T) {
	b := newBox(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := func(text string) string {
		t.Helper()
		f := filepath.Join(t.TempDir(), "gateway.yaml")
		if err := os.WriteFile(f, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	folders := fmt.Sprintf("data: %s\nsocket: %s\n", b.cfg.Data, b.cfg.Socket)
	for _, c := range []struct {
		name   string
		args   []string
		zh, en string
	}{
		{"unknown key", []string{"check", file("box:\n  nmae: x\n")}, "nmae", ":2:3"},
		{"wrong type", []string{"check", file("mqtt:\n  listen: 1883\n")}, "listen", ":2:"},
		{"missing file", []string{"run", "--config", "/nowhere/gateway.yaml"}, "没有这个文件", "no such file"},
		{"broker's port in use", []string{"run", "--config", file(folders + "mqtt: {tls: none, listen: " + strconv.Quote(taken.Addr().String()) + "}\nconsole: {tls: none, listen: \"127.0.0.1:0\"}\n")}, "无法监听 " + taken.Addr().String(), "cannot listen on " + taken.Addr().String()},
		{"page's port in use", []string{"run", "--config", file(folders + "mqtt: {tls: none, listen: \"127.0.0.1:0\"}\nconsole: {tls: none, listen: " + strconv.Quote(taken.Addr().String()) + "}\n")}, "无法监听 " + taken.Addr().String(), "cannot listen on " + taken.Addr().String()},
		{"unknown command", []string{"fly"}, "没有“fly”这个命令", `no command "fly"`},
		{"unknown option", []string{"run", "--fast"}, "没有 --fast 这个选项", "no option --fast"},
		{"missing option", []string{"device", "add", "l1"}, "缺少选项 --kind", "option --kind is missing"},
		{"bad number", []string{"demo", "--speed", "quick"}, "选项 --speed：须为数字（现为 \"quick\"）", `option --speed takes a number (got "quick")`},
		{"bad duration", []string{"device", "command", "ring", "w1", "--valid", "10"}, "须为时长，例如 90s", "--valid takes a duration, for example 90s"},
		{"no value", []string{"facility", "add", "f1", "--name"}, "选项 --name 缺少值。用法：linli facility add ID --name …", "option --name lacks its value. Usage: linli facility add ID --name …"},
		{"no backup", []string{"restore", "/nowhere", "--replace", "--config", file(folders)}, "读不了文件 /nowhere：没有这个文件", "cannot read /nowhere: no such file"},
		{"no such help", []string{"help", "fly"}, "没有“fly”这个命令", `no command "fly"`},
		{"no such help of a command", []string{"help", "device", "fly"}, "没有“device fly”这个命令", `no command "device fly"`},
		{"no folder", []string{"simulate", "--save", "/nowhere/devices", "--config", file(folders)}, "无法写入 /nowhere/devices：没有这个文件或文件夹", "cannot write /nowhere/devices: no such file or folder"},
		{"no passphrase", []string{"backup", filepath.Join(b.cfg.Data, "x"), "--passphrase-file", "/nowhere", "--config", file(folders)}, "核对路径和权限", "check the path and its permissions"},
		{"no table", []string{"import", "/nowhere"}, "读不了文件 /nowhere：没有这个文件", "cannot read /nowhere: no such file"},
		{"no request", []string{"device", "credentials", "l1", "--csr", "/nowhere"}, "读不了文件 /nowhere：没有这个文件", "cannot read /nowhere: no such file"},
		{"no payload", []string{"profile", "test", "tasmota", "a", "@/nowhere"}, "读不了文件 /nowhere：没有这个文件", "cannot read /nowhere: no such file"},
		{"no devices", []string{"simulate", "--credentials", "/nowhere", "--broker", "tcp://127.0.0.1:1", "--config", file(folders)}, "读不了文件 /nowhere：没有这个文件", "cannot read /nowhere: no such file"},
		{"nothing to verify", []string{"journal", "verify", "--config", file("data: /nowhere\nsocket: /nowhere.sock\n")}, "/nowhere 里没有数据", "there is no data in /nowhere"},
		{"silence of no length", []string{"silence", "set", "all", "--for", "0s", "--by", "li"}, "--for：须为时长", "--for takes a duration"},
		{"no such profile", []string{"device", "add", "b1", "--kind", "bridge", "--profile", "zigbe", "--config", file(folders)}, "没有名为 \"zigbe\" 的配置", `there is none called "zigbe" (there are: chirpstack,`},
		{"no such setting", []string{"device", "add", "b1", "--kind", "bridge", "--profile", "tasmota?base=x", "--config", file(folders)}, "没有名为 \"base\" 的设置", `there is no setting "base" (there are: closed)`},
		{"arguments", []string{"device", "add"}, "参数个数不对", "wrong number of arguments"},
		{"daemon down", []string{"status", "--config", file(folders)}, "网关没有运行", "the gateway is not running"},
	} {
		for locale, want := range map[string]string{"C.UTF-8": c.zh, "en_US.UTF-8": c.en} {
			code, stdout, stderr := command(t, locale, c.args...)
			if code != 2 || stdout != "" || !strings.Contains(stderr, want) {
				t.Errorf("%s, %s: code %d, stdout %q, stderr %q; want %q", c.name, locale, code, stdout, stderr, want)
			}
		}
	}
}

// Whoever may not ask the running gateway is told how to be allowed to.
func TestNoRightsToAsk(t *testing.T) {
	c := &cli{}
	err := c.explain("/run/linli/gateway.sock", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.EACCES)})
	if !errors.As(err, new(mendable)) || !strings.Contains(err.Error(), "/run/linli/gateway.sock") || !strings.Contains(err.Error(), "sudo") {
		t.Errorf("told %q", err)
	}
	err = unopened("/var/lib/linli", fmt.Errorf("open journal: %w", &os.PathError{Op: "open", Path: "lock", Err: syscall.EACCES}))
	if !errors.As(err, new(mendable)) || !strings.Contains(err.Error(), "/var/lib/linli") || !strings.Contains(err.Error(), "sudo") {
		t.Errorf("told %q", err)
	}
}

// The registry's commands work on a box whose gateway is down, and the same
// way on one that runs; the secret that they print lets the device in.
func TestRegisterFromTheCommandLine(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	config := b.write()
	run := func(args ...string) string {
		t.Helper()
		code, stdout, stderr := command(t, "en_US.UTF-8", append(args, "--config", config)...)
		if code != 0 {
			t.Fatalf("%v: %d %s", args, code, stderr)
		}
		return stdout
	}
	secretIn := func(printed string) string {
		t.Helper()
		m := regexp.MustCompile(`MQTT secret: (\S+)`).FindStringSubmatch(printed)
		if m == nil {
			t.Fatalf("no secret in %q", printed)
		}
		return m[1]
	}
	run("facility", "add", "east", "--name", "东门快递柜")
	first := secretIn(run("device", "add", "l1", "--kind", "locker", "--facility", "east", "--compartments", "24"))
	if code, _, stderr := command(t, "en_US.UTF-8", "device", "add", "l2", "--kind", "locker", "--facility", "west", "--config", config); code != 2 || !strings.Contains(stderr, "west") {
		t.Errorf("a device of no facility: %d %s", code, stderr)
	}

	b.start()
	second := secretIn(run("device", "add", "l2", "--kind", "locker", "--facility", "east"))
	run("caregiver", "add", "li", "--name", "李敏", "--channel", "webhook="+b.phone.url)
	run("elder", "add", "e1", "--name", "王秀英", "--building", "3号楼", "--room", "302", "--caregivers", "li")
	for id, secret := range map[string]string{"l1": first, "l2": second} {
		d, err := connect(t, b.cfg.MQTT.Listen, 4, id, secret)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		defer d.conn.Close()
		if err := d.publish("linli/v1/"+id+"/event", `{"type":"parcel.deposited","data":{"compartment":1}}`); err != nil {
			t.Errorf("%s: %v", id, err)
		}
	}
	third := secretIn(run("device", "credentials", "l1"))
	if _, err := connect(t, b.cfg.MQTT.Listen, 4, "l1", first); err == nil {
		t.Error("the old secret still works")
	}
	if d, err := connect(t, b.cfg.MQTT.Listen, 4, "l1", third); err != nil {
		t.Errorf("the new secret: %v", err)
	} else if err := d.conn.Close(); err != nil {
		t.Error(err)
	}
	if listed := run("device", "list"); !strings.Contains(listed, "l1") || !strings.Contains(listed, "l2") {
		t.Errorf("listed %q", listed)
	}
	if status := run("status"); !strings.Contains(status, "registered devices: 2") || !strings.Contains(status, "events in the journal: ") {
		t.Errorf("status %q", status)
	}
	if link := run("login", "li"); !strings.Contains(link, "/login?token=") {
		t.Errorf("login %q", link)
	}
	if stat := run("journal", "stat"); !strings.Contains(stat, "ordinary") || !strings.Contains(stat, "usage") || !strings.Contains(stat, "an event") || !strings.Contains(stat, "years") {
		t.Errorf("stat %q", stat)
	}
}

// The daemon takes little while nothing happens, and ends soon and cleanly
// when it is told to, also in the middle of the load.
func TestFrugalAndPolite(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.cfg.Journal.Wait = 50 * time.Millisecond
	secrets := b.register(neighbourhood(b)...)
	p := b.run()
	eventually(t, "ready", func() bool {
		c, err := net.Dial("tcp", b.cfg.Console.Listen)
		return err == nil && c.Close() == nil
	})
	code, health := b.get("/healthz")
	if code != 200 {
		t.Errorf("healthz: %d %s", code, health)
	}
	before := residentBytes(t, p.cmd.Process.Pid)
	eventually(t, "idle in 25 MB", func() bool { return residentBytes(t, p.cmd.Process.Pid) <= 25_000_000 })
	for _, path := range []string{"/healthz", "/metrics"} { // what comes to an idle box
		if code, _ := b.get(path); code != 200 {
			t.Errorf("%s: %d", path, code)
		}
	}
	resident := residentBytes(t, p.cmd.Process.Pid)
	t.Logf("idle: %.1f MB resident, after %.1f MB at the start", float64(resident)/1e6, float64(before)/1e6)
	if resident > 25_000_000 {
		t.Errorf("idle memory %d bytes, want at most 25 MB", resident)
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	d, err := connect(t, b.cfg.MQTT.Listen, 4, "l1", secrets["l1"])
	if err != nil {
		t.Fatal(err)
	}
	told, speaking := make(chan int), make(chan struct{})
	go func() {
		n, begun := 0, sync.OnceFunc(func() { close(speaking) })
		defer func() { begun(); told <- n }()
		for ; ctx.Err() == nil; n++ {
			if d.publish("linli/v1/l1/event", fmt.Sprintf(`{"id":"%d","type":"parcel.deposited","data":{"compartment":1}}`, n)) != nil {
				return
			}
			begun()
		}
	}()
	<-speaking
	pause(300 * time.Millisecond)
	began := time.Now()
	if code := p.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("SIGTERM: exit code %d\n%s", code, p.log)
	}
	t.Logf("ended in %s", time.Since(began).Round(time.Millisecond))
	cancel()
	acked := <-told
	if recorded := len(b.recorded()); recorded < acked || acked == 0 {
		t.Errorf("%d acknowledged, %d recorded", acked, recorded)
	}
	if _, err := os.Stat(b.cfg.Socket); err == nil {
		t.Error("the socket is left behind")
	}
	if reg, err := registry.Open(filepath.Join(b.cfg.Data, registryFile), registry.Options{}); err != nil {
		t.Error(err)
	} else if err := reg.Close(); err != nil {
		t.Error(err)
	}
}

// residentBytes is VmRSS of a process.
func residentBytes(t testing.TB, pid int) int64 { return memoryOf(t, pid, "VmRSS") }

// memoryOf is one of the figures in a process's status: VmRSS is all that is
// resident, RssAnon what is not of files.
func memoryOf(t testing.TB, pid int, which string) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(which + `:\s+(\d+) kB`).FindSubmatch(status)
	if m == nil {
		t.Fatalf("no %s in %s", which, status)
	}
	kb, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return kb * 1024
}
