package notify

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/warthog618/sms"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify/notifytest"
)

// station is a modem at work on a fake one.
type station struct {
	*modem
	stick   *notifytest.Modem
	mu      sync.Mutex
	replied []string
	refuse  bool // replies cannot be kept
}

func newStation(t *testing.T, c SMS, pin string, stick *notifytest.Modem) *station {
	t.Helper()
	c.Port = stick.Path
	s := &station{modem: newModem(c, pin, texts.Chinese, slog.New(slog.NewTextHandler(t.Output(), nil))), stick: stick}
	s.limits.reopen, s.limits.poll = 10*time.Millisecond, 50*time.Millisecond
	s.reply = func(_ context.Context, number, text string, _ time.Time) (string, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.refuse {
			return "", errors.New("disk full")
		}
		s.replied = append(s.replied, number+" "+text)
		return "收到", nil
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

// said is what was replied so far.
func (s *station) said() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.replied...)
}

// until polls, for at most the patience of a test.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

func (s *station) works(t testing.TB) {
	t.Helper()
	until(t, "the modem works", func() bool { return s.State().Problem == "" })
}

func (s *station) page(t testing.TB, number string) alert.Result {
	return s.Send(t.Context(), number, page())
}

// A page leaves as one short message in Chinese, the answer comes in, is kept
// and deleted, and is answered; the network reports the delivery.
func TestModemSendsAndListens(t *testing.T) {
	s := newStation(t, SMS{}, "", notifytest.NewModem(t))
	s.works(t)
	if r := s.page(t, "13800000001"); r != (alert.Result{Class: alert.Accepted, Detail: "in 1 parts"}) {
		t.Fatalf("%+v", r)
	}
	sent, _ := s.stick.Sent()
	want := notifytest.Message{Provider: "sms", To: "13800000001", Text: "【紧急求助】3栋 502 已等待 1 分钟，尚无人响应。 回复1表示我来处理 http://box/i/9f2c"}
	if len(sent) != 1 || sent[0] != want {
		t.Errorf("sent %+v", sent)
	}
	until(t, "a delivery report", func() bool { return testutil.ToFloat64(s.reports.WithLabelValues("delivered")) == 1 })
	s.stick.Receive("+8613800000001", "1")
	until(t, "the answer to the reply", func() bool { sent, _ := s.stick.Sent(); return len(sent) == 2 })
	if sent, _ := s.stick.Sent(); sent[1].Text != "收到" || s.said()[0] != "13800000001 1" || s.stick.Stored() != 0 {
		t.Errorf("%+v %q, %d on the card", sent[1], s.said(), s.stick.Stored())
	}
	if state := s.State(); state.Signal != -71 || !math.IsNaN(state.Credit) {
		t.Errorf("%+v", state)
	}
}

// A reply that cannot be kept stays on the card until it can; so does one that
// came while the gateway was down. A damaged message is counted and dropped.
func TestModemLosesNoReply(t *testing.T) {
	stick := notifytest.NewModem(t)
	stick.Receive("13800000001", "1")
	stick.Store("07911326040000F0040B911346610089F6")
	stick.Store("zz")
	s := newStation(t, SMS{}, "", stick)
	s.mu.Lock()
	s.refuse = true
	s.mu.Unlock()
	until(t, "the damaged ones are gone", func() bool {
		return stick.Stored() == 1 && testutil.ToFloat64(s.replies.WithLabelValues("damaged")) == 2
	})
	s.mu.Lock()
	s.refuse = false
	s.mu.Unlock()
	until(t, "the reply is acted on", func() bool { return stick.Stored() == 0 })
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.replied) != 1 {
		t.Errorf("%q", s.replied)
	}
}

// Pulled out, hanging, out of reach: each is said at once, nothing is
// taken for sent, and the modem works again when its trouble is over.
func TestModemTroubles(t *testing.T) {
	stick := notifytest.NewModem(t)
	s := newStation(t, SMS{}, "", stick)
	s.works(t)
	for _, trouble := range []struct {
		name, problem string
		begin, end    func()
	}{
		{"unplugged", "no modem at its port", stick.Unplug, stick.Plug},
		{"no network", "no mobile network", func() { stick.NoNetwork(true) }, func() { stick.NoNetwork(false) }},
	} {
		trouble.begin()
		until(t, trouble.name, func() bool { return s.State().Problem == trouble.problem })
		if r := s.page(t, "13800000001"); r != (alert.Result{Class: alert.Temporary, Detail: trouble.problem}) {
			t.Errorf("%s: %+v", trouble.name, r)
		}
		trouble.end()
		s.works(t)
		if r := s.page(t, "13800000001"); r.Class != alert.Accepted {
			t.Errorf("after %s: %+v", trouble.name, r)
		}
	}
}

