package graphsync

import (
	"encoding/binary"

	"github.com/meshd/meshd/consensus"
)

// The tables. All numbers in keys are big-endian; ns and symbols take 3 bytes,
// ids 5. DESIGN.md has them in one table with what grows beside them.
const (
	tMeta  consensus.Table = "graph/meta" // "state" → metaRecord
	tSym   consensus.Table = "graph/sym"  // kind string → symbol
	tSymr  consensus.Table = "graph/symr" // kind symbol → string
	tID    consensus.Table = "graph/i"    // node → ns
	tNode  consensus.Table = "graph/n"    // ns node → nodeRecord
	tKey   consensus.Table = "graph/x"    // ns normalised key → node
	tSPO   consensus.Table = "graph/spo"  // ns source type target edge → edgeRecord
	tOPS   consensus.Table = "graph/ops"  // ns target type source edge → bounds in time, if any
	tEdge  consensus.Table = "graph/f"    // edge → ns source type target flags
	tType  consensus.Table = "graph/ty"   // ns type node → empty
	tName  consensus.Table = "graph/nm"   // ns folded label 00 node → empty
	tCount consensus.Table = "graph/ct"   // ns kind type → count

	tObs     consensus.Table = "graph/ob" // ns node observation → obsRecord
	tObsAt   consensus.Table = "graph/o"  // observation → ns node flags
	tObsText consensus.Table = "graph/ot" // ns node hash of the text → observation
	tVector  consensus.Table = "graph/em" // ns node model → vectorRecord
	tSchema  consensus.Table = "graph/sc" // ns → schemaRecord
	tMerge   consensus.Table = "graph/mg" // merge → mergeRecord
	tExpiry  consensus.Table = "graph/ex" // ms thing → kind
	tErased  consensus.Table = "graph/er" // revision order → erasureRecord

	// What clients that work offline did, and what came of it. A client is 16
	// bytes of a hash; DESIGN.md says of what.
	tClient     consensus.Table = "graph/cl"  // client → clientRecord
	tClientRun  consensus.Table = "graph/clr" // client seq → results from that seq on
	tClientOwn  consensus.Table = "graph/clo" // client revision → empty, of what it did
	tClientAge  consensus.Table = "graph/cla" // ms client → empty
	tConflict   consensus.Table = "graph/cf"  // ns conflict → conflictRecord
	tConflictOf consensus.Table = "graph/cft" // thing conflict → ns
	tSync       consensus.Table = "graph/sy"  // ns → syncRecord
	tLease      consensus.Table = "graph/le"  // lease → leaseRecord
	tForeign    consensus.Table = "graph/fx"  // ns hash of where it comes from → thing
	tClock      consensus.Table = "graph/vc"  // thing → counters of other instances

	// The change log and what was before. endRev is the revision of the command
	// that ended a version; start that of the one that made it.
	tLog      consensus.Table = "graph/log"  // revision order → change
	tNodeHist consensus.Table = "graph/nh"   // endRev node → pastRecord
	tNodeMark consensus.Table = "graph/nhm"  // node endRev → empty, for one version in sixteen
	tNodeGone consensus.Table = "graph/ng"   // ns node → endRev, of one that ended
	tEdgeHist consensus.Table = "graph/eh"   // edge endRev → pastRecord
	tSPOHist  consensus.Table = "graph/spoh" // ns source type target edge endRev → start
	tOPSHist  consensus.Table = "graph/opsh" // ns target type source edge endRev → start
	tKeyHist  consensus.Table = "graph/xh"   // ns normalised key 00 endRev → node
	tObsHist  consensus.Table = "graph/obh"  // ns node observation endRev → pastRecord
)

var tables = []consensus.Table{tMeta, tSym, tSymr, tID, tNode, tKey, tSPO, tOPS, tEdge, tType, tName, tCount,
	tObs, tObsAt, tObsText, tVector, tSchema, tMerge, tExpiry, tErased,
	tClient, tClientRun, tClientOwn, tClientAge, tConflict, tConflictOf, tSync, tLease, tForeign, tClock,
	tLog, tNodeHist, tNodeMark, tNodeGone, tEdgeHist, tSPOHist, tOPSHist, tKeyHist, tObsHist}

// Kinds of symbols, the first byte of sym and symr keys. Each kind counts its
// own symbols from 1; 0 means none.
const (
	symNamespace byte = 'n'
	symType      byte = 't' // node and edge types
	symAuthor    byte = 'a'
	symModel     byte = 'm' // of vectors
)

