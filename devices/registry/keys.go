package registry

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// KeyFile is where the keys of the registry at path are: beside it, with the
// ending ".key". It has a key a line, 32 bytes in base64; a line that begins
// with # is none. The last one encrypts, all decrypt.
func KeyFile(path string) string { return strings.TrimSuffix(path, filepath.Ext(path)) + ".key" }

const keySize = 32 // of AES-256

// keyring is the keys that are at hand.
type keyring struct {
	keys []key
}

type key struct {
	secret []byte
	id     [4]byte // of its SHA-256
	cipher.AEAD
}

func newKey(secret []byte) (key, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return key{}, err
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	sum := sha256.Sum256(secret)
	return key{secret, [4]byte(sum[:4]), gcm}, err
}

// openKeys reads the keys in own, which is beside the registry, and in given,
// which somebody else keeps ("" for none). Where there is no key yet one is
// made, unless the registry is only looked at.
func openKeys(own, given string, readOnly bool) (*keyring, error) {
	ring := &keyring{}
	for _, file := range []string{own, given} {
		if file == "" {
			continue
		}
		if err := ring.read(file); err != nil {
			return nil, err
		}
	}
	if len(ring.keys) > 0 || readOnly {
		return ring, nil
	}
	secret := make([]byte, keySize)
	rand.Read(secret) // never fails
	if err := appendKey(own, secret); err != nil {
		return nil, fmt.Errorf("write key: %w", err)
	}
	k, err := newKey(secret)
	ring.keys = append(ring.keys, k)
	return ring, err
}

// read adds the keys of a file. A line that is damaged is no key.
func (r *keyring) read(file string) error {
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("read key: %w", err)
	}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		secret, err := base64.StdEncoding.DecodeString(strings.TrimSpace(lines.Text()))
		if err != nil || len(secret) != keySize {
			continue
		}
		k, err := newKey(secret)
		if err != nil {
			return err
		}
		r.keys = append(r.keys, k)
	}
	return nil
}

// appendKey writes a key behind what the file holds, and has it on disk before
// anything is encrypted with it. The file belongs to whoever owns the folder:
// root may register devices before the gateway, which is not root, has run.
func appendKey(file string, secret []byte) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "\n%s\n", base64.StdEncoding.EncodeToString(secret))
	folder := filepath.Dir(file)
	info, statErr := os.Stat(folder)
	if err = errors.Join(err, statErr); err == nil && os.Geteuid() == 0 {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok {
			err = f.Chown(int(owner.Uid), int(owner.Gid))
		}
	}
	return errors.Join(err, f.Sync(), f.Close(), syncDir(folder))
}

// KeyFile is the one of this registry.
func (r *Registry) KeyFile() string { return KeyFile(r.path) }

// Keys is what a KeyFile must hold to read this registry, for a backup.
func (r *Registry) Keys() []byte {
	var file []byte
	for _, k := range r.keys.keys {
		file = append(base64.StdEncoding.AppendEncode(file, k.secret), '\n')
	}
	return file
}

// errLocked is that of what was encrypted with a key that is not at hand.
var errLocked = errors.New("its key is missing")

func (r *keyring) encrypt(t Table, id string, plain []byte) ([]byte, error) {
	if len(r.keys) == 0 {
		return nil, errLocked
	}
	k := r.keys[len(r.keys)-1]
	return k.Seal(slices.Clone(k.id[:]), nil, plain, associated(t, id)), nil
}

// decrypt also tells whether another key than that of encrypt was needed.
func (r *keyring) decrypt(t Table, id string, sealed []byte) (plain []byte, old bool, err error) {
	for i, k := range slices.Backward(r.keys) {
		if !bytes.HasPrefix(sealed, k.id[:]) {
			continue
		}
		if plain, err = k.Open(nil, nil, sealed[len(k.id):], associated(t, id)); err == nil {
			return plain, i != len(r.keys)-1, nil
		}
	}
	return nil, false, errLocked
}

// associated binds what is encrypted to its place: nobody's name becomes
// somebody else's.
func associated(t Table, id string) []byte { return []byte(string(t) + "\x00" + id) }

// sealedField is where a document keeps its encrypted fields.
const sealedField = "sealed"

// hide encrypts the named fields of a document. kept is what stands for them
// if the document has none: what is locked is not lost by a change beside it.
func (r *keyring) hide(t Table, id string, document []byte, personal []string, kept []byte) ([]byte, error) {
	fields, hidden, err := split(document, personal)
	if err != nil || len(hidden) == 0 && kept == nil {
		return document, err
	}
	sealed := kept
	if len(hidden) > 0 {
		plain, err := json.Marshal(hidden)
		if err != nil {
			return nil, err
		}
		if sealed, err = r.encrypt(t, id, plain); err != nil {
			return nil, err
		}
	}
	if fields[sealedField], err = json.Marshal(sealed); err != nil {
		return nil, err
	}
	return json.Marshal(fields)
}

// secrecy is how the personal fields of a record were found on disk.
type secrecy uint8

const (
	hidden  secrecy = iota // encrypted, or there are none
	old                    // encrypted with an earlier key
	exposed                // in clear
	locked                 // encrypted with a key that is not at hand
)

// show is the reverse of hide. Of a locked document it gives what is in clear,
// and what is not as it stands there.
func (r *keyring) show(t Table, id string, document []byte, personal []string) (shown []byte, state secrecy, sealed []byte, err error) {
	fields, clear, err := split(document, personal)
	if err != nil {
		return nil, hidden, nil, err
	}
	if len(clear) > 0 {
		state = exposed
	}
	if value, ok := fields[sealedField]; ok {
		if err := json.Unmarshal(value, &sealed); err != nil {
			return nil, hidden, nil, err
		}
		delete(fields, sealedField)
		plain, earlier, err := r.decrypt(t, id, sealed)
		var names map[string]json.RawMessage
		switch {
		case errors.Is(err, errLocked):
			state = locked
		case err != nil:
			return nil, hidden, nil, err
		case json.Unmarshal(plain, &names) != nil:
			return nil, hidden, nil, errors.New("encrypted fields are no JSON")
		case earlier:
			state = max(state, old)
		}
		for name, v := range names {
			clear[name] = v
		}
	}
	for name, v := range clear {
		fields[name] = v
	}
	shown, err = json.Marshal(fields)
	return shown, state, sealed, err
}

// split takes the named fields out of a document.
func split(document []byte, names []string) (rest, taken map[string]json.RawMessage, err error) {
	if err := json.Unmarshal(document, &rest); err != nil {
		return nil, nil, err
	}
	taken = map[string]json.RawMessage{}
	for _, name := range names {
		if v, ok := rest[name]; ok {
			taken[name] = v
			delete(rest, name)
		}
	}
	if rest == nil {
		return nil, nil, errors.New("no document")
	}
	return rest, taken, nil
}
