package notifytest

import (
	"context"
	"sync"
	"time"

	"github.com/linli-edge/gateway/sync/alert"
)

// Siren is a siren or lamp that remembers its state.
type Siren struct {
	mu    sync.Mutex
	sound alert.Sound
	at    time.Time
	hung  chan struct{}
}

// Set switches it, or hangs, whatever becomes of ctx.
func (s *Siren) Set(_ context.Context, sound alert.Sound) error {
	s.mu.Lock()
	hung := s.hung
	s.mu.Unlock()
	if hung != nil {
		<-hung
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if sound != s.sound || s.at.IsZero() {
		s.at = time.Now()
	}
	s.sound = sound
	return nil
}

// State is what it plays, and since when.
func (s *Siren) State() (sound alert.Sound, since time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sound, s.at
}

// Hang makes it take commands and never return, until Mend.
func (s *Siren) Hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hung = make(chan struct{})
}

// Mend ends that.
func (s *Siren) Mend() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.hung)
	s.hung = nil
}
