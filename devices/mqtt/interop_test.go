package mqtt

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linli-edge/gateway/devices"
)

// pythonClient publishes and subscribes with Debian's paho for Python, and
// prints what it hears. Its arguments are port, version (4 or 5), QoS.
const pythonClient = `
import sys, paho.mqtt.client as mqtt
port, version, qos = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
client = mqtt.Client(client_id="py", protocol=mqtt.MQTTv5 if version == 5 else mqtt.MQTTv311)
client.username_pw_set("hub", "hub")
def connected(client, *_): client.subscribe("std/py/#", qos)
def subscribed(client, *_): client.publish("std/py/a", "from python %d %d" % (version, qos), qos, retain=True)
def heard(client, data, message):
    print(message.topic, message.payload.decode(), message.qos)
    client.disconnect()
client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, heard
client.connect("127.0.0.1", port, 60)
client.loop_forever()
`

// nodeClient does the same with mqtt.js.
const nodeClient = `
const [port, version, qos] = process.argv.slice(2).map(Number)
const client = require("mqtt").connect({host: "127.0.0.1", port, protocolVersion: version, clientId: "js", username: "hub", password: "hub"})
client.on("connect", () => client.subscribe("std/js/#", {qos}, () =>
  client.publish("std/js/a", "from node " + version + " " + qos, {qos, retain: true})))
client.on("message", (topic, payload, packet) => {
  console.log(topic, payload.toString(), packet.qos)
  client.end()
})
client.on("error", (e) => { console.error(e); process.exit(1) })
`

// Clients of other makes are at home here, in both versions and with every
// QoS: what they publish is kept, and comes back to them.
func TestOtherClients(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	python, node := write("client.py", pythonClient), write("client.js", nodeClient)
	b := startBroker(t, BrokerConfig{File: filepath.Join(dir, "sessions")})
	_, port, err := net.SplitHostPort(b.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	for _, maker := range []struct {
		name, topic, debian string
		command             func(ctx context.Context, version, qos string) *exec.Cmd
	}{
		{"python", "py", "python3-paho-mqtt", func(ctx context.Context, version, qos string) *exec.Cmd {
			return exec.CommandContext(ctx, "/usr/bin/python3", python, port, version, qos)
		}},
		{"node", "js", "node-mqtt", func(ctx context.Context, version, qos string) *exec.Cmd {
			c := exec.CommandContext(ctx, "node", node, port, version, qos)
			c.Env = append(os.Environ(), "NODE_PATH=/usr/share/nodejs:/usr/lib/nodejs")
			return c
		}},
	} {
		for _, version := range []string{"4", "5"} {
			for _, qos := range []string{"0", "1", "2"} {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				out, err := maker.command(ctx, version, qos).CombinedOutput()
				cancel()
				text := fmt.Sprintf("from %s %s %s", maker.name, version, qos)
				want := fmt.Sprintf("std/%s/a %s %s\n", maker.topic, text, qos)
				// What is retained of the last round may come first.
				if err != nil || !strings.HasPrefix(string(out), "std/"+maker.topic+"/a from "+maker.name) {
					t.Fatalf("%s: %v: got %s, not %s (is %s installed? make deps)", maker.name, err, out, want, maker.debian)
				}
				b.handler.Await(t, text, func(m devices.Message) bool { return string(m.Payload) == text && m.Client == hub })
			}
		}
	}
}

// mosquitto_sub with a session that is kept gets what came while it was away.
func TestMosquittoSubAtTheBroker(t *testing.T) {
	b := startBroker(t, BrokerConfig{File: filepath.Join(t.TempDir(), "sessions")})
	_, port, err := net.SplitHostPort(b.Addrs()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	run := func(name string, more ...string) string {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		var out bytes.Buffer
		c := exec.CommandContext(ctx, tool(t, name), append([]string{"-h", "127.0.0.1", "-p", port, "-u", hub, "-P", hub, "-t", "std/m"}, more...)...)
		c.Stdout, c.Stderr = &out, t.Output()
		if err := c.Run(); err != nil {
			t.Fatalf("%s %v: %v %s", name, more, err, &out)
		}
		return out.String()
	}
	for version, keep := range map[string][]string{"mqttv311": {"-c"}, "mqttv5": {"-c", "-x", "3600"}} {
		for _, qos := range []string{"1", "2"} {
			sub := append([]string{"-V", version, "-q", qos, "-i", "sub" + version + qos}, keep...)
			run("mosquitto_sub", append(sub, "-E")...) // subscribes, and leaves
			run("mosquitto_pub", "-V", version, "-q", qos, "-i", "pub", "-m", "while you were out")
			if out := run("mosquitto_sub", append(sub, "-C", "1")...); out != "while you were out\n" {
				t.Errorf("%s QoS %s: got %q", version, qos, out)
			}
		}
	}
}
