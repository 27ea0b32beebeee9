// Package mcp is the graph as a memory for clients of the Model Context
// Protocol (https://modelcontextprotocol.io), on the official Go SDK.
//
// It offers the nine tools of the reference memory server under the same names
// and shapes, and better ones beside them. It turns each call into reads and
// one atomic batch of the graph, bounds every answer, and tells models in words
// what was wrong and how to go on.
//
// It is not the HTTP surface: who calls, what the caller may do and which
// namespace is meant is decided above and comes with the request's context.
// DESIGN.md says how names map to the graph.
package mcp
