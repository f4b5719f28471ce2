package firmwareconfig

import (
	"cmp"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/linli-edge/gateway/devices/lan"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/province/contract"
)

// Validate says what is wrong with a configuration, or nil. It reads the
// secret files that the configuration names.
func (c Config) Validate() error {
	if p := c.check(); p != nil {
		return p
	}
	return nil
}

// check runs the rules in the order of the fields and returns the first
// problem.
func (c Config) check() *problem {
	return cmp.Or(
		c.checkBox(),
		absolute("data", c.Data, "/var/lib/linli"),
		c.checkSocket(),
		c.checkMQTT(),
		c.checkConsole(),
		checkPublic(c.Console.Public),
		c.checkMetrics(),
		c.checkPorts(),
		c.checkJournal(),
		within("alert.step", c.Alert.Step, 10*time.Second, 10*time.Minute, base().Alert.Step, formatDuration),
		within("alert.medium_step", c.Alert.MediumStep, time.Minute, time.Hour, base().Alert.MediumStep, formatDuration),
		within("alert.arrive", c.Alert.Arrive, 5*time.Minute, 2*time.Hour, base().Alert.Arrive, formatDuration),
		c.checkChannels(),
		provider("watch.ping", c.Watch.Ping, "https://hc.example.org/ping/0123"),
		within("watch.every", c.Watch.Every, 10*time.Second, time.Hour, base().Watch.Every, formatDuration),
		c.Watch.checkDrill(),
		c.checkProvince("province", c.Province),
		c.checkProvince("city", c.City),
		within("months.close", c.Months.Close, 1, 27, base().Months.Close, itoa),
		within("months.freeze", c.Months.Freeze, c.Months.Close+1, 28, base().Months.Freeze, itoa),
		c.checkGPIO(),
		c.checkSensors(),
		oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error"),
		oneOf("log.format", c.Log.Format, "text", "json"),
		c.checkSecrets(),
	)
}

func example(field, value string) *texts.Error {
	return texts.Errorf(texts.Config.Example, field[strings.LastIndexByte(field, '.')+1:], value)
}

var idPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

func (c Config) checkBox() *problem {
	if !idPattern.MatchString(c.Box.ID) {
		return wrong("box.id", texts.Errorf(texts.Config.BadID, short(c.Box.ID)), example("box.id", "chunfeng-01"))
	}
	n := utf8.RuneCountInString(c.Box.Name)
	if n == 0 || n > 64 || strings.TrimSpace(c.Box.Name) == "" || strings.ContainsFunc(c.Box.Name, unprintable) {
		return wrong("box.name", texts.Errorf(texts.Config.BadName, short(c.Box.Name)), example("box.name", "春风社区"))
	}
	return nil
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) || r == utf8.RuneError }

// maxSocket is the longest path that Linux takes for a Unix socket, in bytes.
const maxSocket = 107

func (c Config) checkSocket() *problem {
	if p := absolute("socket", c.Socket, "/run/linli/gateway.sock"); p != nil {
		return p
	}
	if len(c.Socket) > maxSocket {
		return wrong("socket", texts.Errorf(texts.Config.LongSocket, len(c.Socket), maxSocket),
			texts.Errorf(texts.Config.LongSocketMend, "/run/linli/gateway.sock"))
	}
	return nil
}

