package seal

import (
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
)

// maxIdentities bounds the keys that an agent may still open with.
const maxIdentities = 16

// Identity is an agent's secret: one key or, after a change of key, several.
// Safe for concurrent use. It has no String, so that it is not logged.
type Identity struct{ keys []*age.HybridIdentity }

// ParseIdentity reads the text of an identity file: a line AGE-SECRET-KEY-PQ-1…
// for each key, the newest first; empty lines and those that begin with # are
// comments. The error wraps ErrKey and never repeats the text.
func ParseIdentity(text string) (*Identity, error) {
	i := &Identity{}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, err := age.ParseHybridIdentity(line)
		if err != nil || len(i.keys) == maxIdentities {
			return nil, fmt.Errorf("%w: an identity has a line AGE-SECRET-KEY-PQ-1… for each of at most %d keys", ErrKey, maxIdentities)
		}
		i.keys = append(i.keys, k)
	}
	if len(i.keys) == 0 {
		return nil, fmt.Errorf("%w: there is no line AGE-SECRET-KEY-PQ-1… in it", ErrKey)
	}
	return i, nil
}

// Recipient is the public half of the newest key.
func (i *Identity) Recipient() string { return i.keys[0].Recipient().String() }

// Unwrap implements age.Identity. It tries one stanza only: a sealed body has
// one, and each costs a decapsulation.
func (i *Identity) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	if len(stanzas) != 1 {
		return nil, errors.New("more than one recipient")
	}
	for _, k := range i.keys {
		key, err := k.Unwrap(stanzas)
		if !errors.Is(err, age.ErrIncorrectIdentity) {
			return key, err
		}
	}
	return nil, ErrWrongKey
}
