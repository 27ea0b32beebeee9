package inbox

import (
	"encoding/binary"

	"github.com/meshd/meshd/consensus"
)

// Tables. Numbers in keys are big-endian.
//
// Messages lie under their number alone, so that all of them are appended to
// one end of one table however many inboxes they are for, and mostly taken from
// the other: a commit touches few pages. Which message is in which inbox, in
// which order, is in each record, and in memory (index.go).
const (
	tableMeta    = consensus.Table("inbox/meta")  // "inbox" → meta
	tableAgent   = consensus.Table("inbox/agent") // name → agentRecord
	tableCount   = consensus.Table("inbox/count") // inbox id → counts
	tableMessage = consensus.Table("inbox/msg")   // seq → record
	tableBody    = consensus.Table("inbox/body")  // body number → bytes, of one message
	tableDead    = consensus.Table("inbox/dead")  // inbox id, seq → deadRecord
	tableBlob    = consensus.Table("inbox/blob")  // blob id → blobRecord
	tableChunk   = consensus.Table("inbox/chunk") // blob id, u16 → bytes
	tableID      = consensus.Table("inbox/id")    // hash of a message id → idRecord
	tableIDAt    = consensus.Table("inbox/idat")  // u64 → hash, in order of acceptance
	tableFrom    = consensus.Table("inbox/from")  // source, u8 → fromRecord
	tableSub     = consensus.Table("inbox/sub")   // pattern, 0, inbox id → subRecord
	tableSubOf   = consensus.Table("inbox/subof") // inbox id, pattern → subRecord
	tableKey     = consensus.Table("inbox/key")   // inbox id → keyRecord (CBOR)
	tableShare   = consensus.Table("inbox/share") // principal → share
)

var allTables = []consensus.Table{
	tableMeta, tableAgent, tableCount, tableMessage, tableBody, tableDead, tableBlob,
	tableChunk, tableID, tableIDAt, tableFrom, tableSub, tableSubOf, tableKey, tableShare,
}

var keyMeta = []byte("inbox")

func appendKey(b []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(b, n) }

// pairKey is the key of dead letters.
func pairKey(a, b uint64) []byte { return appendKey(key64(a), b) }

// after is the first key above all that begin with the given number.
func after(n uint64) []byte { return key64(n + 1) }

func chunkKey(b blobID, n int) []byte {
	return binary.BigEndian.AppendUint16(append(make([]byte, 0, 18), b[:]...), uint16(n))
}

func subKey(pattern string, inbox uint64) []byte {
	b := append(make([]byte, 0, len(pattern)+9), pattern...)
	return appendKey(append(b, 0), inbox)
}

func subOfKey(inbox uint64, pattern string) []byte { return append(key64(inbox), pattern...) }
