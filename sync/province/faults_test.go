package province

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/devices/locker"
)

func removeState(dir, name string) error {
	return os.Remove(filepath.Join(dir, "journal", name+".state"))
}

// flaky is a line, and a platform behind it, on which everything goes wrong
// that can.
type flaky struct {
	random   *rand.Rand
	platform *platform
	old      []func() // requests that somebody on the way may repeat
	calm     bool
	faults   map[string]int
}

var errLine = errors.New("connection reset by peer")

func (f *flaky) disturb(req *http.Request, body []byte, deliver func() (*http.Response, error)) (*http.Response, error) {
	if f.calm {
		return deliver()
	}
	f.old = append(f.old, func() { f.platform.deliver(req, body).Body.Close() })
	fault := []string{
		"none", "none", "none", "lost", "answer lost", "killed before the answer", "killed before the request",
		"twice", "an old one again", "unavailable", "garbage", "a receipt missing", "body spoilt", "portal", "redirect",
	}[f.random.IntN(15)]
	f.faults[fault]++
	switch fault {
	case "lost":
		return nil, errLine
	case "answer lost":
		_, _ = deliver()
		return nil, errLine
	case "killed before the answer":
		_, _ = deliver()
		f.platform.restart()
		return nil, errLine
	case "killed before the request":
		f.platform.restart()
	case "twice":
		_, _ = deliver()
	case "an old one again":
		f.old[f.random.IntN(len(f.old))]()
	case "unavailable":
		return answer(503, ""), nil
	case "garbage":
		_, _ = deliver()
		return answer(200, "{"), nil
	case "a receipt missing":
		return answer(200, `{"receipts":[]}`), nil
	case "body spoilt":
		return f.platform.deliver(req, []byte(strings.Replace(string(body), `numerator":`, `numerator":1`, 1))), nil
	case "portal":
		return answer(400, "<html>"), nil
	case "redirect":
		r := answer(302, "")
		r.Header.Set("Location", "https://elsewhere.example/")
		return r, nil
	}
	return deliver()
}

// Whatever is killed, lost, repeated or reordered, between box and platform or
// on either side: in the end the platform has counted what has happened. See
// TestKill in cmd/gateway for the same with real processes on a real line.
func TestExactlyOnce(t *testing.T) {
	rounds := 6
	if os.Getenv("LINLI_CAMPAIGN") == "1" {
		rounds = 200
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	faults := map[string]int{}
	for round := range rounds {
		dir := t.TempDir()
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, uint64(round)))
			p := newPlatform(t, dir)
			line := &flaky{random: rand.New(rand.NewPCG(seed, uint64(rounds+round))), platform: p, faults: faults}
			p.disturb = line.disturb
			b := newBox(t, dir, p)
			inside := map[int]bool{}
			var deposits, pickups int64
			for range 40 {
				for range random.IntN(5) {
					n := random.IntN(20) + 1
					if inside[n] {
						b.record("l1", locker.PickedUp{Compartment: n})
						pickups++
					} else {
						b.record("l1", locker.Deposited{Compartment: n})
						deposits++
					}
					inside[n] = !inside[n]
				}
				switch random.IntN(8) {
				case 0:
					b.restart()
				case 1:
					p.mu.Lock()
					p.restart()
					p.mu.Unlock()
				}
				pass(time.Duration(random.IntN(20_000)) * time.Millisecond)
			}
			pass(time.Minute) // the last rows go through the faults too
			p.mu.Lock()
			line.calm = true
			p.mu.Unlock()
			for waited := 0; b.status().Backlog > 0 && waited < 60; waited++ {
				pass(10 * time.Second)
			}
			check := func() {
				t.Helper()
				if s := b.status(); s.Backlog != 0 || s.SetAside != 0 || s.LastError != nil {
					t.Errorf("round %d: %+v", round, s)
				}
				if got := p.total("parcel.deposits"); got != deposits {
					t.Errorf("round %d: %d deposits, happened %d", round, got, deposits)
				}
				if got := p.total("parcel.pickups"); got != pickups {
					t.Errorf("round %d: %d pickups, happened %d", round, got, pickups)
				}
			}
			check()
			for _, again := range line.old {
				again()
			}
			check()
			b.stop()
			p.stop()
		})
	}
	t.Logf("%d rounds, faults: %v", rounds, faults)
	for _, fault := range []string{"answer lost", "killed before the answer", "an old one again", "body spoilt"} {
		if faults[fault] == 0 {
			t.Errorf("%s never happened", fault)
		}
	}
}
