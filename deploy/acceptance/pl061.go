package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// pl061 is the GPIO controller that the virtual box has besides the simulated
// one: a chip as boards have it, whose edges come by its interrupt. Its inputs
// are driven from outside, through qemu's own test protocol.
type pl061 struct {
	folder string
	test   net.Listener // qemu connects to it
	conn   net.Conn
	answer *bufio.Reader
	device string // in qemu's tree of objects
}

func newPL061(folder string) (*pl061, error) {
	p := &pl061{folder: folder}
	for _, socket := range []string{p.socket("test"), p.socket("qmp")} { // of an earlier boot
		if err := os.Remove(socket); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
	}
	var err error
	p.test, err = net.Listen("unix", p.socket("test"))
	return p, err
}

func (p *pl061) socket(name string) string { return filepath.Join(p.folder, name) }

// words are what qemu has to be told.
func (p *pl061) words() []string {
	return []string{
		"-qtest", "unix:" + p.socket("test"), "-qtest-log", "none",
		"-qmp", "unix:" + p.socket("qmp") + ",server=on,wait=off",
	}
}

// find looks for the chip in a qemu that has started.
func (p *pl061) find() (err error) {
	if p.conn, err = p.test.Accept(); err != nil {
		return err
	}
	p.answer = bufio.NewReader(p.conn)
	qmp, err := net.Dial("unix", p.socket("qmp"))
	if err != nil {
		return err
	}
	defer qmp.Close()
	const where = "/machine/unattached"
	if _, err := fmt.Fprintf(qmp, `{"execute":"qmp_capabilities"}{"execute":"qom-list","arguments":{"path":%q}}`, where); err != nil {
		return err
	}
	for in := json.NewDecoder(qmp); ; {
		var said struct {
			Return json.RawMessage
			Error  struct{ Desc string }
		}
		if err := in.Decode(&said); err != nil {
			return err
		}
		if said.Error.Desc != "" {
			return errors.New("qemu: " + said.Error.Desc)
		}
		var parts []struct{ Name, Type string }
		if json.Unmarshal(said.Return, &parts) != nil || len(parts) == 0 {
			continue // the greeting, and the answer to it
		}
		for _, part := range parts {
			if part.Type == "child<pl061>" {
				p.device = where + "/" + part.Name
				return nil
			}
		}
		return errors.New("qemu has no pl061")
	}
}

// set drives an input.
func (p *pl061) set(line int, up bool) error {
	level := 0
	if up {
		level = 1
	}
	if _, err := fmt.Fprintf(p.conn, "set_irq_in %s unnamed-gpio-in %d %d\n", p.device, line, level); err != nil {
		return err
	}
	said, err := p.answer.ReadString('\n')
	if err == nil && !strings.HasPrefix(said, "OK") {
		err = fmt.Errorf("qemu: %s", strings.TrimSpace(said))
	}
	return err
}

func (p *pl061) close() error {
	if p.conn != nil {
		_ = p.conn.Close() // qemu has closed the other end
	}
	return p.test.Close()
}
