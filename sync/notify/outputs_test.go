package notify

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linli-edge/gateway/sync/alert"
	"github.com/linli-edge/gateway/sync/notify/notifytest"
)

var (
	_ alert.Siren = commanded{}
	_ alert.Siren = (*Outputs)(nil)
	_ alert.Siren = (*notifytest.Siren)(nil)
)

// A lamp that hangs holds up no siren, and shows the latest state when it
// comes back.
func TestOutputsBesideEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		siren, lamp := &notifytest.Siren{}, &notifytest.Siren{}
		lamp.Hang()
		both := NewOutputs(siren, lamp)
		set := func(sound alert.Sound) error {
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			return both.Set(ctx, sound)
		}
		if err := set(alert.ForHelp); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if sound, at := siren.State(); sound != alert.ForHelp || time.Since(at) != 2*time.Second {
			t.Errorf("siren plays %q, for %s", sound, time.Since(at))
		}
		if err := set(alert.Quiet); !errors.Is(err, errBusy) {
			t.Errorf("%v", err)
		}
		if sound, _ := siren.State(); sound != alert.Quiet {
			t.Error("the siren goes on beside a lamp that hangs")
		}
		lamp.Mend()
		synctest.Wait()
		if err := set(alert.ForHelp); err != nil {
			t.Error(err)
		}
		if sound, _ := lamp.State(); sound != alert.ForHelp {
			t.Error("the lamp is off")
		}
		if err := set(alert.Quiet); err != nil {
			t.Error(err)
		}
		if sound, _ := lamp.State(); sound != alert.Quiet {
			t.Error("the lamp is on")
		}
	})
}

func TestSirenByCommand(t *testing.T) {
	var said []string
	s := NewSiren(Siren{Topic: "zigbee2mqtt/siren/set", On: "ON", Off: "OFF", Evacuate: "FIRE"}, func(_ context.Context, topic string, payload []byte, qos byte, retain bool) error {
		said = append(said, topic+" "+string(payload))
		if qos != 1 || retain {
			t.Errorf("qos %d, retain %t", qos, retain)
		}
		if len(said) > 3 {
			return io.ErrClosedPipe
		}
		return nil
	})
	for _, sound := range []alert.Sound{alert.ForHelp, alert.Evacuate, alert.Quiet} {
		if err := s.Set(t.Context(), sound); err != nil {
			t.Error(err)
		}
	}
	if err := s.Set(t.Context(), alert.ForHelp); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("%v", err)
	}
	if got := strings.Join(said[:3], ", "); got != "zigbee2mqtt/siren/set ON, zigbee2mqtt/siren/set FIRE, zigbee2mqtt/siren/set OFF" {
		t.Error(got)
	}
}

// The box speaks by Debian's own tools, into a sound device that keeps silent;
// a recording goes before the voice.
func TestSpeech(t *testing.T) {
	sounds := t.TempDir()
	if out, err := exec.Command("espeak-ng", "-w", filepath.Join(sounds, "fall.wav"), "fall").CombinedOutput(); err != nil {
		t.Fatalf("espeak-ng (is it installed? run make deps): %v\n%s", err, out)
	}
	s := &speech{config: Speech{Device: "null", Sounds: sounds}}
	if r := s.Check(t.Context()); r.Class != alert.Accepted {
		t.Fatalf("%+v (run make deps)", r)
	}
	fall := page()
	fall.Kind = alert.Fall
	for _, p := range []alert.Page{page(), fall} {
		for _, voice := range []string{"zh", "en"} {
			if r := s.Send(t.Context(), voice, p); r != (alert.Result{Class: alert.Accepted, Detail: "spoken"}) {
				t.Errorf("%s in %s: %+v", p.Kind, voice, r)
			}
		}
	}
	if err := os.WriteFile(filepath.Join(sounds, "fall.wav"), []byte("no sound"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.config.Device = "nowhere"
	if r := s.Send(t.Context(), "zh", page()); r.Class != alert.Temporary {
		t.Errorf("no such device: %+v", r)
	}
	t.Setenv("PATH", sounds)
	if r := s.Send(t.Context(), "zh", page()); r.Class != alert.Permanent || s.Check(t.Context()).Class != alert.Permanent {
		t.Errorf("not installed: %+v", r)
	}
}

// A call for help is not spoken after a notice, but in its place; another call
// for help is not cut off.
func TestSpeechOfACallCutsANoticeOff(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"sos.wav": "", "inactivity.wav": "", "fall.wav": "",
		"aplay": "#!/bin/sh\ncase \"$*\" in *sos.wav) exit;; esac\n: >$0.speaks\nexec /bin/sleep 600\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	s := &speech{config: Speech{Device: "null", Sounds: dir}}
	for _, c := range []struct {
		kind     alert.Kind
		priority alert.Priority
		want     alert.Result // of the call meanwhile
	}{
		{alert.Inactivity, alert.Medium, alert.Result{Class: alert.Accepted, Detail: "spoken"}},
		{alert.Fall, alert.High, alert.Result{Class: alert.Temporary, Detail: "still speaking"}},
	} {
		first := page()
		first.Kind, first.Priority = c.kind, c.priority
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan alert.Result)
		go func() { ended <- s.Send(ctx, "zh", first) }()
		speaks := filepath.Join(dir, "aplay.speaks")
		until(t, "it speaks", func() bool { return exists(speaks) })
		if r := s.Send(t.Context(), "zh", page()); r != c.want {
			t.Errorf("a call during %s: %+v", c.kind, r)
		}
		stop()
		if r := <-ended; r != (alert.Result{Class: alert.Unknown, Detail: "cut off"}) {
			t.Errorf("%s: %+v", c.kind, r)
		}
		if err := os.Remove(speaks); err != nil {
			t.Fatal(err)
		}
	}
}
