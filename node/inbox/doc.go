// Package inbox keeps durable messages: the inbox of each agent, replicated to
// every node, and with it who owns an agent's name, where its inbox is served,
// the key its messages are sealed to, and the topics it takes durably.
//
// It is a part of the replicated state (Part: pure, state and command in, state
// and result out) and a Service at each node that proposes and reads. It pushes
// nothing to anybody: node/inbox/dispatch does, and whoever polls takes a lease.
//
// It promises that an accepted message is on the disks of a majority of the
// voters, that it stays until its recipient has acknowledged it, and that what
// cannot be delivered ends as a dead letter with its reason or is counted: it is
// never lost without a word. Accepted once is accepted once: a message id that
// the sender gives is remembered. Delivery is at least once. DESIGN.md says how.
package inbox
