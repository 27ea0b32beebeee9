// Package message carries live messages between agents and clients of a mesh:
// it parses addresses, finds the node that hosts an agent, hands the message
// to one of the agent's sessions and brings the receipt, and the answer where
// one is wanted, back to the sender.
//
// It is not a queue that outlives a process and not a transport: frames travel
// over a Link, and which node hosts which agent is told by a Directory; both
// are handed in from above. Durable inboxes and topics are refused by name.
//
// It promises delivery at most once; order per sender and receiver; that the
// sender named in a message is the authenticated one; and that every send ends
// in exactly one of delivered, refused or unknown, within its deadline, in
// bounded memory. DESIGN.md says how.
package message
