// Package agent gives agents their place on a node: sessions of clients over
// WebSocket, and agents that run inside the node. What else a session may ask is
// answered by whoever serves it, see Requests.
//
// It is not the router (package message decides who gets what) and not the
// HTTP surface (the upgrade, the Authorization header and the choice of name
// are made above). PROTOCOL.md is the WebSocket protocol for client authors.
//
// It promises that a session is bounded in memory whatever its client does;
// that a message counts as delivered no earlier than it was written to the
// connection, or, where the client asks for it, acknowledged by the client;
// and that Close leaves no goroutine and no connection behind.
package agent
