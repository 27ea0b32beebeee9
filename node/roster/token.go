package roster

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"github.com/meshd/meshd/node/identity"
)

// Token is what the mesh knows of a join token: the public half only, so that
// neither the state nor a backup lets anyone in.
type Token struct {
	// ID is 16 hexadecimal digits.
	ID        string            `cbor:"1,keyasint"`
	PublicKey ed25519.PublicKey `cbor:"2,keyasint"`
	Role      Role              `cbor:"3,keyasint"`
	Name      string            `cbor:"4,keyasint,omitempty"`
	// Uses is how many admissions it is good for, Used how many it has had.
	Uses uint32 `cbor:"5,keyasint"`
	Used uint32 `cbor:"6,keyasint,omitempty"`
	// Times are mesh time in unix milliseconds; RevokedAt is 0 while it stands.
	CreatedAt int64 `cbor:"7,keyasint"`
	ExpiresAt int64 `cbor:"8,keyasint"`
	RevokedAt int64 `cbor:"9,keyasint,omitempty"`
	// CreatedBy is the node it was made at; removing that node revokes it.
	CreatedBy identity.NodeID `cbor:"10,keyasint"`
}

// Conditions a token can be in.
const (
	TokenValid   = "valid"
	TokenExpired = "expired"
	TokenUsedUp  = "used_up"
	TokenRevoked = "revoked"
)

// Condition says in one word whether the token admits anyone at a time.
func (t *Token) Condition(now time.Time) string {
	switch {
	case t.RevokedAt != 0:
		return TokenRevoked
	case t.Used >= t.Uses:
		return TokenUsedUp
	case now.UnixMilli() >= t.ExpiresAt:
		return TokenExpired
	}
	return TokenValid
}

// usable turns a condition into the refusal a joiner reads.
func (t *Token) usable(now time.Time) error {
	switch t.Condition(now) {
	case TokenRevoked:
		return refuse(CodeTokenRevoked, fmt.Sprintf("join token %s was revoked; make a new one with `meshd token create` on a member", t.ID))
	case TokenUsedUp:
		return refuse(CodeTokenUsedUp, fmt.Sprintf("join token %s has had all its uses (%d); make a new one with `meshd token create` on a member", t.ID, t.Uses))
	case TokenExpired:
		return refuse(CodeTokenExpired, fmt.Sprintf("join token %s expired at %s; make a new one with `meshd token create` on a member",
			t.ID, time.UnixMilli(t.ExpiresAt).UTC().Format(time.RFC3339)))
	}
	return nil
}

// keepEnded is how long a token that admits nobody is still listed.
const keepEnded = 30 * 24 * time.Hour

// forgettable says that a token ended so long ago that nobody looks for it.
func (t *Token) forgettable(now time.Time) bool {
	end := t.ExpiresAt
	if t.RevokedAt != 0 {
		end = min(end, t.RevokedAt)
	}
	return now.UnixMilli()-end > keepEnded.Milliseconds()
}
