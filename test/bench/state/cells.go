package main

import "fmt"

// Places to ask.
const (
	leader   = "leader"
	follower = "follower"
)

// cell is one thing to measure.
type cell struct {
	op      string // as the load generator calls it
	clients int
	at      string
	per     int // writes in one operation
}

func (c cell) String() string { return fmt.Sprintf("%s c=%d %s", c.op, c.clients, c.at) }

var cells = []cell{
	{"write", 1, leader, 1}, {"write", 64, leader, 1}, {"write", 256, leader, 1},
	{"write", 64, follower, 1},
	{"linear", 1, leader, 0}, {"linear", 64, leader, 0}, {"linear", 1, follower, 0}, {"linear", 64, follower, 0},
	{"stale", 1, leader, 0}, {"stale", 64, leader, 0}, {"stale", 1, follower, 0}, {"stale", 64, follower, 0},
	{"batch", 16, leader, 100},
}
