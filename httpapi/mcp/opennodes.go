package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// maxNames bounds the names of one question.
const maxNames = 1000

// openNodes shows the entities of some names in the order in which they were
// made, and every relation that one of them has.
func openNodes(ctx context.Context, c Call, s *Server, in struct {
	Names []string `json:"names"`
	paging
}) (reply, error) {
	if len(in.Names) > maxNames {
		return reply{}, said{fmt.Sprintf("there are %d names, at most %d are allowed: ask in parts", len(in.Names), maxNames)}
	}
	query := hashOf(in.Names...)
	at, err := placeOf(in.Cursor, query)
	if err != nil {
		return reply{}, err
	}
	f := s.filler(c, in.MaxBytes)
	found, err := s.named(ctx, c, in.Names)
	if err != nil {
		return reply{}, err
	}
	if at.Phase == "" {
		for at.Index < len(found) {
			rest, ok, err := f.entity(ctx, &found[at.Index], at.Obs)
			if err != nil {
				return reply{}, err
			}
			if at.Obs = ""; !ok {
				at.Obs = rest
				return f.stopped("open_nodes", at), nil
			}
			at.Index++
		}
		at = place{Phase: "o", Query: query}
	}
	stop, err := f.relationsOf(ctx, found, at)
	if err != nil {
		return reply{}, err
	}
	switch {
	case stop != nil:
		return f.stopped("open_nodes", *stop), nil
	case in.Cursor == "":
		return f.whole(), nil
	}
	return reply{what: f.page}, nil
}

// named finds the entities of some names, each once, in the order of their ids.
func (s *Server) named(ctx context.Context, c Call, names []string) ([]graphsync.Node, error) {
	var found []graphsync.Node
	seen := map[uint64]bool{}
	for _, name := range names {
		n, ok, err := s.node(ctx, consensus.ReadOptions{}, c, name)
		if err != nil {
			return nil, err
		}
		if ok && listed(&n) && !seen[n.ID] {
			seen[n.ID] = true
			found = append(found, n)
		}
	}
	slices.SortFunc(found, byID)
	return found, nil
}

// relationsOf adds the relations of nodes, each once: out of each, then into
// each from elsewhere. It answers where it stopped, nil at the end.
func (f *filler) relationsOf(ctx context.Context, nodes []graphsync.Node, at place) (*place, error) {
	inside := make(map[uint64]bool, len(nodes))
	for i := range nodes {
		inside[nodes[i].ID] = true
		f.names[nodes[i].ID] = nodes[i].Label
	}
	for at.Index < len(nodes) {
		id := nodes[at.Index].ID
		q, skip := graphsync.EdgeQuery{Source: id, Cursor: at.Cursor}, (func(*graphsync.Edge) bool)(nil)
		if at.Phase == "i" {
			q = graphsync.EdgeQuery{Target: id, Cursor: at.Cursor}
			skip = func(e *graphsync.Edge) bool { return inside[e.SourceID] }
		}
		rest, all, err := f.relations(ctx, q, skip)
		if err != nil {
			return nil, err
		}
		if !all {
			at.Cursor = rest
			return &at, nil
		}
		at.Cursor = ""
		if at.Phase == "o" {
			at.Phase = "i"
		} else {
			at.Phase = "o"
			at.Index++
		}
	}
	return nil, nil
}

// hashOf tells questions apart.
func hashOf(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\x00")))
	return hex.EncodeToString(sum[:6])
}
