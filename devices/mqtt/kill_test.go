package mqtt

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/devicetest"
	"github.com/linli-edge/gateway/devices/mqtt/packet"
)

// In this folder a process of the test binary is a broker that is to be
// killed.
const killFolder = "LINLI_MQTT_KILL"

func TestMain(m *testing.M) {
	if dir := os.Getenv(killFolder); dir != "" {
		if err := beKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// beKilled runs a broker whose handler writes a line a message, and syncs it,
// before it is done.
func beKilled(dir string) error {
	address, err := os.ReadFile(filepath.Join(dir, "address"))
	if err != nil {
		return err
	}
	ledger, err := os.OpenFile(filepath.Join(dir, "ledger"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	b, err := NewBroker(BrokerConfig{Listeners: []Listener{{Address: string(address)}}, File: filepath.Join(dir, "sessions")}, testLogin,
		func(_ context.Context, m devices.Message, done func(error)) {
			_, err := fmt.Fprintf(ledger, "%s\t%s\n", m.Packet, m.Payload)
			if err == nil {
				err = syscall.Fdatasync(int(ledger.Fd()))
			}
			done(err)
		}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		return err
	}
	return b.Run(context.Background())
}

// A broker is killed at random moments while devices publish with QoS 1 and 2
// and a client with a kept session subscribes. Nothing that was acknowledged
// is lost, on either side; what is of QoS 2 comes once, on either side.
func TestKilledBroker(t *testing.T) {
	n, seed := 20, rand.Uint64()
	if os.Getenv("LINLI_CAMPAIGN") == "1" {
		n = 200
	}
	t.Logf("%d rounds, seed %d", n, seed)
	random := rand.New(rand.NewPCG(seed, 2))
	dir, address := t.TempDir(), freeAddress(t)
	if err := os.WriteFile(filepath.Join(dir, "address"), []byte(address), 0o600); err != nil {
		t.Fatal(err)
	}
	start := func() (kill func()) {
		t.Helper()
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), killFolder+"="+dir)
		var said bytes.Buffer
		child.Stderr = &said
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		return func() {
			t.Helper()
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = child.Wait() // killed, it says so
			if said.Len() > 0 {
				t.Fatalf("the broker said: %s", &said)
			}
		}
	}

	sub := &subscriber{address: address, heard: map[string]int{}, open: map[uint16]bool{}}
	ctx, stop := context.WithCancel(t.Context())
	var subscribing, publishing sync.WaitGroup
	kill := start()
	subscribing.Go(func() { sub.run(ctx) })
	eventually(t, "the subscription", func() bool { return sub.is(func() bool { return sub.subscribed }) })

	over := make(chan struct{})
	acked := &tellings{all: map[string]byte{}}
	for i := range 4 {
		d := connectDevice(t, address, fmt.Sprint("d", i))
		qos := byte(i%2 + 1)
		publishing.Go(func() {
			defer d.Close()
			acked.tell(d, fmt.Sprint("d", i), qos, over)
		})
	}
	for range n {
		before := acked.count()
		eventually(t, "acknowledgements after a kill", func() bool { return acked.count() > before+8 })
		<-time.After(time.Duration(random.IntN(60)) * time.Millisecond) // moves the kill to another moment
		kill()
		kill = start()
	}
	close(over)
	publishing.Wait()
	eventually(t, "the subscriber to have heard everything", func() bool {
		return sub.is(func() bool {
			for text := range acked.all {
				if sub.heard[text] == 0 {
					return false
				}
			}
			return true
		})
	})
	stop()
	subscribing.Wait()
	kill()

	identities, err := readLedger(filepath.Join(dir, "ledger"))
	if err != nil {
		t.Fatal(err)
	}
	for text, qos := range acked.all {
		switch {
		case len(identities[text]) == 0:
			t.Errorf("%s was acknowledged and is lost", text)
		case qos == 2 && len(identities[text]) > 1:
			t.Errorf("%s of QoS 2 has the identities %v", text, identities[text])
		case qos == 2 && sub.heard[text] != 1:
			t.Errorf("%s of QoS 2 was heard %d times", text, sub.heard[text])
		}
	}
	t.Logf("%d kills, %d messages acknowledged, 0 lost, none of QoS 2 twice", n, len(acked.all))
}

// readLedger returns the identities under which each message was recorded.
func readLedger(path string) (map[string]map[string]bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all := map[string]map[string]bool{}
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		identity, text, _ := strings.Cut(lines.Text(), "\t")
		if all[text] == nil {
			all[text] = map[string]bool{}
		}
		all[text][identity] = true
	}
	return all, lines.Err()
}

// tellings are the messages that were acknowledged, with their QoS.
type tellings struct {
	mu  sync.Mutex
	all map[string]byte
}

func (a *tellings) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.all)
}

// tell publishes until over, four at a time, and then waits for the last.
func (a *tellings) tell(d devicetest.Device, id string, qos byte, over <-chan struct{}) {
	for n := 0; ; n += 4 {
		select {
		case <-over:
			return
		default:
		}
		for i, done := range func() (all [4]<-chan struct{}) {
			for i := range all {
				all[i] = d.Publish(devicetest.Publication{Topic: deviceTopic(id), Payload: fmt.Appendf(nil, "%s-%d", id, n+i), QoS: qos})
			}
			return all
		}() {
			<-done
			a.mu.Lock()
			a.all[fmt.Sprintf("%s-%d", id, n+i)] = qos
			a.mu.Unlock()
		}
	}
}

// subscriber is a client that keeps its session, and knows which QoS 2
// messages it has and has not released.
type subscriber struct {
	address string

	mu         sync.Mutex
	subscribed bool
	heard      map[string]int
	open       map[uint16]bool
}

func (s *subscriber) is(f func() bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f()
}

func (s *subscriber) run(ctx context.Context) {
	for ctx.Err() == nil {
		if s.live(ctx) != nil {
			<-time.After(5 * time.Millisecond) // the broker is down
		}
	}
}

func (s *subscriber) live(ctx context.Context) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	p := &peer{Conn: conn, v: packet.V5, in: bufio.NewReader(conn)}
	c := &packet.Connect{Version: packet.V5, ClientID: []byte("sub"), User: []byte("root"), Password: []byte("root")}
	c.Properties.SetNumber(packet.SessionExpiry, 3600)
	frames := c.Append(nil)
	if !s.is(func() bool { return s.subscribed }) {
		frames = (&packet.Subscribe{ID: 1, Filters: []packet.Subscription{{Filter: []byte("linli/v1/+/event"), QoS: 2}}}).Append(frames, packet.V5)
	}
	for {
		if _, err := conn.Write(frames); err != nil {
			return err
		}
		q, err := p.next()
		if err != nil {
			return err
		}
		frames = s.answer(q)
	}
}

func (s *subscriber) answer(q any) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	var answer packet.Ack
	switch q := q.(type) {
	case *packet.Suback:
		s.subscribed = true
		return nil
	case *packet.Publish:
		answer = packet.Ack{Type: packet.PUBACK, ID: q.ID}
		if q.QoS == 2 {
			answer.Type = packet.PUBREC
		}
		if q.QoS == 1 || !s.open[q.ID] {
			s.heard[string(q.Payload)]++
		}
		if q.QoS == 2 {
			s.open[q.ID] = true
		}
	case *packet.Ack:
		delete(s.open, q.ID)
		answer = packet.Ack{Type: packet.PUBCOMP, ID: q.ID}
	default:
		return nil
	}
	return answer.Append(nil, packet.V5)
}
