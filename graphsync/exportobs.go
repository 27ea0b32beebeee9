package graphsync

import (
	"encoding/binary"
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
		e.within, e.observed, e.modelled = id, 0, ""
	}
	prefix := appendNodeKey(nil, ns, id)
	if !e.inVectors {
		for k, val := range v.r.Scan(tObs, appendID(appendNodeKey(nil, ns, id), e.observed+1), after(prefix)) {
			if e.full() {
				return nil
			}
			at, ok := parseObsKey(k)
			if !ok {
				return errRecord
			}
			rec, err := decodeObs(val)
			if err != nil {
				return err
			}
			if at.id < e.bound {
				e.observationLine(key, &rec)
			}
			e.observed = at.id
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
		if ok {
			e.vectorLine(key, m.name, rec.Data)
		}
		e.modelled = m.name
	}
	e.within, e.inVectors = 0, false
	return nil
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
