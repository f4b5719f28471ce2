// Package lan tells the box's own network from the rest of the world: which
// addresses are on it, under which names the box is found there, how to listen
// there only, and for how many at once.
package lan

import (
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
)

// Private tells whether an address can only be of a local network: private
// (RFC 1918, RFC 4193), link-local, or this machine's own.
func Private(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsPrivate() || a.IsLinkLocalUnicast() || a.IsLoopback()
}

// Only makes a listener of l that takes the connections of which both ends
// are Private. Others are closed at once, before a byte is read, and told to
// refused.
func Only(l net.Listener, refused func(local, remote net.Addr)) net.Listener {
	return &listener{l, refused}
}

type listener struct {
	net.Listener
	refused func(local, remote net.Addr)
}

func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || private(c.LocalAddr()) && private(c.RemoteAddr()) {
			return c, err
		}
		l.refused(c.LocalAddr(), c.RemoteAddr())
		_ = c.Close() // nothing was said
	}
}

func private(a net.Addr) bool {
	at, err := netip.ParseAddrPort(a.String())
	return err == nil && Private(at.Addr())
}

// AtMost makes a listener of l that keeps so many connections open at once;
// those beyond are closed. Whoever opens one after the other gets nothing but
// them: the files that a process may have open are needed for more.
func AtMost(n int, l net.Listener) net.Listener { return &bounded{l, make(chan struct{}, n)} }

type bounded struct {
	net.Listener
	places chan struct{}
}

func (l *bounded) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case l.places <- struct{}{}:
			return &placed{Conn: c, leave: sync.OnceFunc(func() { <-l.places })}, nil
		default:
			_ = c.Close() // nothing was said
		}
	}
}

// placed is a connection that has a place.
type placed struct {
	net.Conn
	leave func()
}

func (c *placed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// Host is everything under which this machine is reached, sorted: its name
// plain and with .local, "localhost", and the addresses of its interfaces.
type Host struct {
	Names     []string
	Addresses []netip.Addr
}

// Equal tells whether two say the same.
func (h Host) Equal(other Host) bool {
	return slices.Equal(h.Names, other.Names) && slices.Equal(h.Addresses, other.Addresses)
}

// This asks the system what this machine's Host is now. What the system does
// not tell is left out.
func This() Host {
	h := Host{Names: []string{"localhost"}}
	if name, err := os.Hostname(); err == nil {
		short, _, _ := strings.Cut(strings.ToLower(name), ".")
		for _, n := range []string{short, short + ".local", strings.ToLower(name)} {
			if validName(n) && !slices.Contains(h.Names, n) {
				h.Names = append(h.Names, n)
			}
		}
	}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		addresses = nil // what is left is the name
	}
	for _, a := range addresses {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		if ip, ok := netip.AddrFromSlice(n.IP); ok && !ip.Unmap().IsLinkLocalUnicast() {
			h.Addresses = append(h.Addresses, ip.Unmap())
		}
	}
	slices.Sort(h.Names)
	slices.SortFunc(h.Addresses, netip.Addr.Compare)
	h.Addresses = slices.Compact(h.Addresses)
	return h
}

// validName accepts what may stand in a certificate as a DNS name.
func validName(s string) bool {
	return s != "" && len(s) <= 253 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
	}) && s != ".local" && !strings.HasPrefix(s, "-")
}
