package firmwareconfig

import (
	"path/filepath"
	"time"

	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/journal"
	"github.com/linli-edge/gateway/sync/notify"
	"github.com/linli-edge/gateway/sync/province/contract"
	"github.com/linli-edge/gateway/sync/usage"
)

// Config is what a configuration file says, completed by defaults. The example
// of a field is what an error message about it suggests to write.
type Config struct {
	Box Box `yaml:"box"`
	// Data is the folder of everything that the gateway keeps: journal,
	// states, registry. An absolute path.
	Data string `yaml:"data" example:"/var/lib/linli"`
	// Socket is the Unix socket on which commands reach the running daemon. An
	// absolute path of at most 107 bytes.
	Socket  string  `yaml:"socket" example:"/run/linli/gateway.sock"`
	MQTT    MQTT    `yaml:"mqtt"`
	Console Console `yaml:"console"`
	Metrics Metrics `yaml:"metrics"`
	Journal Journal `yaml:"journal"`
	Alert   Alert   `yaml:"alert"`
	// Channels carry pages to people.
	Channels notify.Config `yaml:"channels"`
	Watch    Watch         `yaml:"watch"`
	Province Province      `yaml:"province"`
	// City is a second platform that takes the same figures.
	City Province `yaml:"city"`
	// Months are as the platform wants them.
	Months usage.Months `yaml:"months"`
	GPIO   GPIO         `yaml:"gpio"`
	// Sensors says what the kernel measures, in words: see package sensor.
	Sensors []string `yaml:"sensors" example:"\"temperature, cabinet-1, compartment 3, 1-wire 28-0316a2795aff\""`
	Log     Log      `yaml:"log"`
}

// Box is who this box is.
type Box struct {
	// ID names the box towards the platform: small letters, digits and
	// hyphens, at most 64. A box that sends to a province needs one that no
	// other box has.
	ID string `yaml:"id" example:"chunfeng-01"`
	// Name is what people call it, at most 64 characters.
	Name string `yaml:"name" example:"春风社区"`
}

// MQTT is the way in of the devices: the embedded broker, or somebody else's
// broker if Broker is set; never both.
type MQTT struct {
	// TLS is the host:port of the embedded broker with TLS, or Off.
	TLS string `yaml:"tls" example:"0.0.0.0:8883"`
	// Listen is its host:port without TLS, for devices that have none; only
	// the local network gets in. "" for no such port.
	Listen string `yaml:"listen" example:"0.0.0.0:1883"`
	// WebSocket is its host:port for MQTT in WebSockets with TLS (wss), as pages
	// in a browser speak it. "" for no such port.
	WebSocket string `yaml:"websocket" example:"0.0.0.0:8884"`
	// Rate is how many messages a second one device may send to the embedded
	// broker in the long run; a bridge, which speaks for many, ten times as
	// many.
	Rate int `yaml:"rate" example:"100"`
	// Broker is the URL of an external broker, mqtt://host:port or
	// mqtts://host:port.
	Broker string `yaml:"broker" example:"mqtts://broker.local:8883"`
	// ClientID, User and SecretFile log in at the external broker. ClientID
	// is "linli-" and the box's ID unless set; it must be the gateway's
	// alone, because the broker keeps the session under it.
	ClientID   string `yaml:"client_id" example:"linli-chunfeng-01"`
	User       string `yaml:"user" example:"linli"`
	SecretFile string `yaml:"secret_file" example:"/etc/linli/mqtt.secret"`
	// Topics are the filters that the gateway subscribes to at the external
	// broker: its own topics unless set. They replace the default.
	Topics []string `yaml:"topics" example:"linli/v1/#"`
}

// Console is the web page.
type Console struct {
	// TLS is the host:port of the page with TLS, or Off; without a host, all
	// interfaces.
	TLS string `yaml:"tls" example:"\":8443\""`
	// Listen is its host:port without TLS; only the local network gets in.
	Listen string `yaml:"listen" example:"\":8080\""`
	// Public is the address at which the Internet reaches /a/ and /static/ of
	// the page, "" for none. What is sent to caregivers has a link there then, by
	// which they acknowledge.
	Public string `yaml:"public" example:"https://linli.example.org"`
}

// Metrics is where Prometheus scrapes.
type Metrics struct {
	// Listen is a host:port of its own; "" serves /metrics on the console's.
	Listen string `yaml:"listen" example:"127.0.0.1:9464"`
}

// Journal is how long and how much the box keeps.
type Journal struct {
	// Wait is how long an ordinary event may wait for company before it is
	// committed, which is what a flash card's life depends on. 0 commits at
	// once. Urgent events never wait.
	Wait time.Duration `yaml:"wait" example:"60ms"`
	// Keep is the age at which events are dropped.
	Keep time.Duration `yaml:"keep" example:"90d"`
	// Budget is the room on disk for the whole journal; Reserve is the part of
	// it that only urgent events may use, a sixteenth unless set.
	Budget  Size `yaml:"budget" example:"4GB"`
	Reserve Size `yaml:"reserve" example:"250MB"`
}

// Alert is how a page to a caregiver escalates.
type Alert struct {
	// Step is how long a high-priority page waits for a human acknowledgement
	// before the next step.
	Step time.Duration `yaml:"step" example:"60s"`
	// MediumStep is the same for what is less urgent.
	MediumStep time.Duration `yaml:"medium_step" example:"5m"`
	// Arrive is how long after the acknowledgement of a call for help somebody
	// has to be there, before it is raised again.
	Arrive time.Duration `yaml:"arrive" example:"15m"`
	// Names is set where pages may say who needs help, besides where.
	Names bool `yaml:"names" example:"true"`
}