// A modem that was reset, and is still at its port, has forgotten everything
// and wants the PIN again: whether it says so or not, it is set up anew.
func TestModemReset(t *testing.T) {
	stick := notifytest.NewModem(t)
	stick.Unplug()
	stick.PIN = "1234"
	stick.Plug()
	s := newStation(t, SMS{}, "1234", stick)
	s.works(t)
	for _, says := range []bool{true, false} {
		stick.Reset(says)
		until(t, "works again", func() bool { return s.page(t, "13800000001").Class == alert.Accepted })
		stick.Receive("13800000001", "1")
		until(t, "a reply is heard", func() bool { return stick.Stored() == 0 })
	}
}

// A reply that the card does not let go of is acted on once.
func TestModemActsOnce(t *testing.T) {
	stick := notifytest.NewModem(t)
	s := newStation(t, SMS{}, "", stick)
	s.works(t)
	stick.Keep(true)
	stick.Receive("13800000001", "1")
	asked := func() (n int) {
		for _, c := range stick.Commands() {
			if c == "AT+CMGD=1" {
				n++
			}
		}
		return n
	}
	until(t, "it is refused thrice", func() bool { return asked() >= 3 })
	stick.Unplug()
	stick.Plug()
	until(t, "it is refused again", func() bool { return asked() >= 5 })
	stick.Keep(false)
	until(t, "it is gone", func() bool { return stick.Stored() == 0 })
	stick.Receive("13800000001", "1")
	until(t, "another", func() bool { return stick.Stored() == 0 })
	if got := s.said(); len(got) != 2 {
		t.Errorf("acted on %q", got)
	}
}

// A modem that falls silent in the middle of a message: nobody knows whether it
// was sent, and the next one goes out over a fresh dialogue.
func TestModemHangs(t *testing.T) {
	stick := notifytest.NewModem(t)
	c := SMS{Port: stick.Path}
	m := newModem(c, "", texts.Chinese, slog.New(slog.DiscardHandler))
	m.limits = limits{command: 200 * time.Millisecond, send: 200 * time.Millisecond, poll: time.Hour, reopen: time.Millisecond}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	defer func() { stop(); <-done }()
	until(t, "works", func() bool { return m.State().Problem == "" })
	stick.Hang(true)
	if r := m.Send(t.Context(), "13800000001", page()); r.Class != alert.Temporary || r.Detail != "the modem does not answer" {
		t.Errorf("before the message: %+v", r)
	}
	soon, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if r := m.Send(soon, "13800000001", page()); r.Class != alert.Temporary {
		t.Errorf("while it hangs: %+v", r)
	}
	stick.Hang(false)
	// On a slow machine the 200 ms may be over before an answer.
	until(t, "works again", func() bool { return m.Send(t.Context(), "13800000001", page()).Class == alert.Accepted })
}

// Who has a page for a modem that begins to fail is told so at once, and does
// not wait for as long as the modem is away.
func TestModemFailsBeforeThePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newModem(SMS{}, "", texts.Chinese, slog.New(slog.DiscardHandler))
		opening, unplugged := make(chan struct{}), errors.New("unplugged")
		m.open = func(string) (io.ReadWriteCloser, error) { <-opening; return nil, unplugged }
		m.change(func(s *ModemState) { s.Problem = "" }) // as it was until now
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() {
			if err := m.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		began := time.Now()
		for _, priority := range []alert.Priority{alert.High, alert.Medium} {
			p := page()
			p.Priority = priority
			running.Go(func() {
				if r := m.Send(t.Context(), "13800000001", p); r.Class != alert.Temporary || r.Detail != "unplugged" || time.Since(began) != 0 {
					t.Errorf("%+v after %s", r, time.Since(began))
				}
			})
		}
		synctest.Wait() // both stand in the queue
		close(opening)
		synctest.Wait()
		stop()
		running.Wait()
	})
}

