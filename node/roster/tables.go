package roster

import (
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

// Tables of the part. names, pins and rafts are indexes: they keep admission
// from reading every member.
const (
	tableMeta       = consensus.Table("roster/meta")       // "mesh" → meta, "tokens" → tokenMeta
	tableMembers    = consensus.Table("roster/members")    // node id → Member
	tableTombstones = consensus.Table("roster/tombstones") // node id → Tombstone
	tableNames      = consensus.Table("roster/names")      // name → node id
	tablePins       = consensus.Table("roster/pins")       // pin → node id, of members and tombstones
	tableRafts      = consensus.Table("roster/rafts")      // raft id → seatOwner, of every log there ever was
	tableTokens     = consensus.Table("roster/tokens")     // token id → Token
)

var (
	keyMesh   = []byte("mesh")
	keyTokens = []byte("tokens")
)

// meta is the head of the roster.
type meta struct {
	MeshID     string `cbor:"1,keyasint"`
	MeshName   string `cbor:"2,keyasint"`
	Revision   uint64 `cbor:"3,keyasint"`
	Members    int    `cbor:"4,keyasint"`
	Leaving    int    `cbor:"5,keyasint"`
	Tombstones int    `cbor:"6,keyasint"`
}

type tokenMeta struct {
	Tokens int `cbor:"1,keyasint"`
}

// seatOwner remembers a raft id for ever: a log that was given up must not
// come back, since it may have lost what others count on.
type seatOwner struct {
	ID      identity.NodeID `cbor:"1,keyasint"`
	Retired bool            `cbor:"2,keyasint,omitempty"`
}

func load[T any](r consensus.Reader, t consensus.Table, key []byte) (v T, ok bool, err error) {
	data := r.Get(t, key)
	if data == nil {
		return v, false, nil
	}
	err = consensus.Decode(data, &v)
	return v, err == nil, err
}

func store(w consensus.Writer, t consensus.Table, key []byte, v any) {
	w.Put(t, key, consensus.Encode(v))
}

// readRoster builds the value of the roster from its tables.
func readRoster(r consensus.Reader) (*Roster, error) {
	m, ok, err := load[meta](r, tableMeta, keyMesh)
	if err != nil || !ok {
		return &Roster{}, err
	}
	out := &Roster{MeshID: m.MeshID, MeshName: m.MeshName, Revision: m.Revision}
	for _, v := range r.Scan(tableMembers, nil, nil) {
		var m Member
		if err := consensus.Decode(v, &m); err != nil {
			return nil, err
		}
		out.Members = append(out.Members, m)
	}
	for _, v := range r.Scan(tableTombstones, nil, nil) {
		var t Tombstone
		if err := consensus.Decode(v, &t); err != nil {
			return nil, err
		}
		out.Tombstones = append(out.Tombstones, t)
	}
	return out, nil
}