// Watch is who watches the box from outside.
type Watch struct {
	// Ping is an address that is asked for as long as the box is well; whoever
	// is behind it tells when that ends.
	Ping string `yaml:"ping" example:"https://hc.example.org/ping/0123"`
	// Every is how often.
	Every time.Duration `yaml:"every" example:"1m"`
	// Drill is the time of the day at which an alert that wakes nobody goes the
	// whole way, or Off; then there is no weekly trial of the channels either.
	Drill string `yaml:"drill" example:"\"04:00\""`
}

// DrillAt is how long after midnight the drill is; ok is false if there is
// none.
func (w Watch) DrillAt() (at time.Duration, ok bool) {
	t, err := time.Parse("15:04", w.Drill)
	if err != nil {
		return 0, false
	}
	return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute, true
}

// Province is the platform that takes the statistics. Without URL nothing is
// sent.
type Province struct {
	// URL is where the platform takes batches of rows, https unless it is on
	// this machine.
	URL string `yaml:"url" example:"https://platform.example.gov.cn/v1/rows"`
	// Sign is how this box signs: hmac-sha256 or hmac-sm3, with the secret that
	// the platform gave; ed25519 or sm2, with a key that the box makes itself
	// when it is enrolled.
	Sign string `yaml:"sign" example:"ed25519"`
	// SecretFile holds the secret, of the two that share one.
	SecretFile string `yaml:"secret_file" example:"/etc/linli/province.secret"`
	// SignForm is how the platform wants signatures of SM2 and SM3: any of raw
	// (r || s; else DER) and hex (else Base64), separated by commas. SignUser is
	// the user ID of SM2, 1234567812345678 unless set.
	SignForm string `yaml:"sign_form" example:"raw,hex"`
	SignUser string `yaml:"sign_user" example:"\"1234567812345678\""`
	// ClientCert and ClientKey show who the box is to a platform that asks for
	// it (mTLS); CA is the authority of the platform's own certificate, that of
	// the system unless set. Files in PEM.
	ClientCert string `yaml:"client_cert" example:"/etc/linli/province.crt"`
	ClientKey  string `yaml:"client_key" example:"/etc/linli/province.key"`
	CA         string `yaml:"ca" example:"/etc/linli/province-ca.crt"`
	// Interval is how often what has changed is sent.
	Interval time.Duration `yaml:"interval" example:"1h"`
	// Pace is the least time between two batches of rows, so that what has
	// gathered while the province was away does not take the whole line. 0
	// sends as fast as they are accepted.
	Pace time.Duration `yaml:"pace" example:"500ms"`
}

// Log is what the daemon writes to its standard error.
type Log struct {
	// Level is debug, info, warn or error.
	Level string `yaml:"level" example:"info"`
	// Format is text or json.
	Format string `yaml:"format" example:"text"`
}

// DefaultID is the ID of a box that was not given one. It is good enough for a
// box on its own and refused towards a province.
const DefaultID = "linli"

// Off in place of an address opens no port.
const Off = "none"

const defaultTLS = "0.0.0.0:8883"

// Default is the configuration of an installed box about which nothing is
// said.
func Default() Config {
	cfg := base()
	cfg.complete()
	return cfg
}

// base is what the file is decoded over: defaults that do not depend on what
// the file says.
func base() Config {
	return Config{
		Box:      Box{ID: DefaultID, Name: "邻里"},
		Data:     "/var/lib/linli",
		Socket:   "/run/linli/gateway.sock",
		Console:  Console{TLS: ":8443", Listen: ":8080"},
		MQTT:     MQTT{Rate: 100},
		Journal:  Journal{Wait: journal.DefaultWait, Keep: 90 * day, Budget: 4_000_000_000},
		Alert:    Alert{Step: alert.DefaultStep, MediumStep: alert.DefaultMedium, Arrive: alert.DefaultArrive},
		Channels: notify.Defaults(),
		Watch:    Watch{Every: time.Minute, Drill: "04:00"},
		Province: Province{Interval: time.Hour, Sign: contract.NameHMACSHA256},
		City:     Province{Interval: time.Hour, Sign: contract.NameHMACSHA256},
		Months:   usage.DefaultMonths(),
		Log:      Log{Level: "info", Format: "text"},
	}
}

// complete fills in the defaults that depend on what the file said.
func (c *Config) complete() {
	if c.Journal.Reserve == 0 {
		c.Journal.Reserve = c.Journal.Budget / 16
	}
	if c.MQTT.Broker == "" {
		if c.MQTT.TLS == "" {
			c.MQTT.TLS = defaultTLS
		}
		return
	}
	if c.MQTT.ClientID == "" {
		c.MQTT.ClientID = "linli-" + c.Box.ID
	}
	if len(c.MQTT.Topics) == 0 {
		c.MQTT.Topics = []string{"linli/v1/+/event", "linli/v1/+/state", "linli/v1/+/status"}
	}
}

// In returns a copy whose data and socket are in dir, for a box that is not
// installed: the demo, and tests.
func (c Config) In(dir string) Config {
	c.Data = dir
	c.Socket = filepath.Join(dir, "gateway.sock")
	return c
}
