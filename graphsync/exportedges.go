package graphsync

import (
	"slices"
	"strconv"
	"strings"
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
	if e.within != id { // nothing written yet, or the node begun is gone
		e.within, e.typ, e.last, e.parallel = id, "", triple{}, 0
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
		if e.typ == run.name && e.last.id != 0 {
			from = next(e.last.appendSPO(nil))
		} else {
			e.last, e.parallel = triple{}, 0
		}
		e.typ = run.name
		for k, val := range v.r.Scan(tSPO, from, after(prefix)) {
			if e.full() {
				return nil
			}
			at, ok := parseSPO(k)
			if !ok {
				return errRecord
			}
			if at.id >= e.bound {
				continue
			}
			if err := e.edgeLine(v, at, run.name, val); err != nil {
				return err
			}
		}
	}
	e.within = 0
	return nil
}

// outTypes lists the types of a node's outgoing edges by name: it looks at a
// few edges, and jumps from type to type where there are many.
func (v *view) outTypes(ns nsID, id uint64) ([]typeRun, error) {
	var runs []typeRun
	prefix := appendNodeKey(nil, ns, id)
	end := after(prefix)
	from := prefix
	for from != nil {
		var restart []byte
		looked := 0
		for k := range v.r.Scan(tSPO, from, end) {
			at, ok := parseSPO(k)
			if !ok {
				return nil, errRecord
			}
			if n := len(runs); n == 0 || runs[n-1].sym != at.typ {
				name, err := v.text(symType, at.typ)
				if err != nil {
					return nil, err
				}
				runs = append(runs, typeRun{at.typ, name})
				looked = 0
			}
			if looked++; looked > exportGroup {
				restart = after(appendSpan(nil, ns, id, at.typ, 0))
				break
			}
		}
		from = restart
	}
	slices.SortFunc(runs, func(a, b typeRun) int { return strings.Compare(a.name, b.name) })
	return runs, nil
}

func (e *exporter) edgeLine(v *view, at triple, typ string, val []byte) error {
	rec, err := decodeEdge(val)
	if err != nil {
		return err
	}
	source, err := e.keyOf(v, at.ns, at.source)
	if err != nil {
		return err
	}
	target, err := e.keyOf(v, at.ns, at.target)
	if err != nil {
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
