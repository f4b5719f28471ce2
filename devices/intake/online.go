package intake

import "github.com/linli-edge/gateway/devices"

// TypeStatus is what every kind of device reports of its connection.
const TypeStatus devices.Type = "status"

// Online tells what a device has said last of its connection, by its status or
// its will. known is false if it has not said since the process started.
func (in *Intake) Online(device string) (online, known bool) {
	switch in.levels[devices.Ordinary].last(device, string(TypeStatus)+"/") {
	case `{"online":true}`:
		return true, true
	case `{"online":false}`:
		return false, true
	}
	return false, false
}

// last is the last recorded value of a state, "" if there is none.
func (l *levels) last(device, key string) string {
	l.Lock()
	defer l.Unlock()
	if v := l.byDevice[device][key]; v != nil && v.known {
		return v.value
	}
	return ""
}
