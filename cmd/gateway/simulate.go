package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/cmd/gateway/internal/simulate"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
)

// simulation is one "linli simulate".
type simulation struct {
	*cli
	devices                             int
	mix, credentials, broker, ca, saved string
	rate                                float64
	duration                            time.Duration
	seed                                uint64
	help, keep, anyway                  bool
}

func (c *cli) simulateCommand() *cobra.Command {
	t := texts.Simulate
	s := simulation{cli: c}
	cmd := &cobra.Command{
		Use: "simulate", Short: t.Short.In(c.lang), Long: t.Long.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
		Example: `  linli simulate --devices 500 --rate 1 --duration 1h
  linli simulate --mix locker=5,wearable=3,zigbee2mqtt=2 --devices 50 --rate 10 --duration 1m
  linli simulate --credentials devices.jsonl --broker tcp://192.168.1.8:1883 --duration 10m`,
	}
	f := cmd.Flags()
	f.IntVarP(&s.devices, "devices", "n", 100, t.Devices.In(c.lang))
	f.StringVar(&s.mix, "mix", "all", t.Mix.In(c.lang))
	f.Float64Var(&s.rate, "rate", 1, t.Rate.In(c.lang))
	f.DurationVar(&s.duration, "duration", time.Minute, t.Duration.In(c.lang))
	f.Uint64Var(&s.seed, "seed", 1, t.Seed.In(c.lang))
	f.BoolVar(&s.help, "calls", false, t.Help.In(c.lang))
	f.StringVar(&s.credentials, "credentials", "", t.Credentials.In(c.lang))
	f.StringVar(&s.broker, "broker", "", t.Broker.In(c.lang))
	f.StringVar(&s.ca, "ca", "", t.CA.In(c.lang))
	f.StringVar(&s.saved, "save", "", t.Save.In(c.lang))
	f.BoolVar(&s.keep, "keep", false, t.Keep.In(c.lang))
	f.BoolVar(&s.anyway, "anyway", false, t.Anyway.In(c.lang))
	return cmd
}

func (s *simulation) run(cmd *cobra.Command) error {
	t := texts.Simulate
	switch {
	case s.devices < 1 || s.devices > 5000:
		return mendable{texts.Errorf(t.Number, "devices", 1, 5000, s.devices)}
	case s.rate < 0.001 || s.rate > 1000:
		return mendable{texts.Errorf(t.Number, "rate", 0.001, 1000, s.rate)}
	case s.duration < time.Second || s.duration > 30*24*time.Hour:
		return mendable{texts.Errorf(t.Number, "duration", time.Second, 30*24*time.Hour, s.duration)}
	}
	members, cfg, err := s.members(cmd)
	if err != nil {
		return err
	}
	if s.credentials == "" && !s.keep && s.saved == "" {
		defer s.remove(cmd, members)
	}
	now, err := clock.System()
	if err != nil {
		return err
	}
	load := simulate.Load{
		Broker: s.broker, Interval: time.Duration(float64(time.Second) / s.rate), Duration: s.duration, Seed: s.seed, Help: s.help,
		Clock: now, Logger: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)),
	}
	if load.TLS, err = s.authority(cmd.Context(), cfg); err != nil {
		return mendable{err}
	}
	run, err := simulate.NewRun(members, load)
	if err != nil {
		return err
	}
	s.say(cmd, t.Begins, run.Progress().Devices, connections(members), s.broker, s.rate, s.duration)
	began := time.Now()
	ended := make(chan error, 1)
	go func() { ended <- run.Play(cmd.Context()) }()
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	for playing := true; playing; {
		select {
		case <-tick.C:
			p := run.Progress()
			s.say(cmd, t.Progress, p.Elapsed.Round(time.Second), p.Acknowledged, perSecond(p), p.Again, p.Reconnects, p.Slowest.Round(time.Millisecond))
		case err = <-ended:
			playing = false
		}
	}
	p := run.Progress()
	s.say(cmd, t.Ended, p.Acknowledged, p.Elapsed.Round(time.Second), perSecond(p), p.Again, p.Reconnects, p.Answered, p.Slowest.Round(time.Millisecond))
	if err != nil {
		err = texts.Errorf(t.Cut, err)
	}
	return errors.Join(err, s.recount(cmd, cfg, run, began))
}

