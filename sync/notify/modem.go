package notify

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/warthog618/sms"
	"github.com/warthog618/sms/encoding/gsm7/charset"
	"go.bug.st/serial"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// Reply acts on a message from a telephone, whose number is as [Normal] makes
// it, and says what to answer, "" for nothing. Sent is when the network took the
// message, by its own clock. The message comes again after an error; else it is
// deleted from the card.
type Reply func(ctx context.Context, number, text string, sent time.Time) (answer string, err error)

// modem sends short messages by a SIM card of the box's own, and takes the
// replies. The address is a telephone number.
//
// One goroutine, Run, speaks with it; who has a page hands it over and waits.
// Whatever goes wrong with the dialogue ends it: the port is closed, opened
// again and set up anew, which is all that helps a modem that was reset or
// pulled out.
type modem struct {
	config  SMS
	pin     string
	lang    texts.Lang
	log     *slog.Logger
	encoder *sms.Encoder
	reply   Reply
	open    func(path string) (io.ReadWriteCloser, error)
	limits  limits

	urgent, notices chan *letter
	answers         []letter        // to what was replied
	acted           map[string]bool // PDUs that were acted on, and are still on the card
	pinTried        bool
	asked           time.Time // for the credit, by the runtime's clock

	replies, reports *prometheus.CounterVec

	mu    sync.Mutex
	state ModemState
}

// limits are how long things may take.
type limits struct{ command, send, poll, reopen time.Duration }

var defaultLimits = limits{command: 5 * time.Second, send: 45 * time.Second, poll: 30 * time.Second, reopen: 5 * time.Second}

// ModemState is how the modem is.
type ModemState struct {
	// Problem is why nothing can be sent, "" if it can.
	Problem string
	// Signal is the strength in dBm, 0 if not known.
	Signal int
	// Credit is what is left on the card, NaN if not known, in the operator's
	// currency; Low is set when it is below what was configured.
	Credit float64
	Low    bool
}

// letter is a message on its way to the modem.
type letter struct {
	to, text string
	done     chan alert.Result
}

func newModem(c SMS, pin string, lang texts.Lang, log *slog.Logger) *modem {
	// The library makes these tables at first use, and guards them by nothing.
	charset.DefaultEncoder()
	charset.DefaultExtEncoder()
	return &modem{
		config: c, pin: pin, lang: lang, log: log, encoder: sms.NewEncoder(sms.AsSubmit), open: openSerial, limits: defaultLimits,
		reply:  func(context.Context, string, string, time.Time) (string, error) { return "", nil },
		acted:  map[string]bool{},
		urgent: make(chan *letter), notices: make(chan *letter),
		replies: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_notify_sms_received_total", Help: "Messages that the modem has received: reply, credit, damaged.",
		}, []string{"sort"}),
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "linli_notify_sms_reports_total", Help: "Delivery reports of the network: delivered, pending, failed.",
		}, []string{"status"}),
		state: ModemState{Problem: "not opened yet", Credit: math.NaN()},
	}
}

func openSerial(path string) (io.ReadWriteCloser, error) {
	return serial.Open(path, &serial.Mode{BaudRate: 115200})
}

// Send hands the page over. It is short: what, where and how to answer.
func (m *modem) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	text := p.Title(m.lang)
	if minutes := p.Waiting / 60; minutes > 0 {
		text += " " + texts.Alert.Waiting.In(m.lang, minutes)
	}
	if !p.Test {
		text += " " + texts.Notify.Reply.In(m.lang)
	}
	if p.Link != "" {
		text += " " + p.Link
	}
	queue := m.notices
	if p.Priority == alert.High {
		queue = m.urgent
	}
	return m.send(ctx, queue, address, text)
}

func (m *modem) send(ctx context.Context, queue chan *letter, to, text string) alert.Result {
	if problem := m.State().Problem; problem != "" {
		return alert.Result{Class: alert.Temporary, Detail: problem}
	}
	one := &letter{to: to, text: text, done: make(chan alert.Result, 1)}
	select {
	case queue <- one:
	case <-ctx.Done():
		return alert.Result{Class: alert.Temporary, Detail: "the modem is busy"}
	}
	select {
	case result := <-one.done:
		return result
	case <-ctx.Done():
		return alert.Result{Class: alert.Unknown, Detail: "the network has not answered yet"}
	}
}

