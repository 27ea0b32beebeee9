package main

import "strconv"

// way is how one of the rivals does what a cell asks for.
type way struct {
	target string
	name   string // of the column's entry; two ways of one target differ in it
	op     string
	args   []string
}

// cell is one thing to measure. The first way of NATS is what the others are
// compared with.
type cell struct {
	name string
	what string // the rate's unit
	ways []way
}

func both(op string, args ...string) []way {
	return []way{{"nats", "nats", op, args}, {"meshd", "meshd", op, args}}
}

func requests(n int) cell {
	return cell{"request c=" + strconv.Itoa(n), "answers", both("request", "-inflight", strconv.Itoa(n))}
}

func publishes(n int) cell {
	return cell{"durable c=" + strconv.Itoa(n), "accepted", both("durable", "-inflight", strconv.Itoa(n))}
}

var table = []cell{
	requests(1), requests(64),
	{"oneway", "received", []way{
		{"nats", "nats paced", "paced", nil},
		// The load knows what the receiver has, as no user of NATS does: this is
		// the most that can be had of it without loss.
		{"nats", "nats 20k ahead", "oneway", []string{"-window", "20000"}},
		{"nats", "nats flood", "oneway", nil},
		{"meshd", "meshd", "oneway", nil},
	}},
	publishes(1), publishes(64), publishes(256),
	{"durable window=1024", "accepted", both("durable", "-window", "1024")},
	{"talk", "answers", both("talk")},
	{"fanout", "received", both("fanout", "-inflight", "8")},
	{"idle", "connections", both("idle")},
}
