package access

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// MinEnvKey is the least length of a key from the environment, in bytes.
const MinEnvKey = 32

// Service makes, lists, revokes and checks keys. Its methods return a
// *consensus.Refusal where the mesh says no, and the errors of consensus.State
// where it could not be asked. Safe for concurrent use.
type Service struct {
	state  consensus.State
	part   *Part
	hasEnv bool
	env    [sha256.Size]byte
}

// NewService returns the service over a state that has the part. envKey, which
// may be empty, is a key with the role admin that this node alone accepts,
// from MESHD_API_KEY; one that is short or could not stand in a header is an
// error.
func NewService(state consensus.State, part *Part, envKey string) (*Service, error) {
	s := &Service{state: state, part: part}
	if envKey == "" {
		return s, nil
	}
	if len(envKey) < MinEnvKey {
		return nil, fmt.Errorf("the key in MESHD_API_KEY has %d bytes and needs at least %d; make one with `openssl rand -base64 32`", len(envKey), MinEnvKey)
	}
	if len(envKey) > maxCredential || !visible(envKey) {
		return nil, fmt.Errorf("the key in MESHD_API_KEY is over %d bytes or holds spaces or characters beyond ASCII; make one with `openssl rand -base64 32`", maxCredential)
	}
	s.hasEnv, s.env = true, sha256.Sum256([]byte(envKey))
	return s, nil
}

// NewKey is what an API key is to be.
type NewKey struct {
	Name string
	Role Role
	// Scopes narrow the role; order and repetition do not matter.
	Scopes []string
	// CreatedBy is the id of the principal that asks.
	CreatedBy string
	// Idempotency may be nil.
	Idempotency *consensus.IdempotencyKey
}

// Create makes a key on behalf of the local operator; see CreateKey.
func (s *Service) Create(ctx context.Context, name string, role Role, scopes []string) (KeyInfo, string, error) {
	return s.CreateKey(ctx, NewKey{Name: name, Role: role, Scopes: scopes, CreatedBy: Operator().ID})
}

// CreateKey makes a key at this node and registers its hash. The returned
// secret exists nowhere else. A call repeated under the same idempotency key
// returns what was made, without the secret and with the refusal SHOWN_ONCE.
// After consensus.ErrUnknown a key may stand in the list that nobody has.
func (s *Service) CreateKey(ctx context.Context, n NewKey) (KeyInfo, string, error) {
	scopes := slices.Clone(n.Scopes)
	slices.Sort(scopes)
	scopes = slices.Compact(scopes)
	id, key := mint(len(scopes) > 0)
	body := create{ID: id, Name: n.Name, Role: n.Role, Scopes: scopes, Hash: sha256.Sum256([]byte(key)), CreatedBy: n.CreatedBy}
	if err := body.check(); err != nil {
		return KeyInfo{}, "", err // not worth a line in the log
	}
	var info KeyInfo
	replayed, err := s.propose(ctx, kindCreate, body, n.Idempotency, &info)
	switch {
	case err != nil:
		return KeyInfo{}, "", err
	case replayed:
		return info, "", refuse(CodeShownOnce, "this key was made before and shown then; make another if it is lost")
	}
	return info, key, nil
}

// Revoke ends a key on every node; revoking it again changes nothing. It
// returns once this node refuses the key.
func (s *Service) Revoke(ctx context.Context, id string) (Revocation, error) {
	var r Revocation
	_, err := s.propose(ctx, kindRevoke, revoke{ID: id}, nil, &r)
	return r, err
}

func (s *Service) propose(ctx context.Context, k kind, body any, idem *consensus.IdempotencyKey, result any) (replayed bool, err error) {
	out, err := s.state.Propose(ctx, consensus.Proposal{
		Part: PartName, Body: consensus.Encode(envelope{Kind: k, Body: consensus.Encode(body)}), Idempotency: idem,
	})
	if err != nil {
		return false, err
	}
	return out.Replayed, consensus.Decode(out.Result, result)
}

// List returns the keys in order of id, those revoked less than 30 days ago
// and a little longer included.
func (s *Service) List(ctx context.Context) (keys []KeyInfo, err error) {
	_, err = s.state.View(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		for _, v := range r.Scan(tableKeys, nil, nil) {
			var k record
			if err := consensus.Decode(v, &k); err != nil {
				return err
			}
			keys = append(keys, k.KeyInfo)
		}
		return nil
	})
	return keys, err
}

// Generation changes with whatever changes an answer of Authenticate, before
// the command that did so is answered; it is never 0. What was good at a
// generation, asked for before Authenticate, is good as long as that stands.
func (s *Service) Generation() uint64 { return s.part.index.Load().generation }

// Admin says whether the principal of an id may do what an administrator may: by
// a key that is good at this moment, by the local socket or by the environment's
// key, here or at another node.
func (s *Service) Admin(id string) bool {
	return id == operatorID || id == envID || s.part.index.Load().keys[id].principal.Role == RoleAdmin
}

// Authenticate says who holds a credential: ErrNoCredential where there is
// none, ErrBadCredential where it opens nothing. It asks nobody and needs no
// leader.
func (s *Service) Authenticate(credential string) (Principal, error) {
	if credential == "" {
		return Principal{}, ErrNoCredential
	}
	if len(credential) > maxCredential {
		return Principal{}, ErrBadCredential
	}
	sum := sha256.Sum256([]byte(credential))
	if s.hasEnv && subtle.ConstantTimeCompare(sum[:], s.env[:]) == 1 {
		return Principal{ID: envID, Name: "MESHD_API_KEY", Role: RoleAdmin, Kind: KindEnv}, nil
	}
	id, shaped := keyID(credential)
	// An id that is not there is compared with a hash that nothing has, so
	// that the time does not tell which ids exist.
	k, known := s.part.index.Load().keys[id]
	if equal := subtle.ConstantTimeCompare(sum[:], k.hash[:]) == 1; !shaped || !known || !equal {
		return Principal{}, ErrBadCredential
	}
	return k.principal, nil
}
