package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"
	"path/filepath"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/authority"
	"github.com/linli-edge/gateway/devices/lan"
	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
)

// newBroker makes the embedded broker, with its ports: the one in clear first.
func (g *gateway) newBroker() (*mqtt.Broker, error) {
	m := g.cfg.MQTT
	var ports []mqtt.Listener
	if m.Listen != "" {
		ports = append(ports, mqtt.Listener{Address: m.Listen, Guard: g.lanOnly})
	}
	if m.TLS != firmwareconfig.Off {
		ports = append(ports, mqtt.Listener{Address: m.TLS, TLS: g.authority.Devices()})
	}
	if m.WebSocket != "" {
		ports = append(ports, mqtt.Listener{Address: m.WebSocket, TLS: g.authority.Devices(), WebSocket: true})
	}
	broker, err := mqtt.NewBroker(mqtt.BrokerConfig{File: filepath.Join(g.cfg.Data, sessionsFile), Listeners: ports, Alive: g.alive, Urgent: g.intake.Urgent}, g.login, g.intake.Take, g.logger, g.metrics)
	if err != nil {
		at := ports[0].Address
		if op := (*net.OpError)(nil); errors.As(err, &op) && op.Addr != nil {
			at = op.Addr.String()
		}
		return nil, texts.Errorf(texts.Gateway.Listen, at, err)
	}
	return broker, nil
}

// login lets a device in by its certificate or its secret. Who has failed
// before waits for the answer.
func (g *gateway) login(c mqtt.Credentials) (devices.Account, bool) {
	if g.attempts.Wait(g.serving, c.Remote.Addr(), c.User) > 0 {
		g.delayed.Inc()
	}
	d, ok := g.principal(c)
	g.attempts.Told(c.Remote.Addr(), c.User, ok)
	if !ok {
		return devices.Account{}, false
	}
	a := g.intake.Account(d)
	if a.Rate = g.cfg.MQTT.Rate; d.Kind == devices.KindBridge {
		a.Rate *= 10 // it speaks for many
	}
	return a, true
}

// principal is the device whose credentials these are. A certificate is
// exactly one device's, which need not give a user name, and may give no
// other than its own.
func (g *gateway) principal(c mqtt.Credentials) (devices.Device, bool) {
	if c.Certificate != nil {
		d, ok := g.registry.Snapshot().LoginCertificate(c.Certificate.Raw)
		if ok {
			return d, c.User == "" || c.User == d.ID
		}
	}
	if d, ok := g.registry.Login(c.User, c.Secret); ok {
		return d, true
	}
	return g.registry.Knock(c.User, c.Secret)
}

// certify gives a device a certificate, in place of whatever it logged in with
// before.
func (g *gateway) certify(by registry.Author, device, request string) (made control.Certified, err error) {
	var certificate *x509.Certificate
	var key []byte
	if request == "" {
		certificate, key, err = g.authority.ForDevice(device)
	} else {
		certificate, err = g.authority.ForRequest(device, []byte(request))
	}
	if err != nil {
		return made, err
	}
	if err := g.registry.UpdateAs(by, func(tx *registry.Tx) error { return tx.Certify(device, certificate.Raw) }); err != nil {
		return made, err
	}
	return control.Certified{
		Certificate: string(authority.PEM(certificate)), Key: string(key), Authority: string(authority.PEM(g.authority.Certificate())),
	}, nil
}

// lanOnly keeps out whoever is not on the local network.
func (g *gateway) lanOnly(l net.Listener) net.Listener {
	return lan.Only(l, func(local, remote net.Addr) {
		g.strangers.Inc()
		g.logger.Warn("connection refused: not of the local network, and nothing is encrypted here: use the port with TLS", "local", local.String(), "remote", remote.String())
	})
}

// listenPage opens the page's ports, with TLS where that is wanted.
func (g *gateway) listenPage() (err error) {
	if g.page, err = listen(g.cfg.Console.Listen); err != nil {
		return err
	}
	g.opened = append(g.opened, g.page.Close)
	if g.cfg.Console.TLS == firmwareconfig.Off {
		return nil
	}
	plain, err := listen(g.cfg.Console.TLS)
	if err != nil {
		return err
	}
	g.opened = append(g.opened, plain.Close)
	g.securePage = tls.NewListener(lan.AtMost(visitors, plain), g.authority.Page())
	return nil
}

// certificate gives everybody what they have to trust: it is no secret.
func (g *gateway) certificate(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/x-x509-ca-cert")
	w.Header().Set("Content-Disposition", `attachment; filename="linli-ca.crt"`)
	w.Write(authority.PEM(g.authority.Certificate())) // the reader may have gone
}

// untilClosed is a context that ends when the gateway is closed.
func (g *gateway) untilClosed() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	g.opened = append(g.opened, func() error { cancel(); return nil })
	return ctx
}

// loginAt is how devices log in at this box, without its name; zero if they do
// so elsewhere.
func loginAt(m firmwareconfig.MQTT) url.URL {
	at := url.URL{Scheme: "mqtts"}
	listen := m.TLS
	if m.TLS == firmwareconfig.Off {
		at.Scheme, listen = "mqtt", m.Listen
	}
	_, port, err := net.SplitHostPort(listen)
	if m.Broker != "" || err != nil {
		return url.URL{}
	}
	at.Host = ":" + port
	return at
}
