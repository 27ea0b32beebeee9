package roster

import (
	"crypto/ed25519"

	"github.com/fxamacker/cbor/v2"
	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/identity"
)

// kind numbers the commands. Numbers are never reused: an older node must be
// able to tell that it does not know one.
type kind uint16

const (
	kindFound kind = iota + 1
	kindAdmit
	kindUpdate
	kindReseat
	kindLeave
	kindStay
	kindForget
	kindRemove
	kindCreateToken
	kindRevokeToken
	kindRefound
	kindVacate
	kindSpare
)

// envelope is a command as it stands in the log. The body is decoded only once
// the kind is known, so that an unknown kind is told from garbage.
type envelope struct {
	Kind kind            `cbor:"1,keyasint"`
	Body cbor.RawMessage `cbor:"2,keyasint"`
}

func encodeCommand(k kind, body any) []byte {
	return consensus.Encode(envelope{Kind: k, Body: consensus.Encode(body)})
}

// Founding makes a mesh with its first member.
type Founding struct {
	// MeshID is random, from NewMeshID.
	MeshID   string `cbor:"1,keyasint"`
	MeshName string `cbor:"2,keyasint"`
	// Member is the founder; the state sets role, times and revision.
	Member Member `cbor:"3,keyasint"`
}

// Admission asks to let a node in. Whoever proposes it vouches that the node
// holds the key of Pin and has signed with the token's key.
type Admission struct {
	TokenID   string          `cbor:"1,keyasint"`
	ID        identity.NodeID `cbor:"2,keyasint"`
	Name      string          `cbor:"3,keyasint"`
	Pin       identity.Pin    `cbor:"4,keyasint"`
	RaftID    string          `cbor:"5,keyasint"`
	Addresses []string        `cbor:"6,keyasint,omitempty"`
	Role      Role            `cbor:"7,keyasint"`
	NoVote    bool            `cbor:"8,keyasint,omitempty"`
	Recipient string          `cbor:"9,keyasint,omitempty"`
	Version   string          `cbor:"10,keyasint,omitempty"`
	Level     uint32          `cbor:"11,keyasint,omitempty"`
}

// Admitted is what an admission came to.
type Admitted struct {
	Member Member `cbor:"1,keyasint"`
	// Renamed says that the name asked for belonged to another member and
	// Member.Name carries a number behind it.
	Renamed bool `cbor:"2,keyasint,omitempty"`
	// Reintroduced says that the node had been a member already.
	Reintroduced bool `cbor:"3,keyasint,omitempty"`
	// Repeated says that this very admission had been done before and that no
	// further use of the token was counted.
	Repeated bool `cbor:"4,keyasint,omitempty"`
}

// Change replaces what a member says about itself; nil fields stay. The node
// that proposes it has made sure that it speaks for ID.
type Change struct {
	ID        identity.NodeID `cbor:"1,keyasint"`
	Addresses *[]string       `cbor:"2,keyasint,omitempty"`
	Name      *string         `cbor:"3,keyasint,omitempty"`
	Version   *string         `cbor:"4,keyasint,omitempty"`
	Level     *uint32         `cbor:"5,keyasint,omitempty"`
	NoVote    *bool           `cbor:"6,keyasint,omitempty"`
	Recipient *string         `cbor:"7,keyasint,omitempty"`
}

type reseat struct {
	ID  identity.NodeID `cbor:"1,keyasint"`
	Old string          `cbor:"2,keyasint"`
	New string          `cbor:"3,keyasint"`
}

// nodeRef is the body of leave, stay, vacate, spare, forget and remove.
type nodeRef struct {
	ID identity.NodeID `cbor:"1,keyasint"`
}

type createToken struct {
	ID        string            `cbor:"1,keyasint"`
	PublicKey ed25519.PublicKey `cbor:"2,keyasint"`
	Role      Role              `cbor:"3,keyasint"`
	Name      string            `cbor:"4,keyasint,omitempty"`
	Uses      uint32            `cbor:"5,keyasint"`
	// TTLMillis counts from the command's own time, so that the proposer's
	// clock does not matter.
	TTLMillis int64           `cbor:"6,keyasint"`
	CreatedBy identity.NodeID `cbor:"7,keyasint"`
}

type tokenRef struct {
	ID string `cbor:"1,keyasint"`
}

// decodeBody reads the body of a known kind. A field that this version does
// not know means that a newer one wrote it.
func decodeBody(data []byte, v any) error {
	if err := consensus.Decode(data, v); err != nil {
		return refuse(CodeUpgradeNode, "a roster command holds what this version cannot read; upgrade this node")
	}
	return nil
}
