package simulate

import (
	"encoding/json"
	"fmt"
	"slices"
)

// make is a make of bridge as the simulator plays it: the doors that it tells
// of, in its own words and not by way of the profile that reads them.
type vendor struct {
	profile string
	// bound devices watch one compartment, others say which.
	bound bool
	// address of the nth device behind the bridge.
	address func(n int) string
	// door is what the device at that address publishes when its door moves; nth
	// counts its messages.
	door func(address string, open bool, nth int) (topic string, payload any)
}

// vendors are the makes of the shipped profiles.
func vendors() []vendor {
	onOff := func(open bool) string {
		if open {
			return "ON"
		}
		return "OFF"
	}
	type m = map[string]any
	return []vendor{
		{"zigbee2mqtt", true, func(n int) string { return fmt.Sprintf("柜门/%d", n) }, func(a string, open bool, nth int) (string, any) {
			return "zigbee2mqtt/" + a, m{"contact": !open, "battery": 91, "linkquality": 40 + nth%60, "voltage": 2985}
		}},
		{"chirpstack", true, func(n int) string { return fmt.Sprintf("70b3d57ed00%05x", n) }, func(a string, open bool, nth int) (string, any) {
			state := map[bool]string{true: "open", false: "close"}[open]
			return "application/1/device/" + a + "/event/up", m{
				"deduplicationId": fmt.Sprintf("%s-%d", a, nth), "deviceInfo": m{"devEui": a}, "fPort": 85, "fCnt": nth, "object": m{"magnet_status": state},
			}
		}},
		{"tasmota", true, func(n int) string { return fmt.Sprintf("door-%d", n) }, func(a string, open bool, _ int) (string, any) {
			return "stat/" + a + "/RESULT", m{"Switch1": m{"Action": onOff(open)}}
		}},
		{"shelly", true, func(n int) string { return fmt.Sprintf("shellyplusi4-%012x", n) }, func(a string, open bool, _ int) (string, any) {
			return a + "/events/rpc", m{"src": a, "dst": a + "/events", "method": "NotifyStatus", "params": m{"ts": 0, "input:0": m{"id": 0, "state": !open}}}
		}},
		{"esphome", true, func(n int) string { return fmt.Sprintf("door-%d", n) }, func(a string, open bool, _ int) (string, any) {
			return a + "/binary_sensor/door/state", json.RawMessage(onOff(open))
		}},
		{"openmqttgateway", true, func(n int) string { return fmt.Sprintf("3C2EF5%06X", n) }, func(a string, open bool, _ int) (string, any) {
			return "home/OpenMQTTGateway/BTtoMQTT/" + a, m{"id": a, "rssi": -70, "model_id": "SBDW-002C", "open": open}
		}},
		{"open-locker", false, func(n int) string { return fmt.Sprintf("0191f4a2-6d1e-7b3c-9a55-%012x", n) }, func(a string, open bool, _ int) (string, any) {
			state := map[bool]string{true: "open", false: "closed"}[open]
			return "locker/" + a + "/event", m{"event": "door_state_changed", "data": m{"compartment_number": 1, "state": state}}
		}},
		{"lockboard", false, func(n int) string { return fmt.Sprintf("bus-%d", n) }, func(a string, open bool, _ int) (string, any) {
			frame := []byte{0x80, 1, 1, 0x11, 0}
			if open {
				frame[3] = 0
			}
			frame[4] = frame[0] ^ frame[1] ^ frame[2] ^ frame[3]
			return "lockboard/" + a + "/rx", json.RawMessage(fmt.Sprintf("%X", frame))
		}},
	}
}

// vendorOf finds a make by its profile.
func vendorOf(profile string) (vendor, bool) {
	all := vendors()
	i := slices.IndexFunc(all, func(v vendor) bool { return v.profile == profile })
	if i < 0 {
		return vendor{}, false
	}
	return all[i], true
}

// write is a payload of a vendor's: text as it stands, all else in JSON.
func (v vendor) write(payload any) ([]byte, error) {
	if text, ok := payload.(json.RawMessage); ok {
		return text, nil
	}
	return json.Marshal(payload)
}
