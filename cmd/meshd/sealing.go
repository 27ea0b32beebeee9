package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

// Who may open a backup is decided here, on the machine of whoever takes or
// restores it: no node ever sees a passphrase or a key.

// minPassphrase keeps out what is guessed in seconds.
const minPassphrase = 8

// maxWorkFactor bounds what opening a hostile file costs: 1 GiB of memory.
const maxWorkFactor = 20

const passphraseVariable = "MESHD_BACKUP_PASSPHRASE"

// phrase is how a passphrase is given.
type phrase struct {
	wanted bool
	file   string
}

func (p *phrase) flags(cmd *cobra.Command, use string) {
	cmd.Flags().BoolVar(&p.wanted, "passphrase", false, use+" a passphrase, asked for on the terminal")
	cmd.Flags().StringVar(&p.file, "passphrase-file", "", "file with the passphrase, - for standard input ("+passphraseVariable+"_FILE; the passphrase itself: "+passphraseVariable+")")
}

// given returns a passphrase that need not be asked for, "" where there is none.
func (a *app) given(ctx context.Context, p phrase) (string, error) {
	switch {
	case p.file != "":
		return a.secret(ctx, p.file)
	case a.sys.Get(passphraseVariable) != "":
		return a.sys.Get(passphraseVariable), nil
	case a.sys.Get(passphraseVariable+"_FILE") != "":
		return a.secret(ctx, a.sys.Get(passphraseVariable+"_FILE"))
	}
	return "", nil
}

// sealers are who will be able to open a backup, and how that is called. A
// backup is never written for anybody to read: without a word about it a person
// is asked for a passphrase, and a script is refused.
func (a *app) sealers(ctx context.Context, names []string, p phrase) ([]age.Recipient, string, error) {
	if len(names) > 0 {
		if p.wanted || p.file != "" {
			return nil, "", exit.New(exit.Usage, "a backup is sealed to recipients or with a passphrase, not both", "give --recipient or --passphrase")
		}
		return recipients(names)
	}
	text, err := a.given(ctx, p)
	if err != nil {
		return nil, "", err
	}
	if text == "" {
		printer := a.printer()
		if p.wanted && !printer.Interactive() {
			return nil, "", exit.New(exit.Usage, "there is no terminal to ask for the passphrase on", "give it by --passphrase-file or "+passphraseVariable)
		}
		if !printer.Interactive() {
			return nil, "", exit.New(exit.Usage, "a backup holds everything the mesh knows and is never written unencrypted",
				"say who may open it: --recipient age1… (repeatable), or a passphrase by --passphrase-file or "+passphraseVariable)
		}
		if !p.wanted {
			printer.Hint("The backup is sealed with a passphrase; --recipient age1… seals it to keys.")
		}
		if text, err = printer.Passphrase(ctx, "Passphrase for the backup", true); err != nil {
			return nil, "", err
		}
	}
	if len(text) < minPassphrase {
		return nil, "", exit.New(exit.Usage, fmt.Sprintf("a passphrase has %d characters or more", minPassphrase), "a few random words are best")
	}
	r, err := age.NewScryptRecipient(text)
	if err != nil {
		return nil, "", exit.New(exit.Usage, "the passphrase cannot be used: "+err.Error(), "")
	}
	return []age.Recipient{r}, "passphrase", nil
}

func recipients(names []string) (list []age.Recipient, how string, err error) {
	hybrid := 0
	for _, name := range names {
		parsed, err := age.ParseRecipients(strings.NewReader(name))
		switch {
		case strings.HasPrefix(name, "AGE-SECRET-KEY-"):
			return nil, "", exit.New(exit.Usage, "that is a secret key, not a recipient", "age-keygen -y FILE prints the recipient of a key; keep the key itself to yourself")
		case err != nil || len(parsed) != 1:
			return nil, "", exit.New(exit.Usage, fmt.Sprintf("--recipient %q is no recipient of age", name), "it begins with age1pq1 (post-quantum) or age1, as age-keygen prints it")
		}
		if _, ok := parsed[0].(*age.HybridRecipient); ok {
			hybrid++
		}
		list = append(list, parsed[0])
	}
	if hybrid > 0 && hybrid < len(list) {
		return nil, "", exit.New(exit.Usage, "post-quantum recipients (age1pq1…) and others cannot open one file", "give recipients of one kind: the weaker kind would decide for all")
	}
	return list, "recipients", nil
}

// unlock opens an age file with keys, or with a passphrase that is asked for
// once it is known that the file needs one. It remembers the way, so that the
// file can be opened again at no cost.
type unlock struct {
	keys []age.Identity
	ask  func() (string, error)
	way  []byte // the file's key
}

var (
	errNeedsKey   = errors.New("the backup is sealed to recipients")
	errWrongKey   = errors.New("none of the keys opens it")
	errWrongWords = errors.New("the passphrase does not open it")
)

// Unwrap implements age.Identity.
func (u *unlock) Unwrap(stanzas []*age.Stanza) (key []byte, err error) {
	switch {
	case u.way != nil:
		return u.way, nil
	case len(stanzas) == 1 && stanzas[0].Type == "scrypt":
		text, err := u.ask()
		if err != nil {
			return nil, err
		}
		id, err := age.NewScryptIdentity(text)
		if err != nil {
			return nil, errWrongWords
		}
		id.SetMaxWorkFactor(maxWorkFactor)
		if u.way, err = id.Unwrap(stanzas); errors.Is(err, age.ErrIncorrectIdentity) {
			err = errWrongWords
		}
		return u.way, err
	case len(u.keys) == 0:
		return nil, errNeedsKey
	}
	for _, k := range u.keys {
		if u.way, err = k.Unwrap(stanzas); err == nil || !errors.Is(err, age.ErrIncorrectIdentity) {
			return u.way, err
		}
	}
	return nil, errWrongKey
}

// unlocker is what opens a backup to be restored.
func (a *app) unlocker(ctx context.Context, identities []string, p phrase) (*unlock, error) {
	u := &unlock{ask: func() (string, error) {
		text, err := a.given(ctx, p)
		if err == nil && text == "" {
			text, err = a.printer().Passphrase(ctx, "Passphrase of the backup", false)
		}
		return text, err
	}}
	for _, path := range identities {
		f, err := open(ctx, "the key", path)
		if err != nil {
			return nil, err
		}
		keys, err := age.ParseIdentities(newInterruptibleReader(ctx, f))
		f.Close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			return nil, exit.New(exit.Usage, path+" holds no keys of age", "it has a line that begins with AGE-SECRET-KEY-, as age-keygen writes it")
		}
		u.keys = append(u.keys, keys...)
	}
	return u, nil
}
