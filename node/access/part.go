package access

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/fxamacker/cbor/v2"
	"github.com/meshd/meshd/consensus"
)

// PartName is the name the part is registered under.
const PartName = "access"

const (
	tableMeta = consensus.Table("access/meta") // "keys" → meta
	tableKeys = consensus.Table("access/keys") // key id → record
)

var keyMeta = []byte("keys")

// meta counts, so that a command need not.
type meta struct {
	Keys   int `cbor:"1,keyasint"`
	Admins int `cbor:"2,keyasint"` // not revoked
}

// kind numbers the commands; numbers are never reused.
type kind uint16

const (
	kindCreate kind = iota + 1
	kindRevoke
)

type envelope struct {
	Kind kind            `cbor:"1,keyasint"`
	Body cbor.RawMessage `cbor:"2,keyasint"`
}

type create struct {
	ID        string            `cbor:"1,keyasint"`
	Name      string            `cbor:"2,keyasint"`
	Role      Role              `cbor:"3,keyasint"`
	Scopes    []string          `cbor:"4,keyasint,omitempty"`
	Hash      [sha256.Size]byte `cbor:"5,keyasint"`
	CreatedBy string            `cbor:"6,keyasint,omitempty"`
}

type revoke struct {
	ID string `cbor:"1,keyasint"`
}

// Revocation is what revoking a key came to.
type Revocation struct {
	Key KeyInfo `cbor:"1,keyasint"`
	// LastAdmin says that no key with the role admin is left: only the socket
	// of each node, and its environment key, open what an admin may do.
	LastAdmin bool `cbor:"2,keyasint,omitempty"`
}

// Part is the keys in the replicated state, and an index of the valid ones in
// memory that is renewed before the command that changed them is answered.
type Part struct {
	index atomic.Pointer[index]
}

// index is the valid keys by id, as one commit left them.
type index struct {
	generation uint64 // of one Part, counted from 1
	keys       map[string]valid
}

// valid is one key that opens.
type valid struct {
	hash      [sha256.Size]byte
	principal Principal
}

var (
	_ consensus.Part     = (*Part)(nil)
	_ consensus.Observer = (*Part)(nil)
)

// NewPart returns the part.
func NewPart() *Part {
	p := &Part{}
	p.index.Store(&index{generation: 1})
	return p
}

// Name implements consensus.Part.
func (p *Part) Name() string { return PartName }

// Tables implements consensus.Part.
func (p *Part) Tables() []consensus.Table { return []consensus.Table{tableMeta, tableKeys} }

// Apply implements consensus.Part.
func (p *Part) Apply(w consensus.Writer, c consensus.Command) ([]byte, error) {
	var e envelope
	if err := decode(c.Body, &e); err != nil {
		return nil, err
	}
	switch e.Kind {
	case kindCreate:
		var b create
		if err := decode(e.Body, &b); err != nil {
			return nil, err
		}
		info, err := applyCreate(w, c, b)
		if err != nil {
			return nil, err
		}
		return consensus.Encode(info), nil
	case kindRevoke:
		var b revoke
		if err := decode(e.Body, &b); err != nil {
			return nil, err
		}
		r, err := applyRevoke(w, c, b)
		if err != nil {
			return nil, err
		}
		return consensus.Encode(r), nil
	}
	return nil, refuse(CodeUpgradeNode, fmt.Sprintf("access command %d is unknown to this version; upgrade this node", e.Kind))
}

func decode(data []byte, v any) error {
	if err := consensus.Decode(data, v); err != nil {
		return refuse(CodeUpgradeNode, "an access command holds what this version cannot read; upgrade this node")
	}
	return nil
}

func (b *create) check() error {
	if !idGrammar.MatchString(b.ID) || len(b.CreatedBy) > maxCreatedBy {
		return refuse(CodeInvalid, "the key's id or creator is out of bounds")
	}
	for _, err := range []error{checkName(b.Name), checkRole(b.Role), checkScopes(b.Scopes)} {
		if err != nil {
			return err
		}
	}
	return nil
}