// State is how the modem is.
func (m *modem) State() ModemState {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

// Check tells whether a message could leave now.
func (m *modem) Check(context.Context) alert.Result {
	if problem := m.State().Problem; problem != "" {
		return alert.Result{Class: alert.Temporary, Detail: problem}
	}
	return alert.Result{Class: alert.Accepted}
}

func (m *modem) change(f func(*ModemState)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f(&m.state)
}

// Run speaks with the modem until ctx ends, and returns nil.
func (m *modem) Run(ctx context.Context) error {
	for {
		err := m.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		problem := problemOf(err)
		if m.State().Problem != problem {
			m.log.Error("modem does not work", "problem", problem)
		}
		m.change(func(s *ModemState) { s.Problem, s.Signal = problem, 0 })
		if !m.rest(ctx, alert.Result{Class: alert.Temporary, Detail: problem}) {
			return nil
		}
	}
}

// rest waits until the modem is tried again, and answers who had a page for it
// when it failed. It returns false when ctx ends.
func (m *modem) rest(ctx context.Context, result alert.Result) bool {
	timer := time.NewTimer(m.limits.reopen)
	defer timer.Stop()
	for {
		select {
		case one := <-m.urgent:
			one.done <- result
		case one := <-m.notices:
			one.done <- result
		case <-ctx.Done():
			return false
		case <-timer.C:
			return true
		}
	}
}

// problemOf is what ended a session, in words that name no path.
func problemOf(err error) string {
	var port *serial.PortError
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.ENODEV):
		return "no modem at its port"
	case errors.As(err, &port) && port.Code() == serial.PermissionDenied:
		return "no permission for the modem's port"
	case errors.Is(err, context.DeadlineExceeded):
		return "the modem does not answer"
	}
	return err.Error()
}

