package notify

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/alert"
)

// speech says pages on the loudspeaker of the box, by Debian's aplay: a
// recording of the kind where there is one, else what espeak-ng reads out. The
// address is the language, zh or en.
type speech struct {
	config Speech
	mu     sync.Mutex                         // one voice at a time
	notice atomic.Pointer[context.CancelFunc] // ends what is spoken, nil if that is a call for help
}

// speaking is how long one announcement may take; an attempt at a page is over
// before that, and then its result is unknown.
const speaking = 30 * time.Second

func (s *speech) Send(ctx context.Context, address string, p alert.Page) alert.Result {
	lang, voice := texts.Chinese, "cmn"
	if address == "en" {
		lang, voice = texts.English, "en"
	}
	high := p.Priority == alert.High
	if !s.mu.TryLock() {
		hush := s.notice.Load()
		if !high || hush == nil {
			return alert.Result{Class: alert.Temporary, Detail: "still speaking"}
		}
		(*hush)()
		s.mu.Lock() // it ends at once
	}
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, speaking)
	defer cancel()
	s.notice.Store(nil)
	if !high {
		s.notice.Store(&cancel)
	}

	play := exec.CommandContext(ctx, "aplay", "-q", "-D", s.config.Device)
	if file := filepath.Join(s.config.Sounds, string(p.Kind)+".wav"); s.config.Sounds != "" && exists(file) {
		play.Args = append(play.Args, file)
		return spoken(ctx, play.Run())
	}
	say := exec.CommandContext(ctx, "espeak-ng", "-v", voice, "-s", "140", "--stdout", p.Title(lang))
	sound, err := say.Output()
	if err != nil {
		return spoken(ctx, err)
	}
	in, err := play.StdinPipe()
	if err != nil {
		return spoken(ctx, err)
	}
	if err := play.Start(); err != nil {
		return spoken(ctx, err)
	}
	_, err = in.Write(sound)
	return spoken(ctx, errors.Join(err, in.Close(), play.Wait()))
}

// Check tells whether what is needed is installed.
func (s *speech) Check(context.Context) alert.Result {
	_, aplay := exec.LookPath("aplay")
	_, espeak := exec.LookPath("espeak-ng")
	if err := errors.Join(aplay, espeak); err != nil {
		return spoken(context.Background(), err)
	}
	return alert.Result{Class: alert.Accepted}
}

func spoken(ctx context.Context, err error) alert.Result {
	switch {
	case err == nil:
		return alert.Result{Class: alert.Accepted, Detail: "spoken"}
	case errors.Is(err, exec.ErrNotFound):
		return alert.Result{Class: alert.Permanent, Detail: "not installed: apt install alsa-utils espeak-ng"}
	case ctx.Err() != nil:
		return alert.Result{Class: alert.Unknown, Detail: "cut off"}
	}
	return alert.Result{Class: alert.Temporary, Detail: "the sound device refuses"}
}

func exists(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular()
}
