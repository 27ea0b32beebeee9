package roster

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

// Service proposes the commands of the roster and reads its tables. Its
// methods return a *consensus.Refusal where the mesh says no, and the errors
// of consensus.State where it could not be asked; after consensus.ErrUnknown
// every command but CreateToken may simply be sent again. Safe for concurrent
// use.
//
// It knows no caller: who may propose what is checked before.
type Service struct{ state consensus.State }

// NewService returns the service over a state that has the Part.
func NewService(state consensus.State) *Service { return &Service{state: state} }

// propose sends one command and decodes its result.
func propose[R any](ctx context.Context, s *Service, k kind, body any, idem *consensus.IdempotencyKey) (r R, out consensus.Outcome, err error) {
	out, err = s.state.Propose(ctx, consensus.Proposal{Part: PartName, Body: encodeCommand(k, body), Idempotency: idem})
	if err != nil {
		return r, out, err
	}
	return r, out, consensus.Decode(out.Result, &r)
}

func propose1[R any](ctx context.Context, s *Service, k kind, body any) (R, error) {
	r, _, err := propose[R](ctx, s, k, body, nil)
	return r, err
}

// NewMeshID returns a random mesh id of 128 bits.
func NewMeshID() string {
	var id [16]byte
	rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}

// Found makes the mesh. Founding the same mesh with the same member again is
// no error; any other mesh is refused as MESH_EXISTS.
func (s *Service) Found(ctx context.Context, f Founding) (Member, error) {
	f.Member.Name = lower(f.Member.Name)
	return propose1[Member](ctx, s, kindFound, f)
}

// Check applies the rules of admission to the state this node has, so that an
// entry node refuses early what the mesh would refuse. now is the node's own
// clock; the later of it and the mesh's time counts. It returns the token,
// whose key must have signed the join.
func (s *Service) Check(ctx context.Context, a Admission, now time.Time) (Token, error) {
	var v verdict
	a.Name = lower(a.Name)
	_, err := s.state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) (err error) {
		if t := r.Time(); t.After(now) {
			now = t
		}
		v, err = judge(r, a, now)
		return err
	})
	return v.token, err
}

// Admit lets a node in, or brings one that is in up to date. The same
// admission sent twice counts once.
func (s *Service) Admit(ctx context.Context, a Admission) (Admitted, error) {
	a.Name = lower(a.Name)
	m := a.member()
	if err := m.check(); err != nil {
		return Admitted{}, err // not worth a line in the log
	}
	return propose1[Admitted](ctx, s, kindAdmit, a)
}

// Update replaces what a member says about itself. The result has the name the
// member really got.
func (s *Service) Update(ctx context.Context, c Change) (Member, error) {
	if c.Name != nil {
		name := lower(*c.Name)
		c.Name = &name
	}
	if err := c.check(); err != nil {
		return Member{}, err
	}
	return propose1[Member](ctx, s, kindUpdate, c)
}

// Reseat gives a member a new raft id in place of the old one; it is refused
// as RAFT_ID_CHANGED where old is not its raft id any more. The old id never
// comes back.
func (s *Service) Reseat(ctx context.Context, id identity.NodeID, old, raftID string) (Member, error) {
	return propose1[Member](ctx, s, kindReseat, reseat{ID: id, Old: old, New: raftID})
}

// Leave marks a member as leaving: it gives up its seat and is then forgotten.
func (s *Service) Leave(ctx context.Context, id identity.NodeID) (Member, error) {
	return propose1[Member](ctx, s, kindLeave, nodeRef{ID: id})
}

// Vacate marks a member as leaving because it is to be removed: it cannot take
// that back by itself.
func (s *Service) Vacate(ctx context.Context, id identity.NodeID) (Member, error) {
	return propose1[Member](ctx, s, kindVacate, nodeRef{ID: id})
}

// Spare takes back Vacate.
func (s *Service) Spare(ctx context.Context, id identity.NodeID) (Member, error) {
	return propose1[Member](ctx, s, kindSpare, nodeRef{ID: id})
}

// Stay takes back Leave, and refuses where the member is being removed.
func (s *Service) Stay(ctx context.Context, id identity.NodeID) (Member, error) {
	return propose1[Member](ctx, s, kindStay, nodeRef{ID: id})
}

