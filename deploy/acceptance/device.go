package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/linli-edge/gateway/devices/mqtt/mqttload"
)

// teller is a device that tells one event after the other, each until it is
// acknowledged, through however many power cuts.
type teller struct {
	box        *box
	id, secret string
	told       int // events begun
	conn       net.Conn
	in         *bufio.Reader
	packet     uint16
}

// patience of a device with one answer: then it connects anew.
const patience = 20 * time.Second

// tell begins with the load of the box. It goes on until the box needs no more load, and then until the last event
// is acknowledged, or ctx ends.
func (t *teller) tell(ctx context.Context) {
	defer t.hangUp()
	select {
	case <-t.box.begun:
	case <-ctx.Done():
	}
	for ctx.Err() == nil {
		select {
		case <-t.box.enough:
			return
		default:
			t.next(ctx)
		}
	}
}

// next tells one more event. It returns when that is acknowledged and noted,
// or ctx has ended.
func (t *teller) next(ctx context.Context) (acknowledged bool) {
	id := fmt.Sprintf("%s-%d", t.box.name, t.told)
	payload, deposits, pickups := fmt.Sprintf(`{"id":%q,"type":"sos"}`, id), 0, 0
	if t.id[0] == 'l' { // a locker: eight in, eight out
		kind := "parcel.deposited"
		if deposits = 1; t.told/8%2 == 1 {
			kind, deposits, pickups = "parcel.picked_up", 0, 1
		}
		payload = fmt.Sprintf(`{"id":%q,"type":%q,"data":{"compartment":%d}}`, id, kind, t.told%8+1)
	}
	t.told++
	for again := time.NewTicker(100 * time.Millisecond); ; {
		err := t.publish(payload)
		if err == nil {
			again.Stop()
			t.box.ledger.acknowledged(key(t.id, "i/"+id), deposits, pickups)
			return true
		}
		t.hangUp() // the box is down
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return false
		}
	}
}

// publish sends one message of quality of service 1 and waits for its PUBACK.
func (t *teller) publish(payload string) error {
	if t.conn == nil {
		if err := t.connect(); err != nil {
			return err
		}
	}
	if t.packet++; t.packet == 0 {
		t.packet = 1
	}
	if err := t.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := t.conn.Write(mqttload.PublishFrame(4, "linli/v1/"+t.id+"/event", t.packet, 1, false, []byte(payload))); err != nil {
		return err
	}
	header, body, err := mqttload.ReadFrame(t.in)
	if err != nil {
		return err
	}
	if header != mqttload.Puback || len(body) < 2 || uint16(body[0])<<8|uint16(body[1]) != t.packet {
		return fmt.Errorf("no PUBACK but %x %x", header, body)
	}
	return nil
}

func (t *teller) connect() error {
	conn, err := net.DialTimeout("tcp", t.box.mqtt, patience)
	if err != nil {
		return err
	}
	t.conn, t.in = conn, bufio.NewReader(conn)
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.Write(mqttload.ConnectFrame(4, t.id, t.id, t.secret, true)); err != nil {
		return err
	}
	header, body, err := mqttload.ReadFrame(t.in)
	if err != nil {
		return err
	}
	if header != mqttload.Connack || len(body) != 2 || body[1] != 0 {
		return errors.New("refused")
	}
	return nil
}

func (t *teller) hangUp() {
	if t.conn != nil {
		_ = t.conn.Close() // whatever was not acknowledged is told again
		t.conn = nil
	}
}