func applyCreate(w consensus.Writer, c consensus.Command, b create) (KeyInfo, error) {
	if err := b.check(); err != nil {
		return KeyInfo{}, err
	}
	if w.Get(tableKeys, []byte(b.ID)) != nil {
		return KeyInfo{}, refuse(CodeKeyExists, "a key with this id exists; make another")
	}
	m, err := loadMeta(w)
	if err != nil {
		return KeyInfo{}, err
	}
	if err := forget(w, c.Time, &m); err != nil {
		return KeyInfo{}, err
	}
	if m.Keys >= MaxKeys {
		return KeyInfo{}, refuse(CodeTooMany, fmt.Sprintf("there are %d keys, the limit; revoked ones go away after 30 days", MaxKeys))
	}
	info := KeyInfo{ID: b.ID, Name: b.Name, Role: b.Role, Scopes: b.Scopes, CreatedAt: c.Time.UnixMilli(), CreatedBy: b.CreatedBy}
	m.Keys++
	if b.Role == RoleAdmin {
		m.Admins++
	}
	w.Put(tableKeys, []byte(b.ID), consensus.Encode(record{KeyInfo: info, Hash: b.Hash}))
	w.Put(tableMeta, keyMeta, consensus.Encode(m))
	return info, nil
}

// keepRevoked is how long a revoked key is still listed.
const keepRevoked = 30 * 24 * time.Hour

func forget(w consensus.Writer, now time.Time, m *meta) error {
	var old []string
	for k, v := range w.Scan(tableKeys, nil, nil) {
		var r record
		if err := consensus.Decode(v, &r); err != nil {
			return err
		}
		if r.RevokedAt != 0 && now.UnixMilli()-r.RevokedAt > keepRevoked.Milliseconds() {
			old = append(old, string(k))
		}
	}
	for _, id := range old {
		w.Delete(tableKeys, []byte(id))
	}
	m.Keys -= len(old)
	return nil
}

func applyRevoke(w consensus.Writer, c consensus.Command, b revoke) (Revocation, error) {
	data := w.Get(tableKeys, []byte(b.ID))
	if data == nil {
		return Revocation{}, refuse(CodeKeyUnknown, "there is no key with this id; `meshd apikey list` shows them")
	}
	var r record
	if err := consensus.Decode(data, &r); err != nil {
		return Revocation{}, err
	}
	m, err := loadMeta(w)
	if err != nil {
		return Revocation{}, err
	}
	if r.RevokedAt == 0 {
		r.RevokedAt = c.Time.UnixMilli()
		if r.Role == RoleAdmin {
			m.Admins--
		}
		w.Put(tableKeys, []byte(b.ID), consensus.Encode(r))
		w.Put(tableMeta, keyMeta, consensus.Encode(m))
	}
	return Revocation{Key: r.KeyInfo, LastAdmin: r.Role == RoleAdmin && m.Admins == 0}, nil
}

func loadMeta(r consensus.Reader) (m meta, err error) {
	if data := r.Get(tableMeta, keyMeta); data != nil {
		err = consensus.Decode(data, &m)
	}
	return m, err
}

// Committed implements consensus.Observer.
func (p *Part) Committed(r consensus.Reader) { p.Reset(r) }

// Reset implements consensus.Observer.
func (p *Part) Reset(r consensus.Reader) {
	keys := map[string]valid{}
	for _, v := range r.Scan(tableKeys, nil, nil) {
		var k record
		if err := consensus.Decode(v, &k); err != nil {
			// A key that cannot be read opens nothing.
			slog.Error("an API key cannot be read from the state", "error", err)
			continue
		}
		if k.RevokedAt == 0 {
			keys[k.ID] = valid{hash: k.Hash, principal: Principal{ID: k.ID, Name: k.Name, Role: k.Role, Scopes: k.Scopes, Kind: KindKey}}
		}
	}
	for {
		was := p.index.Load()
		if p.index.CompareAndSwap(was, &index{generation: was.generation + 1, keys: keys}) {
			return
		}
	}
}
