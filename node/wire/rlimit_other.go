//go:build !unix

package wire

// descriptors is how many connections are planned with where the system sets
// no limit of its own.
func descriptors() int { return 1 << 14 }
