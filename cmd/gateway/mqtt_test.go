package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"github.com/linli-edge/gateway/devices/mqtt"
	"github.com/linli-edge/gateway/devices/texts"
)

// Who is connected, and what is published, is there to be looked at.
func TestMQTTCommands(t *testing.T) {
	b := newBox(t)
	secrets := b.register(neighbourhood(b)...)
	_, stop := b.start()
	defer stop()
	config := b.write()
	d, err := connect(t, b.cfg.MQTT.Listen, 5, "l1", secrets["l1"])
	if err != nil {
		t.Fatal(err)
	}
	defer d.conn.Close()

	code, stdout, stderr := command(t, "en_US.UTF-8", "mqtt", "clients", "--config", config)
	if code != 0 || !strings.Contains(stdout, "l1") || !strings.Contains(stdout, "connected") || !strings.Contains(stdout, "tcp") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
	_, stdout, _ = command(t, "zh_CN.UTF-8", "mqtt", "clients", "--config", config)
	if !strings.Contains(stdout, "已连接") {
		t.Errorf("in Chinese: %s", stdout)
	}
	_, stdout, _ = command(t, "en_US.UTF-8", "mqtt", "clients", "--json", "--config", config)
	var all []mqtt.ClientState
	if err := json.Unmarshal([]byte(stdout), &all); err != nil || len(all) != 1 || all[0].Account != "l1" || all[0].Version != "5" || all[0].Remote == "" {
		t.Errorf("%v: %s", err, stdout)
	}

	if code, _, stderr := command(t, "en_US.UTF-8", "mqtt", "watch", "linli/#/event", "--config", config); code == 0 || !strings.Contains(stderr, "topic filter") {
		t.Errorf("a bad filter: exit code %d, %s", code, stderr)
	}
	ctx, hangUp := context.WithCancel(t.Context())
	shown, print := io.Pipe()
	watching := make(chan int, 1)
	go func() {
		var errs bytes.Buffer
		watching <- execute(ctx, texts.English, []string{"mqtt", "watch", "linli/v1/+/event", "--config", config}, print, &errs)
	}()
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(shown).ReadString('\n')
		line <- text
	}()
	// The watcher may not be there yet when the first is published.
	var text string
	eventually(t, "a message that is shown", func() bool {
		if err := d.publish("linli/v1/l1/event", "{\"id\":\"1\",\"type\":\"parcel.deposited\",\"data\":{\"compartment\":2},\"note\":\"\x1b\"}"); err != nil {
			t.Fatal(err)
		}
		select {
		case text = <-line:
			return true
		default:
			return false
		}
	})
	if !strings.HasPrefix(text, "linli/v1/l1/event  {") || strings.Contains(text, "\x1b") {
		t.Errorf("shown %q", text)
	}
	hangUp()
	go io.Copy(io.Discard, shown) // ends with the pipe
	if code := <-watching; code != 0 {
		t.Errorf("watch ended with %d", code)
	}
	print.Close()
}