func perSecond(p simulate.Progress) float64 {
	return float64(p.Acknowledged) / max(p.Elapsed.Seconds(), 0.001)
}

func connections(members []simulate.Member) (n int) {
	for _, m := range members {
		if m.Bridge == "" {
			n++
		}
	}
	return n
}

// recount asks the gateway on this machine for its journal.
func (s *simulation) recount(cmd *cobra.Command, cfg firmwareconfig.Config, run *simulate.Run, began time.Time) error {
	t := texts.Simulate
	client := control.Client{HTTP: control.Dial(cfg.Socket), Lang: s.lang}
	since := url.Values{"since": {began.Add(-time.Minute).UTC().Format(time.RFC3339)}}
	// Also for a run that was interrupted.
	export, err := client.Stream(context.WithoutCancel(cmd.Context()), http.MethodGet, "/v1/journal/export?"+since.Encode(), nil)
	if err != nil && isDown(err) {
		s.say(cmd, t.NoRecount, cfg.Socket)
		return nil
	} else if err != nil {
		return s.explain(cfg.Socket, err)
	}
	defer export.Close()
	c, err := run.Recount(export)
	if err != nil {
		return err
	}
	s.say(cmd, t.Recount, c.Events, c.Doors, c.Lost, c.Twice)
	if c.Lost > 0 || c.Twice > 0 {
		return texts.Errorf(t.Lost, strings.Join(c.Devices, ", "))
	}
	return nil
}

// members are the devices that play: of the file, or newly registered.
func (s *simulation) members(cmd *cobra.Command) ([]simulate.Member, firmwareconfig.Config, error) {
	t := texts.Simulate
	cfg, err := s.load()
	if s.credentials != "" {
		if s.broker == "" {
			return nil, cfg, mendable{texts.Errorf(t.NeedBroker)}
		}
		if err != nil {
			cfg = firmwareconfig.Default() // no gateway is here: there is only no recount
		}
		members, err := readMembers(s.credentials)
		return members, cfg, err
	}
	if err != nil {
		return nil, cfg, err
	}
	if cfg.Province.URL != "" && !s.anyway {
		return nil, cfg, mendable{texts.Errorf(t.Province)}
	}
	if s.broker == "" {
		if s.broker = brokerOf(cfg); s.broker == "" {
			return nil, cfg, mendable{texts.Errorf(t.NeedBroker)}
		}
	}
	parts, err := simulate.ParseMix(s.mix)
	if err != nil {
		return nil, cfg, mendable{err}
	}
	members, err := simulate.NewFleet(s.devices, parts)
	if err != nil {
		return nil, cfg, err
	}
	if s.saved != "" { // before there are secrets that it could lose
		if err := writeMembers(s.saved, nil); err != nil {
			return nil, cfg, mendable{texts.Errorf(texts.Backup.Into, s.saved, firmwareconfig.Cause(err))}
		}
	}
	if err := s.register(cmd, members); err != nil {
		return nil, cfg, err
	}
	if s.saved != "" {
		err = writeMembers(s.saved, members)
	}
	return members, cfg, err
}

// brokerOf is where the devices of this machine find the gateway's broker, ""
// if that is not said.
func brokerOf(cfg firmwareconfig.Config) string {
	if cfg.MQTT.Broker != "" {
		return strings.Replace(cfg.MQTT.Broker, "mqtt://", "tcp://", 1)
	}
	if at := callable(cfg.MQTT.Listen); at != "" {
		return "tcp://" + at
	}
	if at := callable(cfg.MQTT.TLS); at != "" {
		return "ssl://" + at
	}
	return ""
}

