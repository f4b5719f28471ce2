package province

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/emmansun/gmsm/sm2"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/province/contract"
)

// ownKey is a key pair that was made on this box and never leaves it: the
// content of Config.KeyFile, as JSON. The next one stands beside it, in a file
// with the suffix ".next", until the platform has taken it.
type ownKey struct {
	Algorithm string `json:"algorithm"`
	// Private is the seed of Ed25519, or the number of SM2: 32 bytes.
	Private []byte    `json:"private"`
	Made    time.Time `json:"made"`
}

const nextSuffix = ".next"

// keyLife is after how long a key is replaced by another.
const keyLife = 90 * 24 * time.Hour

func makeKey(algorithm string, now time.Time) (ownKey, error) {
	k := ownKey{Algorithm: algorithm, Private: make([]byte, 32), Made: now}
	if algorithm == contract.NameSM2 {
		private, err := sm2.GenerateKey(rand.Reader)
		if err != nil {
			return k, fmt.Errorf("make key: %w", err)
		}
		private.D.FillBytes(k.Private)
		return k, nil
	}
	_, _ = rand.Read(k.Private) // never fails
	return k, nil
}

// scheme signs with the key.
func (k ownKey) scheme(form contract.Form) (contract.Scheme, error) {
	switch {
	case len(k.Private) != 32:
		return contract.Scheme{}, errors.New("the key must have 32 bytes")
	case k.Algorithm == contract.NameSM2:
		return contract.SM2(k.Private, form)
	}
	return contract.Ed25519(ed25519.NewKeyFromSeed(k.Private)), nil
}

// public is what the platform is told of the key.
func (k ownKey) public() (contract.PublicKey, error) {
	p := contract.PublicKey{Algorithm: k.Algorithm}
	if k.Algorithm == contract.NameSM2 {
		private, err := sm2.NewPrivateKey(k.Private)
		if err != nil {
			return p, fmt.Errorf("key: %w", err)
		}
		p.Key = contract.SM2PublicKey(private)
		return p, nil
	}
	p.Key = ed25519.NewKeyFromSeed(k.Private).Public().(ed25519.PublicKey)
	return p, nil
}

// loadKey reads a key file; ok is false if there is none.
func loadKey(path string) (k ownKey, ok bool, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return k, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &k)
	}
	if err == nil && len(k.Private) != 32 {
		err = errors.New("no key")
	}
	if err != nil {
		return k, false, texts.Errorf(texts.Province.KeyFile, path, err)
	}
	return k, true, nil
}

// save writes a key file whole, or not at all.
func (k ownKey) save(path string) error {
	text, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("save key: %w", err)
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // readable by its owner only
	if err != nil {
		return fmt.Errorf("save key: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("save key: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// rename is on disk when it returns.
func rename(from, to string) error {
	if err := os.Rename(from, to); err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(to))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// nextKey is the key that the platform has not taken yet, made if there is
// none: after a crash the same one is told again.
func (s *Sender) nextKey() (ownKey, error) {
	path := s.config.KeyFile + nextSuffix
	k, ok, _ := loadKey(path) // one that cannot be read was never used, and is made anew
	if ok && k.Algorithm == s.config.Sign {
		return k, nil
	}
	k, err := makeKey(s.config.Sign, s.platformTime())
	if err != nil {
		return k, err
	}
	return k, k.save(path)
}

// Enrol tells the platform a key of this box's own, with the one-time code that
// the platform gave for it. The code may be used again until it has succeeded.
func (s *Sender) Enrol(ctx context.Context, code string) error {
	if !ownsKey(s.config.Sign) {
		return texts.Errorf(texts.Province.NoEnrolment, s.config.Sign)
	}
	s.sending.Lock()
	defer s.sending.Unlock()
	k, err := s.nextKey()
	if err != nil {
		return err
	}
	public, err := k.public()
	if err != nil {
		return err
	}
	scheme, err := k.scheme(s.config.Form)
	if err != nil {
		return err
	}
	enrol := func() error {
		return s.ask(ctx, contract.PathEnrol, scheme, contract.Enrolment{Box: s.config.Box, Code: code, PublicKey: public}, &contract.Enrolled{})
	}
	if err = enrol(); errors.Is(err, errStale) {
		err = enrol() // by the platform's clock, which it has just told
	}
	if err != nil {
		return err
	}
	return s.turnKey(scheme)
}

// turnKey goes over to the key that the platform has taken.
func (s *Sender) turnKey(scheme contract.Scheme) error {
	if err := rename(s.config.KeyFile+nextSuffix, s.config.KeyFile); err != nil {
		return fmt.Errorf("save key: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scheme = scheme
	return nil
}

// rotate replaces the key when it is old. The old one stays good at the
// platform for contract.KeyOverlap, so that a crash in between does no harm.
func (s *Sender) rotate(ctx context.Context) error {
	if !ownsKey(s.config.Sign) {
		return nil
	}
	k, ok, err := loadKey(s.config.KeyFile)
	if err != nil || !ok || s.platformTime().Sub(k.Made) < keyLife {
		return err
	}
	next, err := s.nextKey()
	if err != nil {
		return err
	}
	public, err := next.public()
	if err != nil {
		return err
	}
	scheme, err := next.scheme(s.config.Form)
	if err != nil {
		return err
	}
	if err := s.ask(ctx, contract.PathKeys, s.signer(), public, &contract.Enrolled{}); err != nil {
		return err
	}
	s.config.Logger.Info("key replaced", "destination", s.config.Name)
	return s.turnKey(scheme)
}

func (s *Sender) signer() contract.Scheme {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.scheme
}

// ownsKey tells whether a scheme signs with a key pair of the box's own.
func ownsKey(scheme string) bool { return scheme == contract.NameEd25519 || scheme == contract.NameSM2 }

// ask posts a document, and reads the answer to it.
func (s *Sender) ask(ctx context.Context, path string, scheme contract.Scheme, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	answer, err := s.request(ctx, path, contract.JSONType, body, scheme)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return failed(texts.Province.NoAnswer, err)
	}
	return nil
}

// errStale is wrapped by the failure of a request whose time was wrong.
var errStale = errors.New("stale")
