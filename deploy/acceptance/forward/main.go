// Command forward runs in the virtual box and carries connections:
//
//	forward FROM TO [FROM TO]...
//
// Each FROM and TO is tcp:HOST:PORT or unix:PATH. It brings the gateway's
// control socket to where the machine outside can reach it, and the platform
// outside to where the gateway takes it for a neighbour.
package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "forward:", err)
		os.Exit(1)
	}
}

func run(pairs []string) error {
	if len(pairs) == 0 || len(pairs)%2 != 0 {
		return errors.New("usage: forward FROM TO [FROM TO]")
	}
	ended := make(chan error)
	for i := 0; i < len(pairs); i += 2 {
		l, err := net.Listen(split(pairs[i]))
		if err != nil {
			return err
		}
		go func() { ended <- accept(l, pairs[i+1]) }()
	}
	return <-ended
}

func split(address string) (network, where string) {
	network, where, _ = strings.Cut(address, ":")
	return network, where
}

func accept(l net.Listener, to string) error {
	for {
		in, err := l.Accept()
		if err != nil {
			return err
		}
		go carry(in, to)
	}
}

// carry ends with the connection. Whoever is at its ends will notice an error.
func carry(in net.Conn, to string) {
	defer in.Close()
	out, err := net.Dial(split(to))
	if err != nil {
		return
	}
	defer out.Close()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
		both.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			if half, ok := way[0].(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite()
			}
		})
	}
	both.Wait()
}
