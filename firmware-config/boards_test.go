package firmwareconfig

import (
	"slices"
	"testing"

	"github.com/linli-edge/gateway/devices/gpio"
)

// Every board that is shipped can be read, and what is wired to it found.
func TestBoards(t *testing.T) {
	for _, name := range BoardNames() {
		b, ok, err := board(name)
		if !ok || err != nil || len(b.Pins) < 8 {
			t.Errorf("%s: %+v, %t, %v", name, b, ok, err)
		}
	}
	if !slices.Contains(BoardNames(), "raspberry-pi") {
		t.Errorf("boards: %v", BoardNames())
	}
	// From the published header: pin 11 is GPIO17, pin 40 is GPIO21, 6 is ground.
	pi, _, _ := board("raspberry-pi")
	if pi.Pins[11] != 17 || pi.Pins[40] != 21 || pi.Pins[6] != 0 || len(pi.Pins) != 28 {
		t.Errorf("raspberry-pi: %v", pi.Pins)
	}
}

func TestConnected(t *testing.T) {
	b, wires, err := GPIO{Board: "raspberry-pi", Wires: []string{"siren, pin 11", "拉绳，c1，引脚 13"}}.Connected()
	if err != nil || b.Name != "raspberry-pi" || len(wires) != 2 || wires[1].Role != gpio.PullCord {
		t.Errorf("%+v, %+v, %v", b, wires, err)
	}
	if _, _, err := (GPIO{Wires: []string{"siren, pin 11"}}).Connected(); err == nil {
		t.Error("a pin without a board")
	}
}