func (c Config) checkMQTT() *problem {
	t, m := texts.Config, c.MQTT
	if m.Broker == "" {
		for _, f := range []struct {
			name string
			set  bool
		}{{"client_id", m.ClientID != ""}, {"user", m.User != ""}, {"secret_file", m.SecretFile != ""}, {"topics", len(m.Topics) > 0}} {
			if f.set {
				return wrong("mqtt."+f.name, texts.Errorf(t.OnlyWithBroker), texts.Errorf(t.AddBroker))
			}
		}
		if m.TLS == Off && m.Listen == "" && m.WebSocket == "" {
			return wrong("mqtt.tls", texts.Errorf(texts.Door.NoWayIn), texts.Errorf(texts.Door.NoWayInMend))
		}
		return cmp.Or(optional("mqtt.websocket", m.WebSocket, "", "0.0.0.0:8884"), optional("mqtt.tls", m.TLS, Off, defaultTLS), plain("mqtt.listen", m.Listen, "0.0.0.0:1883"),
			within("mqtt.rate", m.Rate, 10, 100_000, base().MQTT.Rate, itoa))
	}
	if m.Listen != "" || m.TLS != "" || m.WebSocket != "" {
		return wrong("mqtt.broker", texts.Errorf(t.BrokerAndListen), texts.Errorf(t.OnlyOne))
	}
	if p := checkBroker(m.Broker); p != nil {
		return p
	}
	if m.User != "" && m.SecretFile == "" {
		return wrong("mqtt.user", texts.Errorf(t.UserWithoutSecret), texts.Errorf(t.AddSecret))
	}
	if m.SecretFile != "" && m.User == "" {
		return wrong("mqtt.secret_file", texts.Errorf(t.SecretWithoutUser), texts.Errorf(t.AddUser))
	}
	for i, topic := range m.Topics {
		if !validFilter(topic) {
			return wrong("mqtt.topics["+itoa(i)+"]", texts.Errorf(t.BadTopic, short(topic)), texts.Errorf(t.BadTopicMend))
		}
	}
	return nil
}

func (w Watch) checkDrill() *problem {
	if _, ok := w.DrillAt(); ok || w.Drill == Off {
		return nil
	}
	return wrong("watch.drill", texts.Errorf(texts.AlertDrill.BadTime, short(w.Drill)), example("watch.drill", `"04:00"`))
}

// checkPublic wants a host alone: paths are the page's own.
func checkPublic(public string) *problem {
	if public == "" {
		return nil
	}
	u, err := url.Parse(public)
	if p := noPassword("console.public", u, public); p != nil {
		return p
	}
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.Port() != "" && !validPort(u.Port(), 1) || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return wrong("console.public", texts.Errorf(texts.AlertLink.BadPublic, short(public)), example("console.public", "https://linli.example.org"))
	}
	return nil
}

func checkBroker(broker string) *problem {
	u, err := url.Parse(broker)
	if p := noPassword("mqtt.broker", u, broker); p != nil {
		return p
	}
	if err != nil || u.Scheme != "mqtt" && u.Scheme != "mqtts" || u.Hostname() == "" || !validPort(u.Port(), 1) ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return wrong("mqtt.broker", texts.Errorf(texts.Config.BadBroker, short(broker)), example("mqtt.broker", "mqtts://broker.local:8883"))
	}
	return nil
}

// noPassword refuses credentials in an address, and keeps them out of the
// message. An address that does not parse may hold them all the same.
func noPassword(field string, u *url.URL, raw string) *problem {
	if u != nil && u.User == nil || u == nil && !strings.Contains(raw, "@") {
		return nil
	}
	p := wrong(field, texts.Errorf(texts.Config.PasswordInURL), texts.Errorf(texts.Config.SecretFileMend))
	p.hide = true
	return p
}

// validFilter says whether s is a topic filter as MQTT defines it.
func validFilter(s string) bool {
	if s == "" || len(s) > 65535 || strings.ContainsRune(s, 0) {
		return false
	}
	levels := strings.Split(s, "/")
	for i, level := range levels {
		last := i == len(levels)-1
		if strings.Contains(level, "#") && (level != "#" || !last) || strings.Contains(level, "+") && level != "+" {
			return false
		}
	}
	return true
}

func (c Config) checkConsole() *problem {
	if p := optional("console.tls", c.Console.TLS, Off, `":8443"`); p != nil {
		return p
	}
	if c.Console.Listen == "" {
		return address("console.listen", c.Console.Listen, `":8080"`)
	}
	return plain("console.listen", c.Console.Listen, `":8080"`)
}

// optional wants an address, or what stands for none.
func optional(field, listen, absent, instead string) *problem {
	if listen == absent {
		return nil
	}
	return address(field, listen, instead)
}

