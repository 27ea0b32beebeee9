package wire

import (
	"fmt"
	"time"

	"github.com/meshd/meshd/node/identity"
)

// In TLS 1.3 a dial succeeds though the server is about to refuse the
// certificate, and TLS cannot say why it refuses. So the dialling side speaks
// first, and nothing is delivered before the answer says ok.

const maxHello = 4 << 10

type hello struct {
	MeshID   string          `cbor:"1,keyasint"`
	NodeID   identity.NodeID `cbor:"2,keyasint"`
	Revision uint64          `cbor:"3,keyasint"`
	// Clock is Unix time in milliseconds.
	Clock   int64  `cbor:"4,keyasint"`
	Version string `cbor:"5,keyasint"`
	// Incarnation tells a restarted process from one that dials again.
	Incarnation uint64 `cbor:"6,keyasint"`
	// Dial numbers the dials of one incarnation, so that one overtaken on
	// the way is not taken for the newest.
	Dial uint64 `cbor:"7,keyasint"`
	// Traffic says that frames of traffic are understood.
	Traffic bool `cbor:"8,keyasint,omitempty"`
}

type answerCode uint8

const (
	answerOK answerCode = iota + 1
	answerRemoved
	answerWrongMesh
	answerNotReplica
	answerNotMember
	answerNotReady
	answerBadHello
)

type answer struct {
	Code        answerCode `cbor:"1,keyasint"`
	Sentence    string     `cbor:"2,keyasint,omitempty"`
	MeshID      string     `cbor:"3,keyasint,omitempty"`
	Revision    uint64     `cbor:"4,keyasint,omitempty"`
	Clock       int64      `cbor:"5,keyasint"`
	Version     string     `cbor:"6,keyasint,omitempty"`
	Incarnation uint64     `cbor:"7,keyasint,omitempty"`
	Traffic     bool       `cbor:"8,keyasint,omitempty"`
}

func (a answer) err() error {
	var sentinel error
	switch a.Code {
	case answerOK:
		return nil
	case answerRemoved:
		sentinel = ErrRemoved
	case answerWrongMesh:
		sentinel = ErrWrongMesh
	case answerNotReplica:
		sentinel = ErrNotReplica
	case answerNotMember:
		sentinel = ErrNotMember
	case answerNotReady:
		sentinel = ErrNotReady
	default:
		return fmt.Errorf("the other node refused the hello: %q", a.Sentence)
	}
	return fmt.Errorf("%w: the other node says %q", sentinel, a.Sentence)
}

func (p *Port) hello() hello {
	return hello{
		MeshID:      p.trust.MeshID(),
		NodeID:      p.id,
		Revision:    p.trust.Revision(),
		Clock:       p.clock().UnixMilli(),
		Version:     p.version,
		Incarnation: p.incarnation,
		Dial:        p.dials.Add(1),
		Traffic:     p.traffic.Load() != nil,
	}
}

// judge decides on a hello that came over a connection with this key.
func (p *Port) judge(protocol string, pin identity.Pin, h hello) (Peer, answer) {
	peer, verdict := p.trust.ByPin(pin)
	refuse := func(code answerCode, sentence string) (Peer, answer) {
		return peer, answer{Code: code, Sentence: sentence, Clock: p.clock().UnixMilli()}
	}
	switch {
	case verdict == Removed:
		return refuse(answerRemoved, "this node was removed from the mesh for ever; it can only join again as a new node")
	case verdict != Member:
		return refuse(answerNotMember, "this key is not of a member")
	case h.MeshID != p.trust.MeshID():
		return refuse(answerWrongMesh, "the mesh here is "+p.trust.MeshID())
	case h.NodeID != peer.ID:
		return refuse(answerBadHello, "the key belongs to another node id")
	case peer.ID == p.id:
		peer, a := refuse(answerBadHello, "a node does not connect to itself")
		a.Incarnation = p.incarnation // tells this process from another with its key
		return peer, a
	case protocol == ProtocolRaft && !peer.Replica:
		return refuse(answerNotReplica, "this node is not a replica in the roster here")
	case !p.ready(protocol):
		return refuse(answerNotReady, protocol+" is not open here yet")
	}
	return peer, answer{
		Code:        answerOK,
		MeshID:      p.trust.MeshID(),
		Revision:    p.trust.Revision(),
		Clock:       p.clock().UnixMilli(),
		Version:     p.version,
		Incarnation: p.incarnation,
		Traffic:     p.traffic.Load() != nil,
	}
}

// offset estimates how far the other clock is ahead, from its reading within
// an exchange that lasted from sent to received here.
func offset(theirs time.Time, sent, received time.Time) time.Duration {
	return theirs.Sub(sent.Add(received.Sub(sent) / 2))
}
