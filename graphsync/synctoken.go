package graphsync

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/meshd/meshd/consensus"
)

// A token is a place in the order of changes, for one mesh and one filter:
//
//	version(1) mesh(8) revision(8) inside(1) order(4) filter(8) check(3)
//
// in base64url without padding. Mesh, filter and check are beginnings of
// SHA-256. It is opaque to clients and means the same at every node.
const (
	tokenVersion = 1
	tokenSize    = 1 + 8 + 8 + 1 + 4 + 8 + tokenCheck
	tokenCheck   = 3
)

// syncToken is a token taken apart.
type syncToken struct {
	mesh, filter uint64
	at           Position
}

func (t syncToken) String() string {
	b := make([]byte, 0, tokenSize)
	b = binary.BigEndian.AppendUint64(append(b, tokenVersion), t.mesh)
	b = binary.BigEndian.AppendUint64(b, t.at.Revision)
	inside := byte(0)
	if t.at.Inside {
		inside = 1
	}
	b = binary.BigEndian.AppendUint32(append(b, inside), t.at.Order)
	b = binary.BigEndian.AppendUint64(b, t.filter)
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(append(b, sum[:tokenCheck]...))
}

// parseToken reads what String writes, and nothing else.
func parseToken(s string) (t syncToken, ok bool) {
	if len(s) != base64.RawURLEncoding.EncodedLen(tokenSize) {
		return t, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || b[0] != tokenVersion || b[17] > 1 {
		return t, false
	}
	body := b[:tokenSize-tokenCheck]
	if sum := sha256.Sum256(body); string(sum[:tokenCheck]) != string(b[len(body):]) {
		return t, false
	}
	t.mesh, t.filter = binary.BigEndian.Uint64(b[1:]), binary.BigEndian.Uint64(b[22:])
	t.at = Position{Revision: binary.BigEndian.Uint64(b[9:]), Inside: b[17] == 1, Order: binary.BigEndian.Uint32(b[18:])}
	if !t.at.Inside && t.at.Order != 0 || t.at.Inside && t.at.Revision == 0 {
		return syncToken{}, false
	}
	return t, true
}

func shortHash(b []byte) uint64 {
	sum := sha256.Sum256(b)
	return binary.BigEndian.Uint64(sum[:])
}

func (y Sync) meshHash() uint64 { return shortHash([]byte(y.mesh)) }

// hash is the same for filters that want the same; check has normalised them.
func (f *WatchFilter) hash() uint64 {
	sorted := func(list []string) []string {
		list = slices.Clone(list)
		slices.Sort(list)
		return slices.Compact(list)
	}
	return shortHash(consensus.Encode([]any{f.Namespace, sorted(f.Kinds), sorted(f.NodeTypes), sorted(f.EdgeTypes),
		slices.Compact(slices.Clone(f.Nodes)), sorted(f.keys)}))
}

// Token is the token of a place for a filter.
func (y Sync) Token(f WatchFilter, p Position) (string, error) {
	if r := f.check(); r != nil {
		return "", r
	}
	return y.token(&f, p), nil
}

func (y Sync) token(f *WatchFilter, p Position) string {
	return syncToken{y.meshHash(), f.hash(), p}.String()
}

// Position reads a token that was given out for a filter, and refuses one of
// another filter (OTHER_FILTER) or mesh (OTHER_MESH).
func (y Sync) Position(f WatchFilter, token string) (Position, error) {
	if r := f.check(); r != nil {
		return Position{}, r
	}
	p, r := y.position(&f, token)
	if r != nil {
		return p, r
	}
	return p, nil
}

func (y Sync) position(f *WatchFilter, token string) (Position, *consensus.Refusal) {
	t, r := y.ownToken(token)
	if r != nil {
		return Position{}, r
	}
	if t.filter != f.hash() {
		return Position{}, refuse(CodeOtherFilter, "since", "the token was given out for another filter: take a snapshot with this one")
	}
	return t.at, nil
}

// ownToken reads a token of this mesh.
func (y Sync) ownToken(token string) (syncToken, *consensus.Refusal) {
	t, ok := parseToken(token)
	if !ok {
		return t, refuse(CodeToken, "since", "the token is not one that this mesh gives out")
	}
	if t.mesh != y.meshHash() {
		return t, resync(refuse(CodeOtherMesh, "since", "the token is another mesh's: take a snapshot of this one"))
	}
	return t, nil
}

// resync says in a refusal that a snapshot is the way on. It copies: a refusal
// may be shared.
func resync(r *consensus.Refusal) *consensus.Refusal {
	out := &consensus.Refusal{Code: r.Code, Sentence: r.Sentence, Details: map[string]string{"resync": "true"}}
	for k, v := range r.Details {
		out.Details[k] = v
	}
	return out
}
