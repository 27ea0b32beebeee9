package roster

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

func applyCreateToken(w consensus.Writer, c consensus.Command, b createToken) (Token, error) {
	if _, err := mesh(w); err != nil {
		return Token{}, err
	}
	if err := b.check(); err != nil {
		return Token{}, err
	}
	if _, err := member(w, b.CreatedBy); err != nil {
		return Token{}, err
	}
	if w.Get(tableTokens, []byte(b.ID)) != nil {
		return Token{}, refuse(CodeTokenExists, "a join token with this id exists; make another")
	}
	n, err := forgetTokens(w, c.Time)
	if err != nil {
		return Token{}, err
	}
	if n >= MaxTokens {
		return Token{}, refuse(CodeTooMany, fmt.Sprintf("there are %d join tokens, the limit; ended ones go away after 30 days, a token with more uses serves as well", MaxTokens))
	}
	t := Token{ID: b.ID, PublicKey: b.PublicKey, Role: b.Role, Name: b.Name, Uses: b.Uses,
		CreatedAt: c.Time.UnixMilli(), ExpiresAt: c.Time.UnixMilli() + b.TTLMillis, CreatedBy: b.CreatedBy}
	store(w, tableTokens, []byte(t.ID), t)
	store(w, tableMeta, keyTokens, tokenMeta{Tokens: n + 1})
	return t, nil
}

func (b *createToken) check() error {
	if !tokenGrammar.MatchString(b.ID) {
		return refuse(CodeInvalid, "a token id is 16 hexadecimal digits")
	}
	if len(b.PublicKey) != ed25519.PublicKeySize {
		return refuse(CodeInvalid, "a token's public key has 32 bytes")
	}
	if err := checkRole(b.Role); err != nil {
		return err
	}
	if b.Uses == 0 || b.Uses > MaxUses {
		return refuse(CodeInvalid, fmt.Sprintf("a token is for 1 to %d uses; change --uses", MaxUses))
	}
	if b.TTLMillis < 1000 || b.TTLMillis > MaxTTLMillis {
		return refuse(CodeInvalid, "a token lives from 1 second to 366 days; change --ttl")
	}
	return checkText("the token's name", b.Name, maxTokenName)
}

// forgetTokens drops tokens that ended long ago and returns how many are left.
// It runs when one is made, which is when the list grows.
func forgetTokens(w consensus.Writer, now time.Time) (int, error) {
	left, _, err := load[tokenMeta](w, tableMeta, keyTokens)
	if err != nil {
		return 0, err
	}
	var old []string
	for k, v := range w.Scan(tableTokens, nil, nil) {
		var t Token
		if err := consensus.Decode(v, &t); err != nil {
			return 0, err
		}
		if t.forgettable(now) {
			old = append(old, string(k))
		}
	}
	for _, id := range old {
		w.Delete(tableTokens, []byte(id))
	}
	return left.Tokens - len(old), nil
}

func applyRevokeToken(w consensus.Writer, c consensus.Command, b tokenRef) (Token, error) {
	t, ok, err := load[Token](w, tableTokens, []byte(b.ID))
	if err != nil {
		return t, err
	}
	if !ok {
		return t, refuseNoToken(b.ID)
	}
	if t.RevokedAt == 0 {
		t.RevokedAt = c.Time.UnixMilli()
		store(w, tableTokens, []byte(t.ID), t)
	}
	return t, nil
}

func refuseNoToken(id string) error {
	return refuse(CodeTokenUnknown, fmt.Sprintf("there is no join token %q; `meshd token list` shows them", clip(id)))
}

// revokeMadeAt revokes what a removed node may have handed out.
func revokeMadeAt(w consensus.Writer, c consensus.Command, id identity.NodeID) error {
	return revokeWhere(w, c, func(t Token) bool { return t.CreatedBy == id })
}

// revokeAll ends every token.
func revokeAll(w consensus.Writer, c consensus.Command) error {
	return revokeWhere(w, c, func(Token) bool { return true })
}

func revokeWhere(w consensus.Writer, c consensus.Command, match func(Token) bool) error {
	var hit []Token
	for _, v := range w.Scan(tableTokens, nil, nil) {
		var t Token
		if err := consensus.Decode(v, &t); err != nil {
			return err
		}
		if t.RevokedAt == 0 && match(t) {
			hit = append(hit, t)
		}
	}
	for _, t := range hit {
		t.RevokedAt = c.Time.UnixMilli()
		store(w, tableTokens, []byte(t.ID), t)
	}
	return nil
}
