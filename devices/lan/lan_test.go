package lan

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
)

func TestPrivate(t *testing.T) {
	for address, want := range map[string]bool{
		"192.168.1.10": true, "10.0.2.15": true, "172.16.9.1": true, "127.0.0.1": true, "169.254.3.4": true,
		"::1": true, "fd12:3456::1": true, "fe80::1": true, "::ffff:192.168.1.10": true,
		"8.8.8.8": false, "172.32.0.1": false, "100.64.0.1": false, "2408:8000::1": false, "0.0.0.0": false, "::ffff:8.8.8.8": false,
	} {
		if got := Private(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %t", address, got)
		}
	}
}

// queue is a listener of connections made up beforehand.
type queue []net.Conn

func (q *queue) Accept() (net.Conn, error) {
	if len(*q) == 0 {
		return nil, net.ErrClosed
	}
	c := (*q)[0]
	*q = (*q)[1:]
	return c, nil
}
func (*queue) Close() error   { return nil }
func (*queue) Addr() net.Addr { return &net.TCPAddr{} }

// from is a connection between two addresses.
type from struct {
	net.Conn
	local, remote string
	closed        *[]string
}

func (f from) LocalAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.local)) }
func (f from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.remote))
}
func (f from) Close() error { *f.closed = append(*f.closed, f.remote); return nil }

func TestOnlyTheLocalNetwork(t *testing.T) {
	var closed, refused []string
	l := Only(&queue{
		from{nil, "203.0.113.5:1883", "198.51.100.7:5000", &closed},  // from the Internet to a public address
		from{nil, "192.168.1.10:1883", "198.51.100.8:5000", &closed}, // through a router that forwards the port
		from{nil, "192.168.1.10:1883", "192.168.1.20:5000", &closed},
		from{nil, "[fd12::1]:1883", "[fe80::2%eth0]:5000", &closed},
	}, func(_, remote net.Addr) { refused = append(refused, remote.String()) })
	var taken []string
	for {
		c, err := l.Accept()
		if err != nil {
			break
		}
		taken = append(taken, c.RemoteAddr().String())
	}
	away := []string{"198.51.100.7:5000", "198.51.100.8:5000"}
	if !slices.Equal(closed, away) || !slices.Equal(refused, away) || len(taken) != 2 {
		t.Errorf("taken %v, closed %v, told %v", taken, closed, refused)
	}
}

func TestAtMost(t *testing.T) {
	var closed, taken []string
	q := &queue{}
	l := AtMost(2, q)
	come := func(remotes ...string) (conns []net.Conn) {
		for _, r := range remotes {
			*q = append(*q, from{nil, "192.168.1.10:80", r + ":5000", &closed})
		}
		for {
			c, err := l.Accept()
			if err != nil {
				return conns
			}
			taken, conns = append(taken, c.RemoteAddr().(*net.TCPAddr).IP.String()), append(conns, c)
		}
	}
	conns := come("10.0.0.1", "10.0.0.2", "10.0.0.3")
	if err := errors.Join(conns[0].Close(), conns[0].Close()); err != nil {
		t.Fatal(err)
	}
	come("10.0.0.4", "10.0.0.5")
	if want := []string{"10.0.0.1", "10.0.0.2", "10.0.0.4"}; !slices.Equal(taken, want) {
		t.Errorf("taken %v, want %v; closed %v", taken, want, closed)
	}
}

func TestThis(t *testing.T) {
	h := This()
	if !slices.Contains(h.Names, "localhost") || !slices.Contains(h.Addresses, netip.MustParseAddr("127.0.0.1")) || !h.Equal(This()) {
		t.Errorf("this machine is %+v", h)
	}
	for name, want := range map[string]bool{"linli-7": true, "box.local": true, "": false, ".local": false, "盒子": false, "a_b": false} {
		if validName(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}