// callable is a listener's address as this machine can call it, "" if it is
// none.
func callable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// register enters the fleet, and takes each device's secret.
func (s *simulation) register(cmd *cobra.Command, members []simulate.Member) error {
	s.say(cmd, texts.Simulate.Registering, len(members))
	put := func(table, id string, record, answer any) error {
		return s.ask(cmd, http.MethodPut, "/v1/"+table+"/"+url.PathEscape(id), record, answer)
	}
	if err := put("facilities", simulate.FleetFacility, registry.Facility{ID: simulate.FleetFacility, Name: "模拟设施"}, nil); err != nil {
		return err
	}
	if err := put("elders", simulate.FleetElder, registry.Elder{ID: simulate.FleetElder, Name: "模拟"}, nil); err != nil {
		return err
	}
	for i := range members {
		m := &members[i]
		var answer control.Registered
		if err := put("devices", m.ID, m.Device, &answer); err != nil {
			return err
		}
		if m.Bridge == "" && answer.Secret == "" { // it was there before
			if err := s.ask(cmd, http.MethodPost, "/v1/devices/"+url.PathEscape(m.ID)+"/credentials", nil, &answer); err != nil {
				return err
			}
		}
		m.Secret = answer.Secret
	}
	return nil
}

// remove takes the fleet out again, bridges after those behind them.
func (s *simulation) remove(cmd *cobra.Command, members []simulate.Member) {
	var wrong error
	del := func(table, id string) {
		quiet := *cmd // Ctrl-C ends the load, not the clearing up
		quiet.SetContext(context.WithoutCancel(cmd.Context()))
		wrong = errors.Join(wrong, s.ask(&quiet, http.MethodDelete, "/v1/"+table+"/"+url.PathEscape(id), nil, nil))
	}
	for _, bridges := range []bool{false, true} {
		for _, m := range members {
			if (m.Kind == devices.KindBridge) == bridges {
				del("devices", m.ID)
			}
		}
	}
	del("elders", simulate.FleetElder)
	del("facilities", simulate.FleetFacility)
	if wrong != nil {
		fmt.Fprintln(cmd.ErrOrStderr(), texts.Of(wrong, s.lang))
		return
	}
	s.say(cmd, texts.Simulate.Removed)
}

// authority is whose certificate the broker must show: the file's, or that of
// the gateway on this machine, which gives it to whoever asks.
func (s *simulation) authority(ctx context.Context, cfg firmwareconfig.Config) (*tls.Config, error) {
	var pem []byte
	var err error
	switch page := callable(cfg.Console.Listen); {
	case s.ca != "":
		if pem, err = os.ReadFile(s.ca); err != nil {
			return nil, unread(s.ca, err)
		}
	case strings.HasPrefix(s.broker, "ssl://") && s.credentials == "" && page != "":
		pem, err = download(ctx, "http://"+page+"/ca.crt")
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it", s.ca)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

func download(ctx context.Context, from string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return nil, err
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	return io.ReadAll(io.LimitReader(answer.Body, 1<<16))
}

// writeMembers writes a device a line, with its secret.
func writeMembers(file string, members []simulate.Member) error {
	var lines bytes.Buffer
	out := json.NewEncoder(&lines)
	for _, m := range members {
		if err := out.Encode(m); err != nil {
			return err
		}
	}
	return os.WriteFile(file, lines.Bytes(), 0o600)
}

func readMembers(file string) ([]simulate.Member, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, unread(file, err)
	}
	var members []simulate.Member
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var m simulate.Member
		in := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		in.DisallowUnknownFields()
		err := in.Decode(&m)
		if err == nil && (m.ID == "" || m.Kind == "") {
			err = errors.New("id, kind: missing")
		}
		if err != nil {
			return nil, mendable{texts.Errorf(texts.Simulate.File, file, n, err)}
		}
		members = append(members, m)
	}
	if len(members) == 0 {
		return nil, mendable{texts.Errorf(texts.Simulate.File, file, 1, errors.New("no devices"))}
	}
	return members, lines.Err()
}
