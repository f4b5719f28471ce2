package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/registry"
)

// passphraseFile is a file with a passphrase.
func passphraseFile(t testing.TB, passphrase string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "passphrase")
	if err := os.WriteFile(file, []byte(passphrase+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The whole way: a backup of a daemon under load, looked at, brought back on
// another box, which then has every event that was acknowledged before the
// backup began, counts it once, and whose rows the platform takes for newer.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	records := []registry.Record{registry.Facility{ID: "f0", Name: "f0"}}
	var load []*storyteller
	for i := range 4 {
		d := registry.Device{Device: devices.Device{ID: fmt.Sprint("l", i), Kind: locker.Kind, Facility: "f0"}, Compartments: 8}
		records = append(records, d)
		load = append(load, &storyteller{t: t, box: b, device: d, random: rand.New(rand.NewPCG(1, uint64(i))), told: map[string]string{}})
	}
	for id, secret := range b.register(records...) {
		for _, s := range load {
			if s.device.ID == id {
				s.secret = secret
			}
		}
	}
	config, secret, file := b.write(), passphraseFile(t, "correct horse"), filepath.Join(t.TempDir(), "linli.backup")
	g, stop := b.start()
	over := make(chan struct{})
	var telling sync.WaitGroup
	for _, s := range load {
		telling.Go(func() { s.tell(over) })
	}
	told := func() map[string]bool {
		all := map[string]bool{}
		for _, s := range load {
			s.mu.Lock()
			for id := range s.told {
				all[s.device.ID+" i/"+id] = true
			}
			s.mu.Unlock()
		}
		return all
	}
	eventually(t, "events", func() bool {
		generation, err := g.figures.Generation()
		return err == nil && generation > 0 && len(told()) > 200
	})
	before := told()
	code, stdout, stderr := command(t, "en_US.UTF-8", "backup", file, "--passphrase-file", secret, "--config", config)
	if code != 0 || !strings.Contains(stdout, "Backed up to "+file) {
		t.Fatalf("backup: %d %s %s", code, stdout, stderr)
	}
	if code, stdout, stderr := command(t, "en_US.UTF-8", "journal", "verify", "--config", config); code != 0 || !strings.Contains(stdout, "all good") {
		t.Errorf("verify beside the daemon: %d %s %s", code, stdout, stderr)
	}
	eventually(t, "statistics", func() bool { return b.total(dayNow(b), "parcel.deposits") > 0 })
	generation, err := g.figures.Generation()
	if err != nil || generation == 0 {
		t.Fatal(generation, err)
	}
	code, _, stderr = command(t, "en_US.UTF-8", "restore", file, "--replace", "--passphrase-file", secret, "--config", config)
	if code != 2 || !strings.Contains(stderr, "the gateway is running") {
		t.Errorf("restore beside the daemon: %d %s", code, stderr)
	}
	close(over)
	telling.Wait()
	stop()

	// The backup of a box that is down is the same command.
	cold := filepath.Join(t.TempDir(), "cold.backup")
	if code, _, stderr := command(t, "en_US.UTF-8", "backup", cold, "--passphrase-file", secret, "--config", config); code != 0 {
		t.Fatalf("backup of a box that is down: %d %s", code, stderr)
	}
	code, stdout, stderr = command(t, "en_US.UTF-8", "restore", cold, "--dry-run", "--passphrase-file", secret, "--config", config)
	var first, last, events int
	if _, numbers, ok := strings.Cut(stdout, "ordinary: "); ok {
		_, _ = fmt.Sscanf(numbers, "%d events, numbers %d to %d", &events, &first, &last)
	}
	if code != 0 || first != 1 || events != last || events < len(told()) || !strings.Contains(stdout, "follower usage") {
		t.Errorf("dry run: %d %s %s", code, stdout, stderr)
	}

	// Messages in words, exit code 2, nothing changed.
	for _, c := range []struct {
		args   []string
		zh, en string
	}{
		{[]string{"backup", file, "--passphrase-file", secret}, "已经存在", "is there already"},
		{[]string{"backup", file + "2", "--passphrase-file", passphraseFile(t, "short")}, "口令太短", "too short"},
		{[]string{"backup", file + "2"}, "没有终端", "no terminal"},
		{[]string{"restore", file, "--passphrase-file", secret}, "已有数据", "there is data"},
		{[]string{"restore", file, "--replace", "--passphrase-file", passphraseFile(t, "incorrect horse")}, "口令不对", "passphrase is wrong"},
		{[]string{"restore", config, "--replace", "--passphrase-file", secret}, "不是备份文件", "is no backup"},
		{[]string{"journal", "export", "--since", "soon"}, "--since", "--since"},
		{[]string{"journal", "export", "--chain", "third"}, "--chain", "--chain"},
		{[]string{"journal", "tail"}, "网关没有运行", "not running"},
	} {
		for locale, want := range map[string]string{"C.UTF-8": c.zh, "en_US.UTF-8": c.en} {
			code, stdout, stderr := command(t, locale, append(c.args, "--config", config)...)
			if code != 2 || stdout != "" || !strings.Contains(stderr, want) {
				t.Errorf("%v: code %d, stdout %q, stderr %q; want %q", c.args, code, stdout, stderr, want)
			}
		}
	}

	code, stdout, stderr = command(t, "en_US.UTF-8", "restore", file, "--replace", "--passphrase-file", secret, "--config", config)
	if code != 0 || !strings.Contains(stdout, "The old data is kept in "+b.cfg.Data+".before-restore-") {
		t.Fatalf("restore: %d %s %s", code, stdout, stderr)
	}
	recorded := b.recorded()
	for id := range before {
		if recorded[id] != 1 {
			t.Errorf("%s was acknowledged before the backup, and is there %d times", id, recorded[id])
		}
	}
	g, stop = b.start()
	defer stop()
	after, err := g.figures.Generation()
	if err != nil || after <= generation {
		t.Errorf("generation %d after %d, %v", after, generation, err)
	}
	want, sum := map[string]int64{}, map[string]int64{}
	for id := range recorded {
		var device, n int
		if _, err := fmt.Sscanf(id, "l%d i/l%d-%d", &device, &device, &n); err != nil {
			t.Fatalf("identity %q: %v", id, err)
		}
		if comes(n) {
			want["parcel.deposits"]++
		} else {
			want["parcel.pickups"]++
		}
	}
	eventually(t, "the figures agree with the journal", func() bool {
		rows, err := g.figures.Today()
		if err != nil {
			t.Fatal(err)
		}
		clear(sum)
		for _, r := range rows {
			if want[r.Indicator] > 0 {
				sum[r.Indicator] += r.Numerator
			}
		}
		return maps.Equal(sum, want)
	})
}

func dayNow(b *box) string {
	return b.clock().Wall.In(time.FixedZone("", 8*3600)).Format(time.DateOnly)
}

// The journal is looked into on a box that runs and on one that is down, in
// words and in JSON, all of it and in part.
func TestInspect(t *testing.T) {
	b := newBox(t)
	secrets := b.register(neighbourhood(b)...)
	config := b.write()
	_, stop := b.start()
	for id, messages := range map[string][]string{
		"l1":   {`{"id":"1","type":"parcel.deposited","data":{"compartment":7}}`, `{"id":"2","type":"parcel.picked_up","data":{"compartment":7}}`},
		"w302": {`{"id":"3","type":"sos"}`},
	} {
		d, err := connect(t, b.cfg.MQTT.Listen, 4, id, secrets[id])
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range messages {
			if err := d.publish("linli/v1/"+id+"/event", m); err != nil {
				t.Fatal(err)
			}
		}
		if err := d.conn.Close(); err != nil {
			t.Error(err)
		}
	}
	export := func(locale string, args ...string) string {
		t.Helper()
		code, stdout, stderr := command(t, locale, append([]string{"journal", "export", "--config", config}, args...)...)
		if code != 0 {
			t.Errorf("%v: %d %s", args, code, stderr)
		}
		return stdout
	}
	look := func(when string) {
		t.Helper()
		at := `\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\??  `
		for locale, want := range map[string]string{
			"C.UTF-8":     `(?m)^` + at + `普通 +l1  .*东门快递柜）：7 号格，.*$`,
			"en_US.UTF-8": `(?m)^` + at + `ordinary  l1  .*东门快递柜.*: .*7.*$`,
		} {
			if got := export(locale, "--device", "l1"); !regexp.MustCompile(want).MatchString(got) || strings.Count(got, "\n") != 2 {
				t.Errorf("%s, %s: %q", when, locale, got)
			}
		}
		if got := export("C.UTF-8", "--chain", "urgent", "--type", "sos"); strings.Count(got, "\n") != 1 || !strings.Contains(got, "王秀英") {
			t.Errorf("%s: urgent %q", when, got)
		}
		var line control.Line
		got := export("C.UTF-8", "--json", "--type", "parcel.picked_up", "--since", "1h")
		if err := json.Unmarshal([]byte(got), &line); err != nil || line.Device != "l1" || string(line.Data) != `{"compartment":7}` || line.Who != "" {
			t.Errorf("%s: JSON %q, %v", when, got, err)
		}
		if got := export("C.UTF-8", "--until", "2020-01-01"); got != "" {
			t.Errorf("%s: before there was anything: %q", when, got)
		}
		file := filepath.Join(t.TempDir(), "events.jsonl")
		if said := export("en_US.UTF-8", "--json", "--output", file, "--device", "l1,w302"); !strings.Contains(said, "3 events") {
			t.Errorf("%s: %q", when, said)
		}
		if events, err := os.ReadFile(file); err != nil || bytes.Count(events, []byte("\n")) != 3 {
			t.Errorf("%s: %q, %v", when, events, err)
		}
		code, stdout, stderr := command(t, "C.UTF-8", "journal", "verify", "--config", config)
		if code != 0 || !strings.Contains(stdout, "全部完好") || !strings.Contains(stdout, "完好 usage.state") {
			t.Errorf("%s: verify %d %s %s", when, code, stdout, stderr)
		}
	}
	look("running")
	stop()
	look("down")

	urgent, err := filepath.Glob(filepath.Join(b.cfg.Data, journalFolder, "urgent", "*.bolt"))
	if err != nil || len(urgent) == 0 {
		t.Fatal(urgent, err)
	}
	content, err := os.ReadFile(urgent[0])
	if err != nil {
		t.Fatal(err)
	}
	damaged := bytes.ReplaceAll(content, []byte("i/3sos"), []byte("i/3sas"))
	if bytes.Equal(damaged, content) {
		t.Fatal("the SOS is not in the file")
	}
	if err := os.WriteFile(urgent[0], damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := command(t, "en_US.UTF-8", "journal", "verify", "--config", config)
	if code != 1 || !strings.Contains(stdout, "damaged urgent/") || !strings.Contains(stderr, "1 are damaged") {
		t.Errorf("verify of damage: %d %s %s", code, stdout, stderr)
	}
	if code, stdout, _ := command(t, "en_US.UTF-8", "journal", "verify", "--json", "--config", config); code != 1 || !strings.Contains(stdout, `"problems":["sequence 1: record: wrong checksum"`) {
		t.Errorf("verify of damage: %d %s", code, stdout)
	}
}

// A restoration is killed at random moments: the data folder is the old one or
// the new one, whole, and a gateway can be started on it.
func TestKillRestore(t *testing.T) {
	t.Parallel()
	n, seed := rounds(20, 200), rand.Uint64()
	t.Logf("%d rounds, seed %d", n, seed)
	random := rand.New(rand.NewPCG(seed, 1))
	b := newBox(t)
	b.register(registry.Facility{ID: "old", Name: "old"})
	config, secret := b.write(), passphraseFile(t, "correct horse")
	_, stop := b.start()
	stop()
	file := filepath.Join(t.TempDir(), "linli.backup")
	if code, _, stderr := command(t, "en_US.UTF-8", "backup", file, "--passphrase-file", secret, "--config", config); code != 0 {
		t.Fatal(stderr)
	}
	facilities := func() (ids []string) {
		t.Helper()
		reg, err := registry.Open(filepath.Join(b.cfg.Data, registryFile), registry.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range registry.Sorted(reg.Snapshot().Facilities) {
			ids = append(ids, f.ID)
		}
		if err := reg.Close(); err != nil {
			t.Error(err)
		}
		return ids
	}
	restored, events := 0, len(b.recorded())
	for round := range n {
		b.register(registry.Facility{ID: "young", Name: "young"}) // after the backup
		cmd := exec.Command(gatewayBinary(t), "restore", file, "--replace", "--passphrase-file", secret, "--config", config)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		killed := true
		select {
		case err := <-ended:
			killed = false
			if err != nil {
				t.Fatalf("round %d: %v\n%s", round, err, &out)
			}
		case <-time.After(time.Duration(random.IntN(600)) * time.Millisecond):
			if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
				t.Logf("round %d: %v", round, err) // it has just ended
			}
			<-ended
		}
		switch found := strings.Join(facilities(), " "); {
		case found == "old":
			restored++
		case found != "old young" || !killed:
			t.Fatalf("round %d: registered are %q, killed %v", round, found, killed)
		}
		if n := len(b.recorded()); n != events {
			t.Errorf("round %d: %d events, want %d", round, n, events)
		}
	}
	_, stop = b.start()
	stop()
	t.Logf("%d of %d restorations came to their end", restored, n)
}
