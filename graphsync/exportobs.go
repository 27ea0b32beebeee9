package graphsync

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// saidOf writes the observations and the vectors of a node, from where the last
// page ended. It leaves within set where the page is full before the end.
func (e *exporter) saidOf(v *view, ns nsID, id uint64, key string) error {
	if e.within != id {
		e.within, e.observed, e.inVectors, e.modelled = id, 0, false, ""
	}
	if !e.inVectors {
		if whole, err := e.observationsOf(v, ns, id, key); err != nil || !whole {
			return err
		}
		e.inVectors = true
	}
	models, err := v.modelNames(ns, id)
	if err != nil {
		return err
	}
	for _, m := range models {
		if m.name <= e.modelled {
			continue
		}
		if e.full() {
			return nil
		}
		rec, ok, err := v.vector(ns, id, m.sym)
		if err != nil {
			return err
		}
		if ok && rec.began() <= e.at.rev {
			e.vectorLine(key, m.name, rec.Data)
		}
		e.modelled = m.name
	}
	e.within, e.inVectors = 0, false
	return nil
}

// observationsOf writes the observations of a node; whole is false where the
// page is full before the end.
func (e *exporter) observationsOf(v *view, ns nsID, id uint64, key string) (whole bool, failed error) {
	from, to := appendID(appendNodeKey(nil, ns, id), e.observed+1), after(appendNodeKey(nil, ns, id))
	whole = true
	step := func(k []byte, cur bool, val []byte, past pastEntry) bool {
		if whole = !e.full(); !whole {
			return false
		}
		e.looked++
		at, ok := parseObsKey(k)
		if !ok {
			failed = errRecord
			return false
		}
		var rec obsRecord
		if rec, ok, failed = v.obsThen(cur, val, past); failed != nil {
			return false
		}
		if ok && at.id < e.bound && v.shows(&rec.provenance) {
			e.observationLine(key, &rec)
		}
		e.observed = at.id
		return true
	}
	if v.at.past {
		beside(v.r.Scan(tObs, from, to), pastScan(v.r, tObsHist, from, to, obsKeySize, v.at.rev, false), false, step)
		return whole, failed
	}
	for k, val := range v.r.Scan(tObs, from, to) {
		if !step(k, true, val, pastEntry{}) {
			break
		}
	}
	return whole, failed
}

// saysAny says that a namespace has observations or vectors.
func (v *view) saysAny(ns nsID) bool {
	prefix := appendSymbol(nil, ns)
	for range v.r.Scan(tObs, prefix, after(prefix)) {
		return true
	}
	for range v.r.Scan(tVector, prefix, after(prefix)) {
		return true
	}
	return false
}

// modelNames are the models of a node's vectors, by name, as symbols are numbered
// differently in every mesh.
func (v *view) modelNames(ns nsID, id uint64) ([]typeRun, error) {
	var out []typeRun
	for _, sym := range v.modelsOf(ns, id) {
		name, err := v.text(symModel, sym)
		if err != nil {
			return nil, err
		}
		out = append(out, typeRun{sym, name})
	}
	slices.SortFunc(out, func(a, b typeRun) int { return strings.Compare(a.name, b.name) })
	return out, nil
}

func (e *exporter) observationLine(key string, o *obsRecord) {
	e.out = append(e.out, `{"observation":{"node":`...)
	e.out = appendQuoted(e.out, key)
	e.out = append(e.out, `,"text":`...)
	e.out = appendQuoted(e.out, o.Text)
	e.properties(o.Props)
	e.told(&o.provenance)
	e.out = append(e.out, '}', '}', '\n')
	e.observations++
	e.records++
}

func (e *exporter) vectorLine(key, model string, data []byte) {
	e.out = append(e.out, `{"vector":{"node":`...)
	e.out = appendQuoted(e.out, key)
	e.out = append(e.out, `,"model":`...)
	e.out = appendQuoted(e.out, model)
	e.out = append(e.out, `,"vector":[`...)
	for i := 0; i+4 <= len(data); i += 4 {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		f := math.Float32frombits(binary.LittleEndian.Uint32(data[i:]))
		e.out = strconv.AppendFloat(e.out, float64(f), 'g', -1, 32)
	}
	e.out = append(e.out, `]}}`+"\n"...)
	e.vectors++
	e.records++
}

// schemaLine is a namespace's schema as an import line, nil where it has none.
func (v *view) schemaLine(ns nsID) ([]byte, error) {
	got := v.r.Get(tSchema, appendSymbol(nil, ns))
	if got == nil {
		return nil, nil
	}
	rec, err := decodeSchema(got)
	if err != nil {
		return nil, err
	}
	line, err := json.Marshal(map[string]Schema{"schema": rec.schema()})
	return append(line, '\n'), err
}

func (e *exporter) properties(props []byte) {
	if len(props) > 0 {
		e.out = append(append(e.out, `,"properties":`...), props...)
	}
}

// told writes what a fact or an observation says of the world.
func (e *exporter) told(p *provenance) {
	e.time("valid_from", p.ValidFrom)
	e.time("valid_to", p.ValidTo)
	if p.Source != "" {
		e.out = append(e.out, `,"provenance":`...)
		e.out = appendQuoted(e.out, p.Source)
	}
	if p.Confidence != nil {
		e.out = append(e.out, `,"confidence":`...)
		e.out = strconv.AppendFloat(e.out, *p.Confidence, 'g', -1, 64)
	}
	if p.Expires != 0 {
		e.time("expires_at", &p.Expires)
	}
}

func (e *exporter) time(name string, ms *int64) {
	if ms != nil {
		e.out = append(append(append(e.out, ',', '"'), name...), '"', ':', '"')
		e.out = millis(*ms).AppendFormat(e.out, time.RFC3339Nano)
		e.out = append(e.out, '"')
	}
}
