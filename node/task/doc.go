// Package task keeps delegated work: who asked whom for what, how far it is and
// what came of it, in the replicated state, so that neither the death of who
// asked, nor of who works, nor of any node loses it.
//
// It is not a workflow engine and runs nothing: agents work, and report. It
// carries no messages either; a leader's loop hands tasks over through what
// implements Post, which the node binds to the durable inboxes.
//
// It promises that a task ends exactly once, in one of three ways, at its
// deadline at the latest; that only the agent a task is with can report on it;
// and that every change is an event with a revision, in the order all nodes
// agree on. A task may be handed over more than once (after a crash, or to
// another agent after a failure), so agents must bear being asked twice.
// DESIGN.md says how.
package task
