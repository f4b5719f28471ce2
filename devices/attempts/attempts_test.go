package attempts

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/linli-edge/gateway/devices"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	attacker = netip.MustParseAddr("192.168.1.66")
	elder    = netip.MustParseAddr("192.168.1.20")
)

// bubble is a clock of the bubble's time.
func bubble() devices.Clock {
	began := time.Now()
	return func() devices.Stamp { return devices.Stamp{Boot: devices.BootID{1}, Mono: time.Since(began)} }
}

// Guessing is slow, from one address and at one name; the right device is
// late by three seconds at most, and not for long.
func TestGuessingIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(bubble())
		began := time.Now()
		const guesses = 100
		for i := range guesses {
			user := "sos-302"
			if i%2 == 1 {
				user = fmt.Sprint("other-", i) // the address counts as well
			}
			a.Wait(t.Context(), attacker, user)
			a.Told(attacker, user, false)
		}
		if took := time.Since(began); took < (guesses-10)*longest {
			t.Errorf("%d guesses took %v only", guesses, took)
		}
		if wait := a.Wait(t.Context(), elder, "sos-302"); wait == 0 || wait > longest {
			t.Errorf("the device whose secret is guessed waits %v", wait)
		}
		a.Told(elder, "sos-302", true)
		if wait := a.Wait(t.Context(), elder, "sos-302"); wait != 0 {
			t.Errorf("again, it waits %v", wait)
		}
		if wait := a.Wait(t.Context(), elder, "sos-303"); wait != 0 {
			t.Errorf("another device waits %v", wait)
		}
		if a.Wait(t.Context(), attacker, "sos-302") == 0 {
			t.Error("a success of the device has forgiven the address that guesses")
		}
		time.Sleep(maxCount * forgive)
		if wait := a.Wait(t.Context(), attacker, "sos-302"); wait != 0 {
			t.Errorf("after a quiet while it waits %v", wait)
		}
	})
}

func TestMistakesAreFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(bubble())
		for range free {
			a.Told(elder, "sos-302", false)
			if wait := a.Wait(t.Context(), elder, "sos-302"); wait != 0 {
				t.Errorf("a mistake costs %v", wait)
			}
		}
		a.Told(elder, "sos-302", false)
		if wait := a.Wait(t.Context(), elder, "sos-302"); wait != first {
			t.Errorf("one more costs %v", wait)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		began := time.Now()
		if a.Wait(ctx, elder, "sos-302"); time.Since(began) > 0 {
			t.Error("waits for who has gone")
		}
	})
}

// A flood of names and addresses takes bounded memory, does not make one who
// guesses forgotten, and a machine is known by its network in IPv6.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := New(bubble())
		for i := range 10 * maxKept {
			time.Sleep(time.Millisecond)
			a.Told(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), fmt.Sprint("name-", i), false)
			if i%100 == 0 {
				a.Told(attacker, fmt.Sprintf("%01000d", i), false)
			}
		}
		if a.Wait(t.Context(), attacker, "x") == 0 {
			t.Error("who guesses is forgotten among many")
		}
		if len(a.users) > maxKept || len(a.addresses) > maxKept {
			t.Errorf("%d names, %d addresses are kept", len(a.users), len(a.addresses))
		}
		for i := range 10 {
			a.Told(netip.MustParseAddr(fmt.Sprintf("fd12::%d", i)), "", false)
		}
		if a.Wait(t.Context(), netip.MustParseAddr("fd12::ffff%eth0"), "x") == 0 {
			t.Error("another address of the same machine is free")
		}
		if a.Wait(t.Context(), netip.MustParseAddr("fd12:0:0:1::1"), "x") != 0 {
			t.Error("another network is not")
		}
	})
}