// session opens the modem, sets it up, and works with it until something goes
// wrong.
func (m *modem) session(ctx context.Context) (err error) {
	port, err := m.open(m.config.Port)
	if err != nil {
		return err
	}
	d := converse(port)
	defer func() {
		if closing := d.close(); err == nil {
			err = closing
		}
	}()
	poll := time.NewTicker(m.limits.poll)
	defer poll.Stop()
	look := true
	for {
		if look {
			// Each time: a modem that was reset has forgotten everything, its PIN
			// too, and not each of them says so.
			if err := m.setUp(ctx, d); err != nil {
				return err
			}
			if err := m.look(ctx, d); err != nil {
				return err
			}
			look = false
		}
		if err := m.hear(ctx, d); err != nil {
			return err
		}
		if sent, err := m.urgently(ctx, d); err != nil {
			return err
		} else if sent {
			continue
		}
		if len(m.answers) > 0 {
			one := m.answers[0]
			m.answers = m.answers[1:]
			if _, err := m.parts(ctx, d, &one); err != nil {
				return err
			}
			continue
		}
		select {
		case one := <-m.urgent:
			err = m.transmit(ctx, d, one)
		case one := <-m.notices:
			err = m.transmit(ctx, d, one)
		case line, ok := <-d.lines:
			if !ok {
				return errUnplugged
			}
			d.aside(line)
		case <-poll.C:
			look = true
		case <-ctx.Done():
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// urgently sends a call for help, if one waits: it goes before everything.
func (m *modem) urgently(ctx context.Context, d *dialogue) (sent bool, err error) {
	select {
	case one := <-m.urgent:
		return true, m.transmit(ctx, d, one)
	default:
		return false, nil
	}
}

// setUp brings the modem into the state that everything else relies on.
func (m *modem) setUp(ctx context.Context, d *dialogue) error {
	do := func(command string) ([]string, error) { return d.do(ctx, command, m.limits.command) }
	// What another session had begun is given up; a modem that was just
	// switched on may need some attempts.
	if err := d.write(escape + "\r"); err != nil {
		return err
	}
	var err error
	for range 3 {
		if _, err = do("AT"); err == nil {
			break
		}
		if errors.Is(err, errUnplugged) || ctx.Err() != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	for _, command := range []string{"ATE0", "AT+CMEE=1"} {
		if _, err := do(command); err != nil {
			return err
		}
	}
	if err := m.unlock(do); err != nil {
		return err
	}
	// Messages as PDUs; incoming ones are stored and announced, reports too or
	// passed on at once: each modem takes one of these.
	if _, err := do("AT+CMGF=0"); err != nil {
		return err
	}
	for _, command := range []string{"AT+CNMI=2,1,0,1,0", "AT+CNMI=1,1,0,1,0", "AT+CNMI=2,1,0,2,0", "AT+CNMI=2,1,0,0,0"} {
		if _, err = do(command); err == nil {
			return nil
		}
		if !errors.As(err, new(refusal)) {
			return err
		}
	}
	return fmt.Errorf("announcing messages: %w", err)
}

// unlock gives the card its PIN, once in the life of the process: three wrong
// ones lock it.
func (m *modem) unlock(do func(string) ([]string, error)) error {
	answer, err := do("AT+CPIN?")
	var no refusal
	switch {
	case errors.As(err, &no) && (no.code == 10 || no.code == 13):
		return errors.New("no SIM card in the modem")
	case err != nil:
		return err
	}
	switch status := strings.Join(answer, " "); {
	case strings.Contains(status, "READY"):
		return nil
	case !strings.Contains(status, "SIM PIN"):
		return errors.New("the SIM card is locked")
	case m.pin == "":
		return errors.New("the SIM card wants a PIN: channels.sms.pin_file")
	case m.pinTried:
		return errors.New("the SIM card has refused the PIN; it is not tried again before a restart")
	}
	m.pinTried = true
	if _, err := do(`AT+CPIN="` + m.pin + `"`); err != nil {
		return errors.New("the SIM card has refused the PIN; it is not tried again before a restart")
	}
	m.pinTried = false
	return nil
}

// look asks for signal, network and stored messages, and sometimes for the
// credit.
func (m *modem) look(ctx context.Context, d *dialogue) error {
	ask := func(command string) (string, error) {
		answer, err := d.do(ctx, command, m.limits.command)
		if err != nil && !errors.As(err, new(refusal)) {
			return "", err
		}
		return strings.Join(answer, " "), nil
	}
	quality, err := ask("AT+CSQ")
	if err != nil {
		return err
	}
	registered := false
	for _, command := range []string{"AT+CEREG?", "AT+CREG?"} {
		answer, err := ask(command)
		if err != nil {
			return err
		}
		switch field(answer, 1) {
		case "1", "5", "6", "7":
			registered = true
		}
	}
	m.change(func(s *ModemState) {
		if s.Signal = 0; field(quality, 0) != "99" {
			if rssi, err := strconv.Atoi(field(quality, 0)); err == nil {
				s.Signal = 2*rssi - 113
			}
		}
		if s.Problem = ""; !registered {
			s.Problem = "no mobile network"
		}
	})
	if err := m.readStored(ctx, d); err != nil {
		return err
	}
	return m.askCredit(ctx, d)
}

// readStored acts on the messages on the card, and deletes them.
func (m *modem) readStored(ctx context.Context, d *dialogue) error {
	answer, err := d.do(ctx, "AT+CMGL=4", 4*m.limits.command)
	if err != nil {
		if errors.As(err, new(refusal)) {
			return nil // the card is not ready yet
		}
		return err
	}
	for i := 0; i+1 < len(answer); i++ {
		if !strings.HasPrefix(answer[i], "+CMGL:") {
			continue
		}
		if _, err := m.urgently(ctx, d); err != nil {
			return err
		}
		pdu := answer[i+1]
		if !m.acted[pdu] {
			if err := m.receive(ctx, pdu); err != nil {
				m.log.Error("a message stays on the card", "error", err)
				continue
			}
			// A second time it might answer another call.
			m.acted[pdu] = true
		}
		switch _, err := d.do(ctx, "AT+CMGD="+field(answer[i], 0), m.limits.command); {
		case err == nil:
			delete(m.acted, pdu)
		case !errors.As(err, new(refusal)):
			return err
		}
	}
	return nil
}

// hear acts on what the modem has said by itself.
func (m *modem) hear(ctx context.Context, d *dialogue) error {
	heard := d.heard
	if d.report { // its body is still to come
		heard = heard[:len(heard)-1]
	}
	d.heard = d.heard[len(heard):]
	stored := false
	for _, line := range heard {
		switch {
		case strings.HasPrefix(line, "+CMTI:"), strings.HasPrefix(line, "+CDSI:"):
			stored = true
		case strings.HasPrefix(line, "+CDS:"):
			if _, pdu, ok := strings.Cut(line, "\n"); ok {
				if err := m.receive(ctx, pdu); err != nil {
					m.log.Error("a report is not understood", "error", err)
				}
			}
		case strings.HasPrefix(line, "+CUSD:"):
			m.credit(decodeUSSD(field(line, 1)))
		}
	}
	if stored {
		return m.readStored(ctx, d)
	}
	return nil
}

// receive acts on one message or report. What cannot be read is counted and
// dropped; an error means that it must not be lost.
func (m *modem) receive(ctx context.Context, pdu string) error {
	in, err := decodeSMS(pdu)
	switch {
	case err != nil:
		m.replies.WithLabelValues("damaged").Inc()
		return nil
	case in.report != "":
		m.reports.WithLabelValues(in.report).Inc()
		return nil
	case m.config.CreditTo != "" && Normal(in.from) == Normal(m.config.CreditTo):
		m.replies.WithLabelValues("credit").Inc()
		m.credit(in.text)
		return nil
	}
	m.replies.WithLabelValues("reply").Inc()
	ctx, cancel := context.WithTimeout(ctx, m.limits.command)
	defer cancel()
	answer, err := m.reply(ctx, Normal(in.from), in.text, in.sent)
	if answer != "" {
		m.answers = append(m.answers, letter{to: in.from, text: answer})
	}
	return err
}

// transmit sends a message in all its parts, and tells who waits. An error
// means that the dialogue cannot go on.
func (m *modem) transmit(ctx context.Context, d *dialogue, one *letter) error {
	result, err := m.parts(ctx, d, one)
	if err != nil { // nobody else is to wait for it
		m.change(func(s *ModemState) { s.Problem = problemOf(err) })
	}
	one.done <- result
	return err
}

func (m *modem) parts(ctx context.Context, d *dialogue, one *letter) (alert.Result, error) {
	segments, err := encodeSMS(m.encoder, one.to, one.text)
	if err != nil || Normal(one.to) == "" {
		return alert.Result{Class: alert.Permanent, Detail: "not a telephone number"}, nil
	}
	for i, s := range segments {
		_, on, err := d.submit(ctx, "AT+CMGS="+strconv.Itoa(s.length), s.pdu, m.limits.send)
		var no refusal
		switch {
		case err == nil:
			continue
		case errors.As(err, &no):
			// Of a long message some parts may be there: a page too many does
			// no harm.
			return judgeCMS(no), nil
		case on || i > 0:
			return alert.Result{Class: alert.Unknown, Detail: problemOf(err)}, err
		}
		return alert.Result{Class: alert.Temporary, Detail: problemOf(err)}, err
	}
	return alert.Result{Class: alert.Accepted, Detail: "in " + strconv.Itoa(len(segments)) + " parts"}, nil
}

// judgeCMS says what the network's or the modem's "no" means: 3GPP TS 27.005,
// 3.2.5, whose first codes are those of TS 24.011.
func judgeCMS(no refusal) alert.Result {
	result := alert.Result{Class: alert.Temporary, Detail: no.Error()}
	if no.kind != "CMS" {
		return result
	}
	switch no.code {
	case 1, 28, 30: // unassigned, unidentified or unknown subscriber
		result.Class = alert.Permanent
		result.Detail += ": no such number"
	case 8, 10, 50, 69: // barred, not subscribed, not implemented
		result.Class = alert.Permanent
		result.Detail += ": the card may not send messages"
	case 42: // congestion
		result.RetryAfter = 5 * time.Second
	}
	return result
}

// creditEvery is how often the operator is asked what is left on the card.
const creditEvery = 24 * time.Hour

func (m *modem) askCredit(ctx context.Context, d *dialogue) error {
	if m.config.CreditUSSD == "" && m.config.CreditTo == "" || !m.asked.IsZero() && time.Since(m.asked) < creditEvery || m.State().Problem != "" {
		return nil
	}
	m.asked = time.Now()
	if m.config.CreditTo != "" {
		_, err := m.parts(ctx, d, &letter{to: m.config.CreditTo, text: m.config.CreditText})
		return err
	}
	if _, err := d.do(ctx, `AT+CUSD=1,"`+m.config.CreditUSSD+`",15`, m.limits.command); err != nil && !errors.As(err, new(refusal)) {
		return err
	}
	return nil
}

// amount finds what is left in what operators write.
var amount = regexp.MustCompile(`(?i)(?:余额|可用|剩余|balance)[^0-9-]{0,20}(-?\d{1,7}(?:\.\d{1,2})?)`)

func (m *modem) credit(text string) {
	found := amount.FindStringSubmatch(text)
	if found == nil {
		return
	}
	left, err := strconv.ParseFloat(found[1], 64)
	if err != nil {
		return
	}
	low, err := strconv.ParseFloat(m.config.CreditLow, 64)
	m.change(func(s *ModemState) { s.Credit, s.Low = left, err == nil && left < low })
}

// Collectors are the modem's metrics.
func (m *modem) collectors() []prometheus.Collector {
	gauge := func(name, help string, value func(ModemState) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(m.State()) })
	}
	return []prometheus.Collector{
		m.replies, m.reports,
		gauge("linli_notify_modem_up", "1 if the modem could send a message now.", func(s ModemState) float64 {
			if s.Problem == "" {
				return 1
			}
			return 0
		}),
		gauge("linli_notify_modem_signal_dbm", "Strength of the mobile network, 0 if not known.", func(s ModemState) float64 { return float64(s.Signal) }),
		gauge("linli_notify_sim_credit", "What is left on the SIM card in the operator's currency, NaN if not known.", func(s ModemState) float64 { return s.Credit }),
	}
}