func TestModemRefusals(t *testing.T) {
	stick := notifytest.NewModem(t)
	s := newStation(t, SMS{}, "", stick)
	s.works(t)
	for line, want := range map[string]alert.Result{
		"+CMS ERROR: 28":  {Class: alert.Permanent, Detail: "modem says CMS 28: no such number"},
		"+CMS ERROR: 50":  {Class: alert.Permanent, Detail: "modem says CMS 50: the card may not send messages"},
		"+CMS ERROR: 42":  {Class: alert.Temporary, Detail: "modem says CMS 42", RetryAfter: 5 * time.Second},
		"+CMS ERROR: 500": {Class: alert.Temporary, Detail: "modem says CMS 500"},
		"ERROR":           {Class: alert.Temporary, Detail: "modem says ERROR"},
	} {
		stick.Refuse(line)
		if got := s.page(t, "13800000001"); got != want {
			t.Errorf("%s: %+v, want %+v", line, got, want)
		}
	}
	if r := s.page(t, "李敏"); r.Class != alert.Permanent {
		t.Errorf("%+v", r)
	}
}

// A call for help passes the notices that wait for the modem.
func TestModemUrgentFirst(t *testing.T) {
	s := newStation(t, SMS{}, "", notifytest.NewModem(t))
	s.works(t)
	notice := page()
	notice.Priority = alert.Technical
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() { s.Send(t.Context(), "13800000002", notice) })
	}
	if r := s.page(t, "13800000001"); r.Class != alert.Accepted {
		t.Fatalf("%+v", r)
	}
	sent, _ := s.stick.Sent()
	if n := len(sent); n > 18 {
		t.Errorf("%d messages went before the call for help", n-1)
	}
	all.Wait()
}

