package main

// target is the node a verb asks, as flags say it.
type target struct{ node, pin, key, keyFile string }