// plain wants an address of the local network, where nothing is encrypted; ""
// is none.
func plain(field, listen, instead string) *problem {
	if listen == "" {
		return nil
	}
	if p := address(field, listen, instead); p != nil {
		return p
	}
	host, port, _ := net.SplitHostPort(listen) // address has split it
	if ip, err := netip.ParseAddr(host); err == nil && !ip.IsUnspecified() && !lan.Private(ip) {
		return wrong(field, texts.Errorf(texts.Door.Public, host), texts.Errorf(texts.Door.PublicMend, port))
	}
	return nil
}

func (c Config) checkMetrics() *problem {
	return optional("metrics.listen", c.Metrics.Listen, "", "127.0.0.1:9464")
}

// checkPorts finds two listeners on one port, which would otherwise fail at
// start with the second one's "address already in use".
func (c Config) checkPorts() *problem {
	listeners := []struct{ field, address string }{
		{"mqtt.tls", c.MQTT.TLS}, {"mqtt.listen", c.MQTT.Listen}, {"mqtt.websocket", c.MQTT.WebSocket}, {"console.tls", c.Console.TLS},
		{"console.listen", c.Console.Listen}, {"metrics.listen", c.Metrics.Listen},
	}
	for i, l := range listeners {
		for _, earlier := range listeners[:i] {
			if port := samePort(l.address, earlier.address); port != "" {
				return wrong(l.field, texts.Errorf(texts.Config.SamePort, earlier.field, port), texts.Errorf(texts.Config.SamePortMend))
			}
		}
	}
	return nil
}

// samePort is the port that two addresses both want, "" if they can live side
// by side.
func samePort(a, b string) string {
	if a == "" || b == "" || a == Off || b == Off {
		return ""
	}
	hostA, portA, _ := net.SplitHostPort(a)
	hostB, portB, _ := net.SplitHostPort(b)
	if portA != portB || portA == "0" || hostA != hostB && !everywhere(hostA) && !everywhere(hostB) {
		return ""
	}
	return portA
}

func everywhere(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }

func (c Config) checkJournal() *problem {
	j, def := c.Journal, base().Journal
	if p := cmp.Or(
		within("journal.wait", j.Wait, 0, 10*time.Second, def.Wait, formatDuration),
		within("journal.keep", j.Keep, day, 3650*day, def.Keep, formatDuration),
		within("journal.budget", j.Budget, 256_000_000, 1_000_000_000_000, def.Budget, Size.String),
		within("journal.reserve", j.Reserve, 16_000_000, 1_000_000_000_000, j.Budget/16, Size.String),
	); p != nil {
		return p
	}
	if j.Reserve > j.Budget/2 {
		return wrong("journal.reserve", texts.Errorf(texts.Config.ReserveTooLarge, j.Budget.String()), texts.Errorf(texts.Config.ReserveMend))
	}
	return nil
}

func (c Config) checkProvince(name string, p Province) *problem {
	t := texts.Config
	if bad := within(name+".interval", p.Interval, time.Second, day, base().Province.Interval, formatDuration); bad != nil {
		return bad
	}
	if bad := within(name+".pace", p.Pace, 0, time.Minute, base().Province.Pace, formatDuration); bad != nil {
		return bad
	}
	if bad := oneOf(name+".sign", p.Sign, contract.Schemes()...); bad != nil {
		return bad
	}
	if _, err := p.Form(); err != nil {
		return wrong(name+".sign_form", texts.Errorf(t.BadSignForm, short(p.SignForm)), example(name+".sign_form", "raw,hex"))
	}
	if (p.ClientCert == "") != (p.ClientKey == "") {
		return wrong(name+".client_cert", texts.Errorf(t.CertAndKey), example(name+".client_key", "/etc/linli/province.key"))
	}
	for field, path := range map[string]string{"client_cert": p.ClientCert, "client_key": p.ClientKey, "ca": p.CA} {
		if path == "" {
			continue
		}
		if bad := absolute(name+"."+field, path, "/etc/linli/"+name+".pem"); bad != nil {
			return bad
		}
	}
	if p.URL == "" {
		if p.SecretFile != "" {
			return wrong(name+".secret_file", texts.Errorf(t.OnlyWithURL, name), texts.Errorf(t.AddURL))
		}
		return nil
	}
	u, err := url.Parse(p.URL)
	if bad := noPassword(name+".url", u, p.URL); bad != nil {
		return bad
	}
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) || u.Fragment != "" {
		return wrong(name+".url", texts.Errorf(t.BadPlatform, short(p.URL)),
			texts.Errorf(t.BadPlatformMend, "https://platform.example.gov.cn/v1/rows"))
	}
	if _, field, err := p.ClientTLS(); err != nil {
		return wrong(name+"."+field, texts.Errorf(texts.Platform.TLSLoad, err), texts.Errorf(t.UnreadableMend))
	}
	if p.SecretFile == "" && p.SharesSecret() {
		return wrong(name+".url", texts.Errorf(t.SecretMissing), texts.Errorf(t.SecretMissingMend, "/etc/linli/province.secret"))
	}
	if c.Box.ID == DefaultID {
		return wrong(name+".url", texts.Errorf(t.NeedsOwnID, DefaultID), texts.Errorf(t.NeedsOwnIDMend))
	}
	return nil
}

