package firmwareconfig

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/notify"
	"github.com/linli-edge/gateway/sync/usage"
)

var update = flag.Bool("update", false, "write the expected messages of testdata/bad anew")

// Each file of testdata/bad breaks one rule. What Load says of it, in both
// languages, stands beside it.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			cfg, err := Load(file)
			if err == nil {
				t.Fatalf("accepted as %+v", cfg)
			}
			for _, lang := range []texts.Lang{texts.Chinese, texts.English} {
				got := texts.Of(err, lang) + "\n"
				if strings.Contains(got, "hunter2") {
					t.Errorf("the message gives a password away:\n%s", got)
				}
				if strings.Contains(got, "%!") {
					t.Errorf("the message lacks an argument:\n%s", got)
				}
				golden := strings.TrimSuffix(file, "yaml") + string(lang) + ".txt"
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if got != string(want) {
					t.Errorf("%s: got\n%swant\n%s", lang, got, want)
				}
			}
		})
	}
}

func TestGoodFiles(t *testing.T) {
	for file, change := range map[string]func(*Config){
		"name_only":      func(c *Config) { c.Box.Name = "春风社区" },
		"empty_sections": func(*Config) {},
		"windows":        func(c *Config) { c.Box.Name, c.Log.Level = "春风社区 3 号楼", "warn" },
		"external_broker": func(c *Config) {
			c.MQTT = MQTT{Rate: 100, Broker: "mqtt://broker.local:1883", ClientID: "linli-linli", Topics: []string{"zigbee2mqtt/#", "linli/v1/+/event"}}
		},
		"gpio": func(c *Config) {
			c.GPIO = GPIO{Board: "raspberry-pi", Wires: []string{"拉绳，cord-302，常闭，引脚 11", "siren, pin 13, active low"}}
		},
		"everything": func(c *Config) {
			*c = Config{
				Box:      Box{ID: "chunfeng-01", Name: "春风社区"},
				Data:     "/srv/linli",
				Socket:   "/run/linli/gateway.sock",
				MQTT:     MQTT{TLS: Off, Listen: "192.168.1.10:1883", Rate: 250},
				Console:  Console{TLS: "[::1]:8443", Listen: "[::1]:8080", Public: "https://linli.example.org"},
				Metrics:  Metrics{Listen: "127.0.0.1:9464"},
				Journal:  Journal{Wait: 0, Keep: 36 * time.Hour, Budget: 3 << 29, Reserve: 128_000_000},
				Alert:    Alert{Step: 90 * time.Second, MediumStep: 5 * time.Minute, Arrive: 15 * time.Minute, Names: true},
				Channels: notify.Defaults(),
				Watch:    Watch{Every: time.Minute, Drill: "03:30"},
				Province: Province{Interval: 10 * time.Minute, Pace: 200 * time.Millisecond, Sign: "hmac-sha256"},
				City:     Province{Interval: time.Hour, Sign: "hmac-sha256"},
				Months:   usage.Months{Close: 5, Freeze: 25},
				Log:      Log{Level: "debug", Format: "json"},
			}
			c.Channels.Language = "en"
			c.Channels.Bark.URL = "https://bark.local:8443"
			c.Channels.Siren = notify.Siren{Topic: "zigbee2mqtt/siren/set", On: "ON", Off: "OFF"}
			c.Channels.Speech.Device = "default"
		},
	} {
		t.Run(file, func(t *testing.T) {
			want := Default()
			change(&want)
			expectLoad(t, filepath.Join("testdata/good", file+".yaml"), want)
		})
	}
}

// The file that the package installs says nothing that the defaults don't.
func TestShippedFile(t *testing.T) {
	expectLoad(t, "../deploy/etc/gateway.yaml", Default())
}

