package graphsync

import (
	"bytes"
	"context"

	"github.com/meshd/meshd/consensus"
)

// NamespaceInfo is a namespace with its totals.
type NamespaceInfo struct {
	SessionID string `json:"session_id"`
	Nodes     uint64 `json:"nodes"`
	Edges     uint64 `json:"edges"`
	// Observations and Vectors are those of the nodes.
	Observations uint64 `json:"observations"`
	Vectors      uint64 `json:"vectors"`
}

// NamespacePage is a page of namespaces by name.
type NamespacePage struct {
	Namespaces []NamespaceInfo `json:"namespaces"`
	Cursor     string          `json:"cursor,omitempty"`
}

// Namespaces lists the namespaces ever written to, by name.
func (s *Service) Namespaces(ctx context.Context, ro consensus.ReadOptions, limit int, cursor string) (NamespacePage, consensus.ReadInfo, error) {
	page := NamespacePage{Namespaces: []NamespaceInfo{}}
	limit, r := checkLimit(limit)
	if r != nil {
		return page, consensus.ReadInfo{}, r
	}
	info, err := s.read(ctx, ro, func(v *view) error {
		from := []byte{symNamespace}
		// A cursor leaves out three bytes of namespace, which a symbol has not.
		pad := []byte{0, 0, 0}
		if last, r := decodeCursor(cursorNamespaces, 0, pad, cursor); r != nil {
			return r
		} else if last != nil {
			from = next(appendSymKey(nil, symNamespace, string(last[3:])))
		}
		for k, val := range v.r.Scan(tSym, from, []byte{symNamespace + 1}) {
			if len(page.Namespaces) == limit {
				page.Cursor = encodeCursor(cursorNamespaces, append(pad, page.Namespaces[limit-1].SessionID...))
				return nil
			}
			if len(val) != 3 {
				return errRecord
			}
			ns := readSymbol(val)
			page.Namespaces = append(page.Namespaces, NamespaceInfo{SessionID: string(k[1:]),
				Nodes: v.count(ns, countNodes, 0), Edges: v.count(ns, countEdges, 0),
				Observations: v.count(ns, countObservations, 0), Vectors: v.count(ns, countVectors, 0)})
		}
		return nil
	})
	return page, info, err
}

// Stats are a namespace's totals. The maps go by type; Truncated says that
// they leave types out.
type Stats struct {
	SessionID string            `json:"session_id"`
	Nodes     uint64            `json:"nodes"`
	Edges     uint64            `json:"edges"`
	NodeTypes map[string]uint64 `json:"node_types"`
	EdgeTypes map[string]uint64 `json:"edge_types"`
	// Models counts the vectors of each model.
	Observations uint64            `json:"observations"`
	Vectors      uint64            `json:"vectors"`
	Models       map[string]uint64 `json:"models,omitempty"`
	Truncated    bool              `json:"truncated,omitempty"`
}

// Stats reads the totals that the state keeps; it counts nothing. A namespace
// never written to has zeros.
func (s *Service) Stats(ctx context.Context, ro consensus.ReadOptions, namespace string) (Stats, consensus.ReadInfo, error) {
	st := Stats{SessionID: namespace, NodeTypes: map[string]uint64{}, EdgeTypes: map[string]uint64{}, Models: map[string]uint64{}}
	if r := checkNamespace(namespace); r != nil {
		return st, consensus.ReadInfo{}, r
	}
	info, err := s.read(ctx, ro, func(v *view) error {
		ns := v.namespace(namespace)
		if ns == 0 {
			return nil
		}
		st.Nodes, st.Edges = v.count(ns, countNodes, 0), v.count(ns, countEdges, 0)
		st.Observations, st.Vectors = v.count(ns, countObservations, 0), v.count(ns, countVectors, 0)
		for _, part := range []struct {
			kind, names byte
			to          map[string]uint64
		}{{countNodes, symType, st.NodeTypes}, {countEdges, symType, st.EdgeTypes}, {countVectors, symModel, st.Models}} {
			prefix := append(appendSymbol(nil, ns), part.kind)
			for k, val := range v.r.Scan(tCount, prefix, after(prefix)) {
				if len(k) != 7 || !bytes.HasPrefix(k, prefix) {
					return errRecord
				}
				typ := readSymbol(k[4:])
				if typ == 0 {
					continue
				}
				if len(part.to) == MaxLimit {
					st.Truncated = true
					break
				}
				name, err := v.text(part.names, typ)
				if err != nil {
					return err
				}
				part.to[name] = readCount(val)
			}
		}
		return nil
	})
	return st, info, err
}
