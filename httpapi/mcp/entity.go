package mcp

import (
	"encoding/json"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/graphsync/memory"
)

// Entity and Relation are as the reference server spells them.
type Entity struct {
	Name         string   `json:"name"`
	EntityType   string   `json:"entityType"`
	Observations []string `json:"observations"`
}

// Relation joins two entities by name.
type Relation struct {
	From         string `json:"from"`
	To           string `json:"to"`
	RelationType string `json:"relationType"`
}

// properties is the node's property object that keeps an entity's type, empty
// where the node type does.
func properties(entityType string) (nodeType string, _ json.RawMessage) {
	nodeType, kept := memory.NodeType(entityType)
	if !kept {
		return nodeType, nil
	}
	b, err := json.Marshal(map[string]string{memory.TypeProperty: entityType})
	if err != nil {
		return nodeType, nil // a map of strings is always written
	}
	return nodeType, b
}

// typeOf is a node's type as the tools show it.
func typeOf(n *graphsync.Node) string {
	var p map[string]any
	if len(n.Properties) > 2 && json.Unmarshal(n.Properties, &p) != nil {
		p = nil
	}
	original, kept := p[memory.TypeProperty].(string)
	return memory.EntityType(n.NodeType, original, kept)
}

// listed says that a node is an entity, and not only mentioned.
func listed(n *graphsync.Node) bool { return n.NodeType != memory.Mentioned }

// opNode makes a node of an entity's name and type.
func opNode(name, entityType string) graphsync.Op {
	nodeType, props := properties(entityType)
	return graphsync.Op{Op: graphsync.OpCreateNode, Key: name, Label: &name, Type: nodeType, Properties: props}
}

// opMention makes a node for a name that a relation speaks of.
func opMention(name string) graphsync.Op {
	return graphsync.Op{Op: graphsync.OpCreateNode, Key: name, Label: &name, Type: memory.Mentioned}
}

// opBecome makes an entity of a node that was only mentioned, if it still is.
func opBecome(n *graphsync.Node, name, entityType string) graphsync.Op {
	nodeType, props := properties(entityType)
	return graphsync.Op{Op: graphsync.OpUpdateNode, ID: n.ID, Label: &name, Type: nodeType, Properties: props,
		Merge: props != nil, IfVersion: n.Version}
}

func opRelation(r Relation) graphsync.Op {
	edgeType, kept := memory.EdgeType(r.RelationType)
	o := graphsync.Op{Op: graphsync.OpUpsertEdge, Source: r.From, Target: r.To, Type: edgeType}
	if kept {
		o.Predicate = &r.RelationType
	}
	return o
}

func opObservation(name, text string) graphsync.Op {
	return graphsync.Op{Op: graphsync.OpAddObservation, Key: name, Text: text}
}
