package graphsync

import (
	"encoding/binary"
	"sync"

	"github.com/meshd/meshd/consensus"
)

// tx applies one command. Counters and totals are kept here and written once
// at the end.
type tx struct {
	view
	w    consensus.Writer
	c    consensus.Command
	cmd  *command
	meta metaRecord
	was  metaRecord // meta as it was read
	// changed says that an operation wrote; a command that changes nothing
	// must not touch the counters either, or it would count as a revision.
	changed bool
	totals  map[countKey]int64
	cascade int // edges ended on behalf of nodes so far
	// keeps says that the command is logged and history kept.
	keeps bool
	ord   uint32 // of the next change
	noted change // last, and not written yet
	holds held
	// looked says that holds was looked up.
	looked bool
	// alone is set while things end by themselves: nobody is their author.
	alone bool
	// sideBySide lets a fact stand beside others of a type that has one value
	// at a time.
	sideBySide bool
	// schemas are those that were looked for; nil: there is none. ruled is the
	// namespace of the first, whose schema is in rules.
	schemas map[nsID]*schemaRecord
	ruled   nsID
	rules   *schemaRecord
	// fresh are keys that began in this command, beside those of nodes that did.
	fresh map[string]bool
	key   []byte
	value []byte
	// left is the node written last, for the answer of a single operation.
	left   nodeRecord
	leftIn nsID
	leftID uint64
	// last is a guess that outlives the command: see livesIn.
	last nsID
}

type countKey struct {
	ns   nsID
	kind byte
	typ  symbol
}

// txs are those that are not in use, with their buffers.
var txs = sync.Pool{New: func() any { return new(tx) }}

func newTx(w consensus.Writer, c consensus.Command, cmd *command) *tx {
	t := txs.Get().(*tx)
	*t = tx{view: view{r: w, buf: t.buf}, w: w, c: c, cmd: cmd, key: t.key, value: t.value, last: t.last}
	return t
}

// free ends the use of a tx.
func (t *tx) free() {
	*t = tx{view: view{buf: t.buf}, key: t.key, value: t.value, last: t.last}
	txs.Put(t)
}

var metaKey = []byte("state")

func (t *tx) begin() error {
	t.keeps = t.c.Level >= levelHistory
	t.meta = metaRecord{Format: Format, NextID: 1}
	if got := t.w.Get(tMeta, metaKey); got != nil {
		if !t.meta.read(got) {
			var err error
			if t.meta, err = decodeSlowly[metaRecord](got); err != nil {
				return err
			}
		}
		if t.meta.Format != Format {
			return refuse(CodeInvalid, "", "the graph's tables have format %d, this program knows %d: upgrade this node", t.meta.Format, Format)
		}
		t.was = t.meta
	}
	if t.cmd.Namespace != "" {
		if r := checkNamespace(t.cmd.Namespace); r != nil {
			return r
		}
	}
	if len(t.cmd.Author) > MaxAuthor {
		return invalid("author", "is longer than %d bytes", MaxAuthor)
	}
	return nil
}

func (t *tx) end() error {
	if !t.changed {
		return nil
	}
	if t.c.Level >= levelSync && t.was == (metaRecord{}) {
		t.startLog() // also where the first command has nothing to log
	}
	if t.keeps {
		t.endLog()
	}
	if t.meta != t.was { // most commands change what is there
		t.w.Put(tMeta, metaKey, t.meta.encode(t.value[:0]))
	}
	for k, d := range t.totals {
		if d == 0 {
			continue
		}
		total := t.count(k.ns, k.kind, k.typ) + uint64(d)
		t.key = appendCountKey(t.key[:0], k.ns, k.kind, k.typ)
		if total == 0 {
			t.w.Delete(tCount, t.key)
			continue
		}
		t.w.Put(tCount, t.key, binary.BigEndian.AppendUint64(nil, total))
	}
	return nil
}

func (t *tx) add(ns nsID, kind byte, typ symbol, d int64) {
	if t.totals == nil {
		t.totals = make(map[countKey]int64)
	}
	t.totals[countKey{ns, kind, typ}] += d
	t.totals[countKey{ns, kind, 0}] += d
}

// room says that the operation can get an id and the symbols it needs.
func (t *tx) room(typ string) *consensus.Refusal {
	if t.meta.NextID > maxID {
		return refuse(CodeExhausted, "", "the graph has used up its ids")
	}
	if max(t.meta.Namespaces, t.meta.Types, t.meta.Authors) < maxSymbol {
		return nil
	}
	for _, n := range []struct {
		kind byte
		last symbol
		text string
	}{{symNamespace, t.meta.Namespaces, t.cmd.Namespace}, {symType, t.meta.Types, typ}, {symAuthor, t.meta.Authors, t.cmd.Author}} {
		if n.last >= maxSymbol && n.text != "" && t.symbol(n.kind, n.text) == 0 {
			return refuse(CodeExhausted, "", "the graph has used up its names: %q cannot be added", n.text)
		}
	}
	return nil
}

func (t *tx) nextID() uint64 {
	id := t.meta.NextID
	t.meta.NextID++
	return id
}

// intern returns the symbol of s and makes one where there is none. The caller
// has asked for room.
func (t *tx) intern(kind byte, s string) symbol {
	if s == "" {
		return 0
	}
	if sym := t.symbol(kind, s); sym != 0 {
		return sym
	}
	last := &t.meta.Types
	switch kind {
	case symNamespace:
		last = &t.meta.Namespaces
	case symAuthor:
		last = &t.meta.Authors
	case symModel:
		last = &t.meta.Models
	}
	*last++
	sym := *last
	t.key = appendSymKey(t.key[:0], kind, s)
	t.w.Put(tSym, t.key, appendSymbol(nil, sym))
	t.key = appendSymrKey(t.key[:0], kind, sym)
	t.w.Put(tSymr, t.key, []byte(s))
	return sym
}

// author is the symbol of who wrote the command; 0, where the symbols are used
// up and it has none.
func (t *tx) author() symbol {
	if t.alone || t.meta.Authors >= maxSymbol && t.symbol(symAuthor, t.cmd.Author) == 0 {
		return 0
	}
	return t.intern(symAuthor, t.cmd.Author)
}

func (t *tx) made() stamp {
	return stamp{Version: 1, CreatedRev: t.c.Revision, CreatedAt: t.c.Time.UnixMilli(), CreatedBy: t.author()}
}

func (t *tx) touch(s *stamp) {
	s.Version++
	s.UpdatedRev, s.UpdatedAt, s.UpdatedBy = t.c.Revision, t.c.Time.UnixMilli(), t.author()
}

func checkVersion(o *op, field string, have uint64) *consensus.Refusal {
	if o.IfVersion == 0 || o.IfVersion == have {
		return nil
	}
	r := refuse(CodePrecondition, "if_version", "%s %d is at version %d, not %d", field, o.ID, have, o.IfVersion)
	r.Details["version"] = itoa(have)
	return r
}
