package notifytest

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/gsm7/charset"
	"github.com/warthog618/sms/encoding/pdumode"
	"github.com/warthog618/sms/encoding/tpdu"
	"golang.org/x/sys/unix"
)

// Modem is a 4G stick on a pseudo terminal: it echoes until it is told not to,
// speaks PDU mode, asks for the body of a message, keeps incoming ones on its
// card and announces them, and reports delivery.
type Modem struct {
	// Path is its port, the same after it was plugged in again.
	Path string
	// PIN that the card wants, "" for none; Credit is what the operator says.
	PIN, Credit string

	t     testing.TB
	alive sync.WaitGroup

	mu       sync.Mutex
	master   *os.File
	slave    *os.File // keeps the terminal alive while nobody has it open
	echo     bool
	announce bool
	unlocked bool
	pins     int // PINs tried
	card     map[int]string
	parts    map[string][]*tpdu.TPDU
	messages []Message
	arrived  chan struct{}
	commands []string
	refusals []string // to the next messages
	hung     bool
	keeps    bool // what is on the card
	silent   bool // no mobile network
	mr       byte
}

// NewModem plugs one in for the length of a test.
func NewModem(t testing.TB) *Modem {
	// The library makes these tables at first use, and guards them by nothing.
	charset.DefaultEncoder()
	charset.DefaultExtEncoder()
	m := &Modem{
		t: t, Path: filepath.Join(t.TempDir(), "ttyUSB2"), card: map[int]string{}, parts: map[string][]*tpdu.TPDU{}, arrived: make(chan struct{}),
		Credit: "尊敬的客户，您的话费余额为23.50元。",
	}
	m.Plug()
	t.Cleanup(func() {
		m.Unplug()
		m.alive.Wait()
	})
	return m
}

// Plug connects it, in the state it has after power comes on.
func (m *Modem) Plug() {
	m.t.Helper()
	master, slave, err := openTerminal()
	if err != nil {
		m.t.Fatal(err)
	}
	if err := os.Symlink(slave.Name(), m.Path); err != nil {
		m.t.Fatal(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.master, m.slave = master, slave
	m.echo, m.announce, m.unlocked, m.hung = true, false, m.PIN == "", false
	m.alive.Go(func() { m.serve(master) })
}

// Unplug pulls it out.
func (m *Modem) Unplug() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.master == nil {
		return
	}
	_ = os.Remove(m.Path)
	_ = m.slave.Close()
	_ = m.master.Close()
	m.master = nil
}

// Reset makes it forget its settings, as a voltage drop does, and say that it
// is ready, unless it is one of those that say nothing.
func (m *Modem) Reset(says bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.echo, m.announce, m.unlocked = true, false, m.PIN == ""
	if says {
		m.say("RDY", "+CFUN: 1")
	}
}

// Keep makes it delete nothing that is on the card, or ends that.
func (m *Modem) Keep(keeps bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.keeps = keeps
}

// Hang makes it take commands and say nothing, or ends that.
func (m *Modem) Hang(hung bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hung = hung
}

// NoNetwork takes the mobile network away, or brings it back.
func (m *Modem) NoNetwork(silent bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.silent = silent
}

// Refuse makes it answer the next messages with these lines.
func (m *Modem) Refuse(lines ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refusals = lines
}

// Sent lists the messages that it has sent, whole, and is closed at the next
// command of any sort.
func (m *Modem) Sent() (list []Message, next <-chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.messages), m.arrived
}

// Commands lists what it was told.
func (m *Modem) Commands() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.commands)
}

// Stored is how many messages are on the card.
func (m *Modem) Stored() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.card)
}

// Receive lets a message come in from the network.
func (m *Modem) Receive(from, text string) { m.ReceiveOf(time.Now(), from, text) }

// ReceiveOf is Receive for a message that the network has had since.
func (m *Modem) ReceiveOf(since time.Time, from, text string) {
	pdus, err := sms.Encode([]byte(text), sms.AsDeliver, sms.From(from))
	if err != nil {
		m.t.Error(err)
		return
	}
	for _, p := range pdus {
		p.SCTS.Time = since.UTC()
		b, err := p.MarshalBinary()
		if err != nil {
			m.t.Error(err)
			return
		}
		m.Store("00" + hex.EncodeToString(b))
	}
}

// Store puts a PDU on the card, sound or not, and announces it.
func (m *Modem) Store(pdu string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	index := 1
	for m.card[index] != "" {
		index++
	}
	m.card[index] = pdu
	if m.announce {
		m.say(fmt.Sprintf("+CMTI: \"SM\",%d", index))
	}
}

func (m *Modem) say(lines ...string) {
	if m.hung || m.master == nil {
		return
	}
	for _, line := range lines {
		// Who has pulled it out hears nothing.
		_, _ = m.master.WriteString("\r\n" + line + "\r\n")
	}
}

func (m *Modem) serve(master *os.File) {
	var line []byte
	body := -1 // the length announced, while a body is awaited
	buffer := make([]byte, 256)
	for {
		n, err := master.Read(buffer)
		if err != nil {
			return
		}
		m.mu.Lock()
		for _, b := range buffer[:n] {
			if m.echo && !m.hung {
				_, _ = master.Write([]byte{b})
			}
			switch {
			case b == 0x1b:
				line, body = nil, -1
			case body >= 0 && b == 0x1a:
				m.submit(strings.TrimSpace(string(line)), body)
				line, body = nil, -1
			case b == '\r' && body < 0:
				body = m.command(strings.TrimSpace(string(line)))
				line = nil
			case b != '\n':
				line = append(line, b)
			}
		}
		m.mu.Unlock()
	}
}