// What stands behind a # there is understood when that is taken away; remarks
// have a space behind theirs.
func TestShippedExamples(t *testing.T) {
	text, err := os.ReadFile("../deploy/etc/gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ = bytes.Cut(text, []byte("\n\n"))
	option := regexp.MustCompile(`(?m)^( *)#(  |[a-z])`)
	if found := len(option.FindAll(text, -1)); found < 40 {
		t.Fatalf("%d lines only", found)
	}
	for range 2 { // some stand in what stands behind one
		text = option.ReplaceAll(text, []byte("$1$2"))
	}
	got, _, problem := decode(text)
	if problem != nil {
		t.Fatal(problem.problem.at("gateway.yaml", text, problem.at))
	}
	if got.MQTT.Listen == "" || got.MQTT.Broker == "" || got.City.URL == "" || got.Province.CA == "" || len(got.Sensors) == 0 || got.Channels.Siren.Off == "" {
		t.Errorf("got %+v", got)
	}
}

// So is what the pages about channels and pins write.
func TestExamplesOfThePages(t *testing.T) {
	found := 0
	for _, file := range []string{"../deploy/docs/channels.md", "../deploy/docs/gpio.md"} {
		page, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split(string(page), "```yaml\n")[1:] {
			found++
			source, _, _ := strings.Cut(block, "```")
			if _, _, wrong := decode([]byte(source)); wrong != nil {
				t.Errorf("%s: %v", file, wrong.problem.at(file, []byte(source), wrong.at))
			}
		}
	}
	if found < 4 {
		t.Errorf("found %d examples only", found)
	}
}

func expectLoad(t *testing.T, path string, want Config) {
	t.Helper()
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestMissingFile(t *testing.T) {
	_, err := Load("testdata/nowhere.yaml")
	if got, want := texts.Of(err, texts.Chinese), "testdata/nowhere.yaml：没有这个文件或文件夹\n改法："; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q...", got, want)
	}
	_, err = Load("testdata")
	if got, want := texts.Of(err, texts.English), "testdata: is not a regular file\nfix: give the path of a YAML file"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestHugeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "huge.yaml")
	write(t, path, strings.Repeat("# nothing\n", maxFile/10+1), 0o600)
	_, err := Load(path)
	if err == nil || !strings.Contains(err.Error(), "is over 65536 bytes") {
		t.Errorf("got %v", err)
	}
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "province.secret")
	config := filepath.Join(dir, "gateway.yaml")
	write(t, config, "box: {id: chunfeng-01}\nprovince:\n  url: https://platform.example.gov.cn/linli\n  secret_file: "+secret+"\n", 0o644)

	write(t, secret, "correct horse battery\r\n", 0o640)
	want := Default()
	want.Box.ID = "chunfeng-01"
	want.Province.URL, want.Province.SecretFile = "https://platform.example.gov.cn/linli", secret
	expectLoad(t, config, want)
	if got, err := Secret(secret); err != nil || string(got) != "correct horse battery" {
		t.Errorf("secret %q, %v", got, err)
	}

	for _, bad := range []struct {
		content string
		mode    os.FileMode
		want    string
	}{
		{"correct horse\n", 0o644, "the secret file has mode 0644, which is open to everybody"},
		{"\n", 0o600, "the secret file is empty"},
		{strings.Repeat("x", maxSecret+1), 0o600, "the secret file is over 4096 bytes"},
	} {
		if err := os.Remove(secret); err != nil {
			t.Fatal(err)
		}
		write(t, secret, bad.content, bad.mode)
		_, err := Load(config)
		if err == nil || !strings.Contains(err.Error(), config+":4:16: province.secret_file: "+bad.want) {
			t.Errorf("mode %o: got %v, want %s", bad.mode, err, bad.want)
		}
		_, err = Secret(secret)
		if err == nil || !strings.Contains(err.Error(), bad.want) || strings.Contains(err.Error(), "horse") {
			t.Errorf("mode %o: Secret: %v, want %s", bad.mode, err, bad.want)
		}
	}
}

// Root, who checks a configuration, is told what the gateway, which runs as
// whoever owns its data, cannot read.
func TestSecretsThatTheGatewayCannotRead(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Fatal("needs root, who alone reads what others cannot")
	}
	data, secret, file := t.TempDir(), filepath.Join(t.TempDir(), "webhook.secret"), filepath.Join(t.TempDir(), "gateway.yaml")
	if err := errors.Join(os.WriteFile(secret, []byte("a secret of a webhook\n"), 0o600),
		os.WriteFile(file, []byte("data: "+data+"\nchannels:\n  webhook:\n    secret_file: "+secret+"\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	const gateway = 65534
	for _, c := range []struct {
		data, user, group int
		mode              os.FileMode
		reads             bool
	}{
		{0, 0, 0, 0o600, true}, // runs as root
		{gateway, 0, 0, 0o600, false},
		{gateway, 0, 0, 0o640, false}, // group root
		{gateway, 0, gateway, 0o640, true},
		{gateway, 0, gateway, 0o600, false},
		{gateway, gateway, 0, 0o400, true},
		{gateway, gateway, gateway, 0o040, false},
	} {
		if err := errors.Join(os.Chown(data, c.data, c.data), os.Chown(secret, c.user, c.group), os.Chmod(secret, c.mode)); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(file); err != nil {
			t.Errorf("%+v: %v", c, err) // who runs it can
		}
		_, err := Check(file)
		if c.reads != (err == nil) || err != nil && !strings.Contains(err.Error(), "gateway.yaml:4:18: channels.webhook.secret_file: cannot be read: the user that the gateway runs as may not") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A secret that would do for a broker is too short to sign with.
func TestShortSecret(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "province.secret")
	write(t, secret, "horse\n", 0o600)
	cfg := Default()
	cfg.Box.ID, cfg.Province.URL, cfg.Province.SecretFile = "chunfeng-01", "https://platform.example.gov.cn/v1/rows", secret
	if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), "province.secret_file: the secret has fewer than 16 bytes") {
		t.Errorf("got %v", err)
	}
}

// A configuration that a program makes is judged by the same rules, in both
// languages.
func TestValidate(t *testing.T) {
	if err := Default().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	if err := Default().In(t.TempDir()).Validate(); err != nil {
		t.Errorf("in a folder: %v", err)
	}
	cfg := Default()
	cfg.Data = "here"
	err := cfg.Validate()
	if got, want := texts.Of(err, texts.Chinese), "data：必须是绝对路径，现为 \"here\"\n改法：写成例如  data: /var/lib/linli"; got != want {
		t.Errorf("Chinese %q, want %q", got, want)
	}
	var message *texts.Error
	if got, want := err.Error(), "data: must be an absolute path (got \"here\")\nfix: write for example  data: /var/lib/linli"; got != want || !errors.As(err, &message) {
		t.Errorf("English %q, want %q", got, want)
	}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil { // whatever the umask
		t.Fatal(err)
	}
}