// Forget takes a member that is leaving off the list. It may come back by a
// new token.
func (s *Service) Forget(ctx context.Context, id identity.NodeID) (Member, error) {
	return propose1[Member](ctx, s, kindForget, nodeRef{ID: id})
}

// Remove takes a member off the list for ever and revokes the join tokens made
// at it. Removing it again returns the same tombstone.
func (s *Service) Remove(ctx context.Context, id identity.NodeID) (Tombstone, error) {
	return propose1[Tombstone](ctx, s, kindRemove, nodeRef{ID: id})
}

// NewToken is what a join token is to be.
type NewToken struct {
	// Role is RoleMember where empty.
	Role Role
	// TTL counts from the moment the mesh has taken the token.
	TTL  time.Duration
	Uses uint32
	Name string
	// CreatedBy is the node the token is made at.
	CreatedBy identity.NodeID
	// Pins (1 to 3) and Addresses (1 to 3) say whom the joiner will find.
	Pins      []identity.Pin
	Addresses []string
	// Idempotency may be nil.
	Idempotency *consensus.IdempotencyKey
}

// CreateToken makes a join token at this node and registers its public half.
// The secret exists in the returned JoinToken only. A call repeated under the
// same idempotency key returns the token that was made, without the secret and
// with the refusal SHOWN_ONCE.
func (s *Service) CreateToken(ctx context.Context, n NewToken) (Token, JoinToken, error) {
	var meshID string
	_, err := s.state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		m, err := mesh(r)
		meshID = m.MeshID
		return err
	})
	if err != nil {
		return Token{}, JoinToken{}, err
	}
	join := JoinToken{MeshID: meshID, Pins: n.Pins, Addresses: n.Addresses}
	var id [8]byte
	rand.Read(id[:])
	rand.Read(join.Seed[:])
	join.ID = hex.EncodeToString(id[:])
	if err := join.check(); err != nil {
		return Token{}, JoinToken{}, err
	}
	role := n.Role
	if role == "" {
		role = RoleMember
	}
	body := createToken{ID: join.ID, PublicKey: join.PublicKey(), Role: role, Name: n.Name, Uses: n.Uses,
		TTLMillis: n.TTL.Milliseconds(), CreatedBy: n.CreatedBy}
	if err := body.check(); err != nil {
		return Token{}, JoinToken{}, err
	}
	t, out, err := propose[Token](ctx, s, kindCreateToken, body, n.Idempotency)
	switch {
	case err != nil:
		return Token{}, JoinToken{}, err
	case out.Replayed:
		return t, JoinToken{}, refuse(CodeShownOnce, "this join token was made before and shown then; make another if it is lost")
	}
	return t, join, nil
}

// RevokeToken ends a token; revoking it again changes nothing.
func (s *Service) RevokeToken(ctx context.Context, id string) (Token, error) {
	return propose1[Token](ctx, s, kindRevokeToken, tokenRef{ID: id})
}

// Tokens returns every token this node knows of, in order of id, those that
// ended less than 30 days ago and a little longer included. Judge them with
// Token.Condition by the node's clock: the mesh's time stands still while
// nobody writes.
func (s *Service) Tokens(ctx context.Context) (tokens []Token, err error) {
	_, err = s.state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		for _, v := range r.Scan(tableTokens, nil, nil) {
			var t Token
			if err := consensus.Decode(v, &t); err != nil {
				return err
			}
			tokens = append(tokens, t)
		}
		return nil
	})
	return tokens, err
}

// Token returns one token, or the refusal TOKEN_UNKNOWN.
func (s *Service) Token(ctx context.Context, id string) (t Token, err error) {
	_, err = s.state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		var ok bool
		if t, ok, err = load[Token](r, tableTokens, []byte(id)); err == nil && !ok {
			err = refuseNoToken(id)
		}
		return err
	})
	return t, err
}

// Roster reads the roster at a stated consistency; Part.Roster is the one at
// hand.
func (s *Service) Roster(ctx context.Context, o consensus.ReadOptions) (out *Roster, err error) {
	_, err = s.state.View(ctx, o, func(r consensus.Reader) (err error) {
		out, err = readRoster(r)
		return err
	})
	return out, err
}

// PublicKey returns the half of the token's key that the mesh keeps.
func (t *JoinToken) PublicKey() ed25519.PublicKey {
	return ed25519.NewKeyFromSeed(t.Seed[:]).Public().(ed25519.PublicKey)
}
