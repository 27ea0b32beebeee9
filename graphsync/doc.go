// Package graphsync keeps the mesh's knowledge graph: nodes and typed edges
// with properties, in namespaces, under ids the state machine makes.
//
// The Part is a pure core inside the replicated state: typed operations in,
// writes and a result out, the same on every node. The Service is what the
// packages above use: it checks and normalises input, proposes, and reads
// within bounds of rows, expansions and bytes. Importer and Export carry a
// namespace as JSON lines.
//
// It is no store of its own: all it keeps lies in sorted tables of the consensus
// state, and it knows nothing of HTTP, credentials or peers. What a query means
// is package cypher's, what a word finds package search's; both are shown the
// graph and write nothing.
//
// It promises that an operation, or a batch of them, takes effect whole or not
// at all; that ids are never used twice; that a key names at most one node of
// its namespace; that an edge never outlives its ends; and that every read says
// when it was cut short. DESIGN.md says how the tables lie and grow.
package graphsync