// command does one, and returns the length of the body that it asks for, -1
// for none.
func (m *Modem) command(c string) int {
	if c == "" {
		return -1
	}
	m.commands = append(m.commands, c)
	close(m.arrived)
	m.arrived = make(chan struct{})
	name, argument, _ := strings.Cut(c, "=")
	switch {
	case name == "AT", name == "AT+CMEE", name == "AT+CMGF":
		m.say("OK")
	case name == "ATE0":
		m.echo = false
		m.say("OK")
	case name == "AT+CPIN?" && m.unlocked:
		m.say("+CPIN: READY", "OK")
	case name == "AT+CPIN?":
		m.say("+CPIN: SIM PIN", "OK")
	case name == "AT+CPIN":
		m.pins++
		if strings.Trim(argument, `"`) != m.PIN {
			m.say("+CME ERROR: 16")
			break
		}
		m.unlocked = true
		m.say("OK", "+CPIN: READY", "SMS DONE")
	case name == "AT+CNMI" && argument == "2,1,0,1,0":
		m.announce = true
		m.say("OK")
	case name == "AT+CSQ" && m.silent:
		m.say("+CSQ: 99,99", "OK")
	case name == "AT+CSQ":
		m.say("+CSQ: 21,99", "OK")
	case name == "AT+CREG?", name == "AT+CEREG?":
		status := 1
		if m.silent || !m.unlocked {
			status = 2
		}
		m.say(fmt.Sprintf("%s: 0,%d", strings.Trim(name, "AT?"), status), "OK")
	case name == "AT+CMGL":
		for index, pdu := range m.card {
			m.say(fmt.Sprintf("+CMGL: %d,1,,%d", index, len(pdu)/2-1), pdu)
		}
		m.say("OK")
	case name == "AT+CMGD" && m.keeps:
		m.say("+CMS ERROR: 314")
	case name == "AT+CMGD":
		index, _ := strconv.Atoi(argument)
		delete(m.card, index)
		m.say("OK")
	case name == "AT+CUSD":
		var b []byte
		for _, r := range m.Credit {
			b = append(b, byte(r>>8), byte(r))
		}
		m.say("OK", fmt.Sprintf("+CUSD: 0,\"%X\",72", b))
	case name == "AT+CMGS" && !m.unlocked:
		m.say("+CMS ERROR: 311")
	case name == "AT+CMGS":
		length, err := strconv.Atoi(argument)
		if err != nil {
			m.say("+CMS ERROR: 304")
			break
		}
		if !m.hung {
			_, _ = m.master.WriteString("\r\n> ")
		}
		return length
	default:
		m.say("ERROR")
	}
	return -1
}

// submit takes the body of a message.
func (m *Modem) submit(pdu string, length int) {
	if len(m.refusals) > 0 {
		m.say(m.refusals[0])
		m.refusals = m.refusals[1:]
		return
	}
	frame, err := pdumode.UnmarshalHexString(pdu)
	if err != nil || len(frame.TPDU) != length {
		m.say("+CMS ERROR: 304")
		return
	}
	t, err := sms.Unmarshal(frame.TPDU, sms.AsMO)
	if err != nil || t.SmsType() != tpdu.SmsSubmit || len(pdu) > 2*(140+40) {
		m.say("+CMS ERROR: 304")
		return
	}
	m.mr++
	to := t.DA.Number()
	segments := []*tpdu.TPDU{t}
	if total, _, reference, long := t.ConcatInfo(); long {
		key := fmt.Sprint(to, reference)
		m.parts[key] = append(m.parts[key], t)
		if segments = nil; len(m.parts[key]) == total {
			segments = m.parts[key]
			delete(m.parts, key)
		}
	}
	if segments != nil {
		text, err := sms.Decode(segments)
		if err != nil {
			m.say("+CMS ERROR: 304")
			return
		}
		m.messages = append(m.messages, Message{"sms", to, string(text)})
		close(m.arrived)
		m.arrived = make(chan struct{})
	}
	m.say(fmt.Sprintf("+CMGS: %d", m.mr), "OK")
	if t.FirstOctet&0x20 != 0 {
		address, err := t.DA.MarshalBinary()
		if err != nil {
			m.t.Error(err)
			return
		}
		report := slices.Concat([]byte{0x06, m.mr}, address, make([]byte, 14), []byte{0})
		m.say(fmt.Sprintf("+CDS: %d", len(report)), "00"+hex.EncodeToString(report))
	}
}

// openTerminal makes a pseudo terminal that passes bytes on as they are.
func openTerminal() (master, slave *os.File, err error) {
	if master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	raw, err := master.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	var number int
	control := func(fd uintptr) {
		if err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); err == nil {
			number, err = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}
	if bad := raw.Control(control); bad != nil || err != nil {
		return nil, nil, fmt.Errorf("pseudo terminal: %w %w", bad, err)
	}
	if slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		return nil, nil, err
	}
	settings, err := unix.IoctlGetTermios(int(slave.Fd()), unix.TCGETS)
	if err != nil {
		return nil, nil, err
	}
	settings.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
	settings.Iflag &^= unix.ICRNL | unix.IXON
	settings.Oflag &^= unix.OPOST
	return master, slave, unix.IoctlSetTermios(int(slave.Fd()), unix.TCSETS, settings)
}
