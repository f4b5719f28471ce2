package simulate

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/linli-edge/gateway/devices"
)

// How long a device waits for a PUBACK before it doubts the connection, and
// between two attempts to connect.
const (
	ackTimeout = 30 * time.Second
	retryAfter = 2 * time.Second
)

// player is one device on the network.
type player struct {
	sim     *Simulation
	device  Device
	secret  string
	reports iter.Seq[Report]
	dial    mqtt.OpenConnectionFunc // nil for TCP
	seq     int
}

// letter is a report on its way, kept until it has been acknowledged.
type letter struct {
	report  Report
	topic   string
	payload []byte
	due     time.Duration // after the simulation began
	copies  int           // acknowledged so far
}

// play connects, reports what is due, and connects again when the connection
// is lost, until ctx ends. A client object serves one connection only: then an
// error-free token means that the PUBACK of this very packet came.
func (p *player) play(ctx context.Context) error {
	next, stop := iter.Pull(p.reports)
	defer stop()
	var pending *letter
	for ctx.Err() == nil {
		client, lost, err := p.connect(ctx)
		if err != nil {
			p.sim.Logger.Warn("simulated device cannot connect", "device", p.device.ID, "error", err)
			p.wait(ctx, retryAfter, nil)
			continue
		}
		for p.connected(ctx, lost) {
			if pending == nil {
				r, ok := next()
				if !ok {
					<-ctx.Done()
					break
				}
				if pending, err = p.write(r); err != nil {
					client.Disconnect(250)
					return err
				}
			}
			if !p.wait(ctx, pending.due-p.sim.elapsed(), lost) {
				break
			}
			if err := p.send(ctx, client, pending); err != nil {
				p.sim.Logger.Debug("simulated device sends again later", "device", p.device.ID, "error", err)
				break
			}
			pending = nil
		}
		client.Disconnect(250)
		p.wait(ctx, retryAfter, nil)
	}
	return nil
}

func (p *player) topic(message string) string { return "linli/v1/" + p.device.ID + "/" + message }

// connect logs in with a will, and says that the device is online.
func (p *player) connect(ctx context.Context) (mqtt.Client, <-chan struct{}, error) {
	lost := make(chan struct{})
	o := mqtt.NewClientOptions().AddBroker(p.sim.Broker).SetClientID(p.device.ID).
		SetUsername(p.device.ID).SetPassword(p.secret).
		SetCleanSession(true).SetAutoReconnect(false).SetConnectRetry(false).
		SetConnectTimeout(5*time.Second).SetWriteTimeout(5*time.Second).SetKeepAlive(30*time.Second).
		SetBinaryWill(p.topic("status"), []byte(`{"online":false}`), 1, true).
		SetConnectionLostHandler(func(mqtt.Client, error) { close(lost) })
	if p.dial != nil {
		o.SetCustomOpenConnectionFn(p.dial)
	}
	client := mqtt.NewClient(o)
	if err := finish(ctx, client.Connect()); err != nil {
		client.Disconnect(0)
		return nil, nil, err
	}
	if err := finish(ctx, client.Publish(p.topic("status"), 1, true, `{"online":true}`)); err != nil {
		client.Disconnect(0)
		return nil, nil, err
	}
	return client, lost, nil
}

func (p *player) connected(ctx context.Context, lost <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-lost:
		return false
	default:
		return true
	}
}

// wait returns false if ctx ended or the connection was lost before d was
// over.
func (p *player) wait(ctx context.Context, d time.Duration, lost <-chan struct{}) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
	case <-lost:
	}
	return false
}

// write puts a report in the form of the native topics.
func (p *player) write(r Report) (*letter, error) {
	l := &letter{report: r, due: p.sim.due(r.At)}
	stamp := p.sim.began.Wall.Add(l.due).In(Zone).Format(time.RFC3339Nano)
	var message any
	if _, level := r.Payload.(devices.Leveled); level {
		type state struct {
			Type devices.Type    `json:"type"`
			Data devices.Payload `json:"data"`
		}
		l.topic = p.topic("state")
		message = struct {
			Time   string  `json:"time"`
			States []state `json:"states"`
		}{stamp, []state{{r.Payload.EventType(), r.Payload}}}
	} else {
		p.seq++
		l.topic = p.topic("event")
		message = struct {
			ID   string          `json:"id"`
			Type devices.Type    `json:"type"`
			Time string          `json:"time"`
			Data devices.Payload `json:"data"`
		}{fmt.Sprintf("%s-%d", p.sim.run, p.seq), r.Payload.EventType(), stamp, r.Payload}
	}
	var err error
	if l.payload, err = json.Marshal(message); err != nil {
		return nil, fmt.Errorf("%s: encode %s: %w", p.device.ID, r.Payload.EventType(), err)
	}
	return l, nil
}

// send publishes the copies of a letter that are not acknowledged yet.
func (p *player) send(ctx context.Context, client mqtt.Client, l *letter) error {
	for l.copies < l.report.Copies {
		if err := finish(ctx, client.Publish(l.topic, 1, false, l.payload)); err != nil {
			return err
		}
		p.sim.acknowledged(p.device.ID, l.report, l.copies)
		l.copies++
	}
	return nil
}

// finish waits until the broker has answered.
func finish(ctx context.Context, t mqtt.Token) error {
	timeout := time.NewTimer(ackTimeout)
	defer timeout.Stop()
	select {
	case <-t.Done():
		return t.Error()
	case <-ctx.Done():
		return ctx.Err()
	case <-timeout.C:
		return fmt.Errorf("no answer within %s", ackTimeout)
	}
}
