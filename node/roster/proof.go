package roster

import (
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"errors"

	"github.com/meshd/meshd/node/identity"
)

// ErrJoinProof says that a join was not signed with the token's key on this
// very connection.
var ErrJoinProof = errors.New("the join is not signed with the token's key")

// exporterLen is the length of the TLS exporter (RFC 8446 section 7.5) that a
// proof is bound to.
const exporterLen = 32

// Sign proves that the joiner holds the token, without sending it: an Ed25519
// signature over what is only true of this TLS connection and this node, so
// that neither a relay nor a replay can use it. exporter are the connection's
// 32 bytes, pin is the joiner's own key. It is nil where exporter has another
// length.
func (t JoinToken) Sign(exporter []byte, id identity.NodeID, pin identity.Pin, raftID string) []byte {
	msg, err := joinMessage(exporter, t.MeshID, t.ID, id, pin, raftID)
	if err != nil {
		return nil
	}
	return ed25519.Sign(ed25519.NewKeyFromSeed(t.Seed[:]), msg)
}

// VerifyJoin checks a proof with the public key from the state. tokenID, id
// and raftID are what the joiner claims, pin is what its TLS certificate
// showed. The error is ErrJoinProof, whatever is wrong.
func VerifyJoin(pub ed25519.PublicKey, exporter []byte, meshID, tokenID string, id identity.NodeID, pin identity.Pin, raftID string, signature []byte) error {
	msg, err := joinMessage(exporter, meshID, tokenID, id, pin, raftID)
	if err != nil || len(pub) != ed25519.PublicKeySize || !ed25519.Verify(pub, msg, signature) {
		return ErrJoinProof
	}
	return nil
}

// joinMessage is what is signed. Fields of varying length carry their length,
// so that no two joins share a message.
func joinMessage(exporter []byte, meshID, tokenID string, id identity.NodeID, pin identity.Pin, raftID string) ([]byte, error) {
	mesh, err := hex.DecodeString(meshID)
	if err != nil || len(mesh) != 16 || len(exporter) != exporterLen || len(id) > maxID || len(raftID) > maxRaftID || !tokenGrammar.MatchString(tokenID) {
		return nil, ErrJoinProof
	}
	b := []byte("meshd-join\x00\x01")
	b = append(b, exporter...)
	b = append(b, mesh...)
	b = append(b, tokenID...)
	b = append(b, pin[:]...)
	for _, s := range []string{string(id), raftID} {
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return b, nil
}
