package graphsync

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/meshd/meshd/consensus"
)

// typeRun is a type of a node's outgoing edges.
type typeRun struct {
	sym  symbol
	name string
}

// edgesOf writes the outgoing edges of a node by the names of their types, as
// symbols are numbered differently in every mesh. It leaves within set where
// the page is full before the end.
func (e *exporter) edgesOf(v *view, ns nsID, id uint64) error {
	if e.within != id {
		e.within, e.typ, e.seen, e.last, e.parallel = id, "", nil, triple{}, 0
	}
	runs, err := v.outTypes(ns, id)
	if err != nil {
		return err
	}
	for _, run := range runs {
		if run.name < e.typ {
			continue
		}
		prefix := appendSpan(nil, ns, id, run.sym, 0)
		from := prefix
		switch {
		case e.typ != run.name:
			e.typ, e.seen, e.last, e.parallel = run.name, nil, triple{}, 0
		case e.seen != nil:
			from = after(e.seen) // past the versions of that edge too
		}
		var failed error
		full := false
		err := v.edgesIn(tSPO, from, after(prefix), func(k []byte) bool {
			if full = e.full(); full {
				return false
			}
			e.looked++
			e.seen = append(e.seen[:0], k...)
			return true
		}, func(at triple, val []byte) bool {
			if at.id < e.bound {
				failed = e.edgeLine(v, at, run.name, val)
			}
			return failed == nil
		})
		if err != nil || failed != nil || full {
			return cmp.Or(err, failed)
		}
	}
	e.within = 0
	return nil
}

// outTypes lists the types of a node's outgoing edges by name.
func (v *view) outTypes(ns nsID, id uint64) ([]typeRun, error) {
	syms, err := v.typesIn(nil, tSPO, ns, id, tripleKeySize)
	if err == nil && v.at.past {
		syms, err = v.typesIn(syms, tSPOHist, ns, id, tripleKeySize+8)
	}
	if err != nil {
		return nil, err
	}
	slices.Sort(syms)
	var runs []typeRun
	for _, sym := range slices.Compact(syms) {
		name, err := v.text(symType, sym)
		if err != nil {
			return nil, err
		}
		runs = append(runs, typeRun{sym, name})
	}
	slices.SortFunc(runs, func(a, b typeRun) int { return strings.Compare(a.name, b.name) })
	return runs, nil
}

// typesIn appends the types of a node's edges in a table: it looks at a few
// edges, and jumps from type to type where there are many.
func (v *view) typesIn(syms []symbol, table consensus.Table, ns nsID, id uint64, size int) ([]symbol, error) {
	prefix := appendNodeKey(nil, ns, id)
	end := after(prefix)
	from := prefix
	for from != nil {
		var restart []byte
		looked := 0
		for k := range v.r.Scan(table, from, end) {
			if len(k) != size {
				return nil, errRecord
			}
			typ := readSymbol(k[nodeKeySize:])
			if n := len(syms); looked == 0 || syms[n-1] != typ {
				syms = append(syms, typ)
				looked = 0
			}
			if looked++; looked > exportGroup {
				restart = after(appendSpan(nil, ns, id, typ, 0))
				break
			}
		}
		from = restart
	}
	return syms, nil
}

func (e *exporter) edgeLine(v *view, at triple, typ string, val []byte) error {
	rec, err := decodeEdge(val)
	if err != nil {
		return err
	}
	source, ok, err := e.keyOf(v, at.ns, at.source)
	if err != nil || !ok {
		return err
	}
	target, ok, err := e.keyOf(v, at.ns, at.target)
	if err != nil || !ok {
		return err
	}
	if e.last.id != 0 && e.last.target == at.target {
		e.parallel++
	} else {
		e.parallel = 0
	}
	e.last = at
	e.out = append(e.out, `{"edge":{"source":`...)
	e.out = appendQuoted(e.out, source)
	e.out = append(e.out, `,"target":`...)
	e.out = appendQuoted(e.out, target)
	e.out = append(e.out, `,"type":`...)
	e.out = appendQuoted(e.out, typ)
	if rec.Weight != nil {
		e.out = append(e.out, `,"weight":`...)
		e.out = strconv.AppendFloat(e.out, rec.weight(), 'g', -1, 64)
	}
	if rec.Predicate != "" {
		e.out = append(e.out, `,"predicate":`...)
		e.out = appendQuoted(e.out, rec.Predicate)
	}
	e.properties(rec.Props)
	e.told(&rec.provenance)
	if e.parallel > 0 {
		e.out = append(e.out, `,"parallel":`...)
		e.out = strconv.AppendUint(e.out, uint64(e.parallel), 10)
	}
	e.out = append(e.out, '}', '}', '\n')
	e.edges++
	e.records++
	return nil
}
