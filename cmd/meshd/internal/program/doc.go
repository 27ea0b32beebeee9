// Package program makes any program an agent: it runs it as a child that reads
// and writes JSON lines, and speaks to the mesh for it. PROGRAMS.md beside the
// Go client says what the lines are.
//
// It is no supervisor for services: a child lives as long as whoever ran it, and
// what it cannot finish in time goes back to the mesh.
//
// It promises that each message given to a child ends in one way: by the child's
// word, or, when the child ends first, as failed (a request) or returned (a
// message of the inbox). A child gets neither the mesh's credential nor the
// identity that opens sealed messages.
package program
