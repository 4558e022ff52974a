// Package credentials keeps the agents' credentials: in the operating system's keyring, or, on a machine without one, in an
// encrypted file.
package credentials

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/zalando/go-keyring"
	"golang.org/x/crypto/nacl/secretbox"
	"golang.org/x/crypto/scrypt"
)

// service is the name under which the keyring has them.
const service = "headjack"

// ErrNotFound means that there is none.
var ErrNotFound = errors.New("no credential is kept")

// Store keeps one credential for each agent.
type Store struct {
	Dir        string // of the encrypted file
	Passphrase string // of the encrypted file; "" is a random key in a file beside it that only the user can read
	Keyring    bool   // whether there may be a keyring
}

// HasKeyring reports whether asking for a keyring makes sense. On Linux it is behind the session bus, and asking without one
// would start one.
func HasKeyring(getenv func(string) string) bool {
	if runtime.GOOS != "linux" {
		return true
	}
	if getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	_, err := os.Stat(fmt.Sprintf("/run/user/%d/bus", os.Getuid()))
	return err == nil
}

// Set keeps a credential and tells where.
func (s Store) Set(agent, secret string) (where string, err error) {
	if s.Keyring {
		if _, err := patiently(func() (string, error) { return "", keyring.Set(service, agent, secret) }); err == nil {
			_ = s.edit(func(all map[string]string) { delete(all, agent) }) // an older one would be found when the keyring is locked
			return "the keyring", nil
		}
	}
	return s.file(), s.edit(func(all map[string]string) { all[agent] = secret })
}

// Get finds a credential; ErrNotFound when there is none.
func (s Store) Get(agent string) (string, error) {
	if s.Keyring {
		secret, err := patiently(func() (string, error) { return keyring.Get(service, agent) })
		if err == nil {
			return secret, nil
		}
	}
	all, err := s.read()
	if err != nil {
		return "", err
	}
	secret, ok := all[agent]
	if !ok {
		return "", ErrNotFound
	}
	return secret, nil
}

// Delete forgets a credential wherever it is. None is no error.
func (s Store) Delete(agent string) error {
	if s.Keyring {
		_, err := patiently(func() (string, error) { return "", keyring.Delete(service, agent) })
		if err != nil && !errors.Is(err, keyring.ErrNotFound) && !errors.Is(err, errSilent) {
			return err
		}
	}
	return s.edit(func(all map[string]string) { delete(all, agent) })
}

// patience is how long a keyring may take: one that is locked asks its user in a window, which may be on no screen.
const patience = 5 * time.Second

var errSilent = errors.New("the keyring does not answer; it may be locked")

func patiently(f func() (string, error)) (string, error) {
	type answer struct {
		secret string
		err    error
	}
	c := make(chan answer, 1)
	go func() {
		secret, err := f()
		c <- answer{secret, err}
	}()
	select {
	case a := <-c:
		return a.secret, a.err
	case <-time.After(patience):
		return "", errSilent
	}
}

func (s Store) file() string    { return filepath.Join(s.Dir, "credentials") }
func (s Store) keyFile() string { return filepath.Join(s.Dir, "credentials.key") }

// The file is a salt, a nonce, and a sealed JSON object.
const (
	saltSize  = 16
	nonceSize = 24
)

func (s Store) read() (map[string]string, error) {
	b, err := os.ReadFile(s.file())
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	if len(b) < saltSize+nonceSize {
		return nil, s.unreadable()
	}
	key, err := s.key(b[:saltSize])
	if err != nil {
		return nil, err
	}
	plain, ok := secretbox.Open(nil, b[saltSize+nonceSize:], (*[nonceSize]byte)(b[saltSize:saltSize+nonceSize]), key)
	all := map[string]string{}
	if !ok || json.Unmarshal(plain, &all) != nil {
		return nil, s.unreadable()
	}
	return all, nil
}

func (s Store) unreadable() error {
	return fmt.Errorf("%s does not open with this key or passphrase; set HJK_LS_PASSPHRASE to the one it was made with, or delete it and run hjk-ls auth again", s.file())
}

func (s Store) edit(change func(map[string]string)) error {
	all, err := s.read()
	if err != nil {
		return err
	}
	change(all)
	if len(all) == 0 {
		if err := os.Remove(s.file()); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	plain, err := json.Marshal(all)
	if err != nil {
		return err
	}
	head := make([]byte, saltSize+nonceSize)
	_, _ = rand.Read(head) // never fails
	if err := os.MkdirAll(s.Dir, 0o700); err != nil {
		return err
	}
	key, err := s.key(head[:saltSize])
	if err != nil {
		return err
	}
	sealed := secretbox.Seal(head, plain, (*[nonceSize]byte)(head[saltSize:]), key)
	return replace(s.file(), sealed)
}

// key is derived from the passphrase, or read from its own file, which is made when missing.
func (s Store) key(salt []byte) (*[32]byte, error) {
	secret := []byte(s.Passphrase)
	if s.Passphrase == "" {
		b, err := os.ReadFile(s.keyFile())
		if errors.Is(err, fs.ErrNotExist) {
			b = make([]byte, 32)
			_, _ = rand.Read(b)
			err = replace(s.keyFile(), b)
		}
		if err != nil {
			return nil, err
		}
		secret = b
	}
	k, err := scrypt.Key(secret, salt, 1<<15, 8, 1, 32)
	if err != nil {
		return nil, err
	}
	return (*[32]byte)(k), nil
}

func replace(path string, data []byte) error {
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