// A call for help passes what is on the card, however much that is.
func TestModemUrgentBeforeWhatIsStored(t *testing.T) {
	stick := notifytest.NewModem(t)
	for range 3 {
		stick.Receive("13800000001", "1")
	}
	m := newModem(SMS{Port: stick.Path}, "", texts.Chinese, slog.New(slog.DiscardHandler))
	m.urgent = make(chan *letter, 1) // one that waits is there to be seen
	call := &letter{to: "13800000002", text: "SOS", done: make(chan alert.Result, 1)}
	var before []int // messages that were sent before each reply was acted on
	m.reply = func(context.Context, string, string, time.Time) (string, error) {
		sent, _ := stick.Sent()
		if before = append(before, len(sent)); len(before) == 1 {
			m.urgent <- call
		}
		return "", nil
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	until(t, "all are acted on", func() bool { return stick.Stored() == 0 })
	stop()
	if err := <-done; err != nil || !slices.Equal(before, []int{0, 1, 1}) {
		t.Errorf("%v %v", before, err)
	}
}

// The card is given its PIN once: a wrong one is not tried again.
func TestModemPIN(t *testing.T) {
	stick := notifytest.NewModem(t)
	stick.Unplug()
	stick.PIN = "1234"
	stick.Plug()
	s := newStation(t, SMS{}, "1234", stick)
	s.works(t)
	if r := s.page(t, "13800000001"); r.Class != alert.Accepted {
		t.Errorf("%+v", r)
	}
	wrong := notifytest.NewModem(t)
	wrong.Unplug()
	wrong.PIN = "1234"
	wrong.Plug()
	w := newStation(t, SMS{}, "0000", wrong)
	tried := func() (n int) {
		for _, c := range wrong.Commands() {
			if strings.HasPrefix(c, "AT+CPIN=") {
				n++
			}
		}
		return n
	}
	until(t, "the PIN is refused", func() bool { return strings.Contains(w.State().Problem, "refused the PIN") })
	asked := len(wrong.Commands())
	until(t, "more sessions", func() bool { return len(wrong.Commands()) > asked+20 })
	if n := tried(); n != 1 {
		t.Errorf("a wrong PIN was tried %d times", n)
	}
}

// What is left on the card is asked for by code or by message, and read.
func TestModemCredit(t *testing.T) {
	s := newStation(t, SMS{CreditUSSD: "*100#", CreditLow: "30"}, "", notifytest.NewModem(t))
	until(t, "the credit", func() bool { return s.State().Credit == 23.5 })
	if !s.State().Low {
		t.Error("23.50 is not below 30")
	}
	stick := notifytest.NewModem(t)
	s = newStation(t, SMS{CreditTo: "10086", CreditText: "CXYE", CreditLow: "10"}, "", stick)
	until(t, "the question", func() bool {
		sent, _ := stick.Sent()
		return len(sent) == 1 && sent[0].To == "10086" && sent[0].Text == "CXYE"
	})
	stick.Receive("10086", "【余额查询】您的账户当前可用余额45.60元，其中普通账户45.60元。【中国移动】")
	until(t, "the credit", func() bool { return s.State().Credit == 45.6 })
	if s.State().Low || len(s.said()) > 0 {
		t.Errorf("%+v %q", s.State(), s.said())
	}
}

// Long Chinese texts go in parts that come together again.
func TestLongMessage(t *testing.T) {
	stick := notifytest.NewModem(t)
	s := newStation(t, SMS{}, "", stick)
	s.works(t)
	long := page()
	long.Link = "https://box.example.org/a/" + strings.Repeat("x", 150)
	long.Room = strings.Repeat("长", 60)
	if r := s.Send(t.Context(), "+8613800000001", long); r.Class != alert.Accepted || r.Detail == "in 1 parts" {
		t.Fatalf("%+v", r)
	}
	sent, _ := stick.Sent()
	if len(sent) != 1 || !strings.HasSuffix(sent[0].Text, long.Link) || sent[0].To != "+8613800000001" {
		t.Errorf("%+v", sent)
	}
}

func TestFields(t *testing.T) {
	for status, want := range map[byte]string{0x00: "delivered", 0x1f: "delivered", 0x20: "pending", 0x3f: "pending", 0x40: "failed", 0x60: "failed", 0xff: "failed"} {
		if got := reported(status); got != want {
			t.Errorf("status %x: %s, want %s", status, got, want)
		}
	}
	for line, want := range map[string][]string{
		"+CMGL: 3,1,,24":                 {"3", "1", "", "24", ""},
		`+CUSD: 0,"left: 5, or so",72`:   {"0", "left: 5, or so", "72"},
		`+CMTI: "SM",7`:                  {"SM", "7"},
		"+CSQ: 21,99":                    {"21", "99"},
		"":                               {"", ""},
		`+CUSD: 0,"never closed, at all`: {"0", `never closed, at all`},
	} {
		for n, w := range want {
			if got := field(line, n); got != w {
				t.Errorf("%q, %d: %q, want %q", line, n, got, w)
			}
		}
	}
	for number, want := range map[string]string{
		"+86 138-0000-0001": "13800000001", "008613800000001": "13800000001", "13800000001": "13800000001", "10086": "10086", "86100": "86100", "": "",
	} {
		if got := Normal(number); got != want {
			t.Errorf("%q: %q, want %q", number, got, want)
		}
	}
}

// Whatever a modem or the network says, reading it ends, and gives text.
func FuzzModem(f *testing.F) {
	for _, seed := range []string{
		"\r\nOK\r\n", "\r\n+CMTI: \"SM\",3\r\n", "\r\n+CMS ERROR: 42\r\n", "> ", "+CDS: 25\r\n0006", "AT\r\r\nOK\r\n", strings.Repeat("x", 5000),
		"+CUSD: 0,\"00310032\",72\r\n", "+CMGL: 1,1,,24\r\n07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07\r\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, said string) {
		var s splitter
		d := &dialogue{}
		for len(said) > 0 {
			n := min(len(said), 7)
			for _, line := range s.split([]byte(said[:n])) {
				if len(line) > maxLine || strings.ContainsAny(line, "\r\n") || line == "" {
					t.Errorf("line %q", line)
				}
				if d.aside(line) {
					continue
				}
				if done, err := final(line); !done && err != nil {
					t.Errorf("%q: %v", line, err)
				}
				for n := range 4 {
					field(line, n)
				}
				decodeUSSD(line)
			}
			said = said[n:]
		}
	})
}

// A message from the network may be anything.
func FuzzPDU(f *testing.F) {
	f.Add("07911326040000F0040B911346610089F60000208062917314080CC8F71D14969741F977FD07")
	f.Add("0006010B813108000000F1000000000000000000000000000000")
	f.Add("00")
	f.Fuzz(func(t *testing.T, pdu string) {
		in, err := decodeSMS(pdu)
		if err == nil && !utf8.ValidString(in.text) {
			t.Errorf("%q", in.text)
		}
	})
}

// What is encoded is what comes out at the other end, whatever it says.
func FuzzEncode(f *testing.F) {
	f.Add("13800000001", "【紧急求助】3栋 502")
	f.Add("+8613800000001", strings.Repeat("a{}", 200))
	f.Fuzz(func(t *testing.T, number, text string) {
		if !utf8.ValidString(text) || len(text) > 2000 {
			return
		}
		segments, err := encodeSMS(sms.NewEncoder(sms.AsSubmit), number, text)
		if err != nil {
			return
		}
		for _, s := range segments {
			if s.length > 180 || len(s.pdu) != 2*s.length+2 {
				t.Errorf("a segment of %d bytes: %s", s.length, s.pdu)
			}
		}
	})
}
