package graphsync

import (
	"bytes"
	"crypto/sha256"
	"fmt"

	"github.com/meshd/meshd/consensus"
)

// Sizes of an observation's keys.
const (
	obsKeySize   = 3 + 5 + 5
	obsValueSize = 3 + 5 + 1
	textHashSize = 16
)

// obsPlace is where an observation lies.
type obsPlace struct {
	ns       nsID
	node, id uint64
}

// appendValue is the observation's value in tObsAt. Former lists the nodes that
// it spoke of before, 5 bytes each: its past lies with them.
func (p obsPlace) appendValue(b []byte, ended bool, former []byte) []byte {
	b = appendNodeKey(b, p.ns, p.node)
	if ended {
		return append(append(b, goneEnded), former...)
	}
	return append(append(b, 0), former...)
}

func parseObsKey(k []byte) (obsPlace, bool) {
	if len(k) != obsKeySize {
		return obsPlace{}, false
	}
	return obsPlace{ns: readSymbol(k), node: readID(k[3:]), id: readID(k[8:])}, true
}

// parseObsValue reads tObsAt; ended says that the place is in the history.
func parseObsValue(id uint64, v []byte) (p obsPlace, ended, ok bool) {
	if len(v) < obsValueSize || (len(v)-obsValueSize)%5 != 0 {
		return obsPlace{}, false, false
	}
	return obsPlace{ns: readSymbol(v), node: readID(v[3:]), id: id}, v[obsValueSize-1] != 0, true
}

// appendTextKey is the key in tObsText: a node's current observations by a hash
// of their text (SHA-256, cut), which no two texts share.
func appendTextKey(b []byte, ns nsID, node uint64, text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return append(appendNodeKey(b, ns, node), sum[:textHashSize]...)
}

func (o *obsRecord) encode(b []byte) []byte {
	f := mapFields(b)
	o.stamp.encode(&f)
	f.text(10, o.Text)
	f.bytesIf(14, o.Props)
	o.provenance.encode(&f)
	return f.end()
}

// read reads a record in the form encode writes; its properties are a part of v.
func (o *obsRecord) read(v []byte) bool {
	r := cborReader{b: v}
	r.members(func(name uint64) bool {
		switch name {
		case 10:
			o.Text = r.text()
		case 14:
			o.Props = r.bytes()
		default:
			return o.stamp.member(&r, name) || o.provenance.member(&r, name)
		}
		return true
	})
	return r.whole()
}

// decodeObs reads an observation's record and copies all of it.
func decodeObs(v []byte) (obsRecord, error) {
	var o obsRecord
	if !o.read(v) {
		o = obsRecord{}
		if err := consensus.Decode(v, &o); err != nil {
			return o, fmt.Errorf("%w: %w", errRecord, err)
		}
	}
	o.Props = bytes.Clone(o.Props)
	if o.Version == 0 || o.Text == "" || len(o.Text) > MaxText || !goodProps(o.Props) || !o.good() {
		return o, errRecord
	}
	return o, nil
}
