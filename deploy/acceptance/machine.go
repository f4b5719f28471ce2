package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// machine is a running qemu, with an eye on its console.
type machine struct {
	cmd    *exec.Cmd
	read   chan struct{} // closed when the console has ended
	notice func(line string)

	mu      sync.Mutex
	console []string
	more    chan struct{} // closed at the next line
}

// start boots the kernel with init's words. disk is the socket on which the
// disk is served, forwards are pairs of a port of this machine, on 127.0.0.1
// alone, and one of the box. notice hears every line of the console, more is
// for qemu itself.
func (k *kit) start(words, disk string, forwards [][2]string, notice func(string), more ...string) (*machine, error) {
	net := "user,id=net"
	for _, f := range forwards {
		net += ",hostfwd=tcp:127.0.0.1:" + f[0] + "-:" + f[1]
	}
	m := &machine{read: make(chan struct{}), more: make(chan struct{}), notice: notice}
	m.cmd = exec.Command("qemu-system-aarch64", append([]string{
		"-M", "virt", "-accel", "tcg,thread=multi", "-cpu", "cortex-a53", "-smp", "2", "-m", "512",
		"-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot",
		"-kernel", k.kernel, "-initrd", k.initramfs, "-append", "console=ttyAMA0 quiet panic=-1 -- " + words,
		"-netdev", net, "-device", "virtio-net-pci,netdev=net,romfile=", "-device", "virtio-rng-pci",
		"-drive", "if=none,id=disk,format=raw,cache=writeback,file=nbd:unix:" + disk, "-device", "virtio-blk-pci,drive=disk,physical_block_size=4096",
	}, more...)...)
	// It must not outlive this program.
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, in, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	m.cmd.Stdout, m.cmd.Stderr = in, in
	err = errors.Join(m.cmd.Start(), in.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("qemu-system-aarch64 (is it installed? run make deps): %w", err), out.Close())
	}
	go m.watch(out)
	return m, nil
}

func (m *machine) watch(console *os.File) {
	defer close(m.read)
	defer console.Close()
	for lines := bufio.NewScanner(console); lines.Scan(); {
		line := strings.TrimRight(lines.Text(), "\r")
		m.notice(line)
		m.mu.Lock()
		m.console = append(m.console, line)
		close(m.more)
		m.more = make(chan struct{})
		m.mu.Unlock()
	}
}

// lines are what the console has shown, and a channel that is closed when
// there is more.
func (m *machine) lines() ([]string, <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.console), m.more
}

// kill ends qemu and waits for it.
func (m *machine) kill() error {
	if err := m.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	if err := m.cmd.Wait(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		return err
	}
	<-m.read
	return nil
}
