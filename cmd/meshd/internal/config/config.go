// Package config reads what a node is told: defaults, then the TOML file, then
// the environment, then flags, each over the one before.
//
// It is strict where a typing error would be silent: an unknown key in the file
// or an unknown MESHD_ variable is an error that names the nearest known one,
// and a value that does not fit names its key and where it stood. It keeps
// secrets apart: a Secret prints as a placeholder everywhere and is only read,
// from its value or its file, when it is asked for.
//
// It changes nothing on disk (what Kept returns is the caller's to write) and knows
// nothing of the node's parts.
package config

import "time"

// Config is the whole configuration of a node, complete with defaults.
type Config struct {
	// Data is the node's directory.
	Data string
	// Listen is the address of the one port, for example ":7443"; port 0
	// takes any free one.
	Listen string
	// Advertise lists where peers reach this node, HOST or HOST:PORT; empty
	// means the source address of the default route.
	Advertise []string
	// Name is the node's name; the host's name if unset.
	Name string
	// Peer lists addresses to try first when every known one has changed.
	Peer []string
	// MeshName names a mesh that is made here.
	MeshName string
	// Init makes a mesh in an empty directory.
	Init bool
	// JoinToken joins a mesh from an empty directory.
	JoinToken Secret
	// APIKey is an administrator's key that is valid at this node only.
	APIKey Secret
	// NoVote keeps this node from becoming a voter.
	NoVote bool
	// Voters is how many nodes should keep the log: 1, 3 or 5.
	Voters int
	// LeaderTimeout is how long a leader is silent before another node stands
	// for election, the same on all nodes of a mesh.
	LeaderTimeout time.Duration
	// SocketGroup may use the local socket beside the owner.
	SocketGroup string
	Log         Log
	Trace       Trace
	CORS        CORS
	Limits      Limits
	HTTP        HTTP

	sources map[string]Source
	values  map[string]any
	// file is the configuration file, there or not; elsewhere says that it was
	// named and is not the data directory's own.
	file      string
	elsewhere bool
}

// Log says what is logged, and how.
type Log struct {
	// Level is debug, info, warn or error.
	Level string
	// Format is auto (text on a terminal, else JSON), text or json.
	Format string
}

// Trace says what is traced without being asked for.
type Trace struct {
	// Sample is the share, 0 to 1, of the messages that come without a trace
	// context.
	Sample float64
}

// CORS lists the web origins that may call the HTTP surface from a browser.
type CORS struct{ Origins []string }

// Limits bounds what clients may take.
type Limits struct {
	// Body is the largest request body in bytes.
	Body int64
	// Request is how long one request may take, streams apart.
	Request time.Duration
}

// HTTP holds the few names of the HTTP surface that can be chosen.
type HTTP struct {
	// RequestIDHeader carries the request id.
	RequestIDHeader string
	// Hosts are names beside the node's own that it answers to.
	Hosts []string
}

// Source says where the value of a key came from.
type Source struct {
	// Layer is default, file, environment or flag.
	Layer string
	// Name is the file's path, the variable or the flag.
	Name string
}

// String is the source for people.
func (s Source) String() string {
	if s.Name == "" {
		return s.Layer
	}
	return s.Layer + " " + s.Name
}
