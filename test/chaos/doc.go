// Package chaos runs a mesh of real meshd processes on a network of its own,
// breaks processes and network at random from a seed while clients work at
// every node, and then has every history judged (package check).
//
// It is a test from outside: it knows the HTTP routes and the command line and
// nothing of the inside. It needs Linux and root (package fabric says why) and
// skips with a sentence elsewhere. DESIGN.md says what is promised by whom, and
// how to repeat a run.
package chaos
