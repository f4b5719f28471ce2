package devicetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"sync"
)

// given are the ports that FreeAddress has returned.
var given sync.Map

// FreeAddress returns an address of this machine, host and port, that nobody
// listens on, and no address twice in a process. Its port is below those that
// the kernel hands out for outgoing connections, one of which would otherwise
// take it between now and the day somebody listens on it, or while who listens
// on it starts again.
func FreeAddress() (string, error) {
	lowest := 32768 // the kernel's default
	if text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range"); err == nil {
		if _, err := fmt.Sscan(string(text), &lowest); err != nil {
			return "", fmt.Errorf("range of local ports: %w", err)
		}
	}
	err := errors.New("all were given out")
	for range 1000 {
		port := lowest - 1 - rand.IntN(lowest/2)
		if _, again := given.LoadOrStore(port, true); again {
			continue
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		var l net.Listener
		if l, err = net.Listen("tcp", address); err == nil {
			return address, l.Close()
		}
	}
	return "", fmt.Errorf("no free port below %d: %w", lowest, err)
}
