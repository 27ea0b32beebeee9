// Package faults checks what a mesh of real processes promises about reads and
// repeated writes, in the moments when promises are hard to keep: a leader that
// is cut off or paused, wires that pass one direction only, members that come
// and go, disks that refuse.
//
// Reads are judged by one register with one writer, whose values only rise: a
// linearizable read never gives less than any read or write that ended before
// it began. Package e2e asks what is left after a fault; this one asks what is
// answered while it lasts.
package faults