// Kinds of counters.
const (
	countNodes byte = 'n'
	countEdges byte = 'e'
)

type (
	symbol uint32 // 24 bits
	nsID   = symbol
)

func appendSymbol(b []byte, s symbol) []byte {
	return append(b, byte(s>>16), byte(s>>8), byte(s))
}

func appendID(b []byte, id uint64) []byte {
	return append(b, byte(id>>32), byte(id>>24), byte(id>>16), byte(id>>8), byte(id))
}

func readSymbol(b []byte) symbol {
	return symbol(b[0])<<16 | symbol(b[1])<<8 | symbol(b[2])
}

func readID(b []byte) uint64 {
	return uint64(b[0])<<32 | uint64(binary.BigEndian.Uint32(b[1:]))
}

func appendNodeKey(b []byte, ns nsID, id uint64) []byte {
	return appendID(appendSymbol(b, ns), id)
}

func appendTypeKey(b []byte, ns nsID, typ symbol, id uint64) []byte {
	return appendID(appendSymbol(appendSymbol(b, ns), typ), id)
}

func appendNameKey(b []byte, ns nsID, name string, id uint64) []byte {
	return appendID(append(append(appendSymbol(b, ns), name...), 0), id)
}

func appendCountKey(b []byte, ns nsID, kind byte, typ symbol) []byte {
	return appendSymbol(append(appendSymbol(b, ns), kind), typ)
}

func appendSymKey(b []byte, kind byte, s string) []byte {
	return append(append(b, kind), s...)
}

func appendSymrKey(b []byte, kind byte, s symbol) []byte {
	return appendSymbol(append(b, kind), s)
}

// Sizes of whole keys.
const (
	nodeKeySize   = 3 + 5
	tripleKeySize = 3 + 5 + 3 + 5 + 5
	edgeValueSize = 3 + 5 + 3 + 5 + 1
	minNameKey    = 3 + 1 + 5
)

// triple is an edge's place: its key in spo, turned around in ops.
type triple struct {
	ns             nsID
	source, target uint64
	typ            symbol
	id             uint64
}

func (t triple) appendSPO(b []byte) []byte {
	return appendID(appendID(appendSymbol(appendID(appendSymbol(b, t.ns), t.source), t.typ), t.target), t.id)
}

func (t triple) appendOPS(b []byte) []byte {
	return appendID(appendID(appendSymbol(appendID(appendSymbol(b, t.ns), t.target), t.typ), t.source), t.id)
}

// appendValue is the edge's value in tEdge. The last byte is for flags: an edge
// that has gone to the history tables says so there.
func (t triple) appendValue(b []byte) []byte {
	b = appendID(appendSymbol(appendID(appendSymbol(b, t.ns), t.source), t.typ), t.target)
	return append(b, 0)
}

func parseSPO(k []byte) (triple, bool) {
	if len(k) != tripleKeySize {
		return triple{}, false
	}
	return triple{ns: readSymbol(k), source: readID(k[3:]), typ: readSymbol(k[8:]), target: readID(k[11:]), id: readID(k[16:])}, true
}

func parseOPS(k []byte) (triple, bool) {
	t, ok := parseSPO(k)
	t.source, t.target = t.target, t.source
	return t, ok
}

func parseEdgeValue(id uint64, v []byte) (triple, bool) {
	at, flags, ok := parseAnyEdge(id, v)
	if flags != 0 {
		return triple{}, false
	}
	return at, ok
}

// parseAnyEdge is parseEdgeValue for edges that have ended too.
func parseAnyEdge(id uint64, v []byte) (at triple, flags byte, ok bool) {
	if len(v) != edgeValueSize {
		return triple{}, 0, false
	}
	return triple{ns: readSymbol(v), source: readID(v[3:]), typ: readSymbol(v[8:]), target: readID(v[11:]), id: id}, v[edgeValueSize-1], true
}

// appendSpan starts the key of one node's edges: ns node [type [other]].
func appendSpan(b []byte, ns nsID, node uint64, typ symbol, other uint64) []byte {
	b = appendNodeKey(b, ns, node)
	if typ != 0 {
		if b = appendSymbol(b, typ); other != 0 {
			b = appendID(b, other)
		}
	}
	return b
}

// after returns the least key greater than every key that begins with prefix,
// nil where there is none. It copies.
func after(prefix []byte) []byte { return appendAfter(nil, prefix) }

// appendAfter is after, put behind b.
func appendAfter(b, prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] < 0xff {
			b = append(b, prefix[:i+1]...)
			b[len(b)-1]++
			return b
		}
	}
	return nil
}