// ClientTLS is how the box shows who it is, nil where nothing is said. An error
// comes with the option that it is about.
func (p Province) ClientTLS() (c *tls.Config, field string, err error) {
	if p.ClientCert == "" && p.CA == "" {
		return nil, "", nil
	}
	c = &tls.Config{MinVersion: tls.VersionTLS12}
	if p.ClientCert != "" {
		pair, err := tls.LoadX509KeyPair(p.ClientCert, p.ClientKey)
		if err != nil {
			return nil, "client_cert", err
		}
		c.Certificates = append(c.Certificates, pair)
	}
	if p.CA != "" {
		pem, err := os.ReadFile(p.CA)
		if err != nil {
			return nil, "ca", err
		}
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(pem) {
			return nil, "ca", fmt.Errorf("%s: no certificate in it", p.CA)
		}
	}
	return c, "", nil
}

// SharesSecret tells whether the box signs with a secret of SecretFile.
func (p Province) SharesSecret() bool {
	return p.Sign == contract.NameHMACSHA256 || p.Sign == contract.NameHMACSM3
}

// Form reads SignForm and SignUser.
func (p Province) Form() (contract.Form, error) {
	form := contract.Form{UserID: p.SignUser}
	for word := range strings.SplitSeq(p.SignForm, ",") {
		switch strings.TrimSpace(word) {
		case "":
		case "raw":
			form.Raw = true
		case "hex":
			form.Hex = true
		default:
			return form, fmt.Errorf("sign_form: %.40q is neither raw nor hex", word)
		}
	}
	return form, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func absolute(field, path, instead string) *problem {
	if filepath.IsAbs(path) && !strings.ContainsFunc(path, unprintable) {
		return nil
	}
	return wrong(field, texts.Errorf(texts.Config.BadPath, short(path)), example(field, instead))
}

func address(field, listen, instead string) *problem {
	host, port, err := net.SplitHostPort(listen)
	if err == nil && validPort(port, 0) && !strings.ContainsFunc(host, func(r rune) bool { return unprintable(r) || r == ' ' || r == '/' }) {
		return nil
	}
	return wrong(field, texts.Errorf(texts.Config.BadListen, short(listen)), example(field, instead))
}

func validPort(s string, least uint64) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n >= least
}

// within wants least <= v <= most.
func within[T cmp.Ordered](field string, v, least, most, byDefault T, format func(T) string) *problem {
	if v >= least && v <= most {
		return nil
	}
	return wrong(field, texts.Errorf(texts.Config.Range, format(least), format(most), format(v)), texts.Errorf(texts.Config.RangeMend, format(byDefault)))
}

func oneOf(field, v string, allowed ...string) *problem {
	if slices.Contains(allowed, v) {
		return nil
	}
	return wrong(field, texts.Errorf(texts.Config.OneOf, strings.Join(allowed, ", "), short(v)), example(field, allowed[0]))
}
