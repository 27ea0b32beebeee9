package graphsync

import "time"

// Sync is the graph for clients that may be cut off. The order of the mesh is
// the only one: nodes never merge, clients do. A client takes a snapshot,
// follows the changes behind it by token, and pushes what it did meanwhile. It
// is bound to a mesh, whose tokens alone it takes. Safe for concurrent use.
type Sync struct {
	s    *Service
	mesh string
}

// Sync returns the graph for clients of the mesh with an id.
func (s *Service) Sync(mesh string) Sync { return Sync{s, mesh} }

// levelSync is the command level from which on pushes, conflicts, leases and
// settings of sync are understood.
const levelSync = 3

// Bounds of sync.
const (
	// MaxPush is how many mutations one push has.
	MaxPush = 1000
	// MaxClientID bounds the name a client gives itself, in bytes.
	MaxClientID = 128
	// DefaultChanges and MaxChangesLimit bound a page of changes; the revision
	// that it ends with is given whole.
	DefaultChanges  = 1000
	MaxChangesLimit = 10_000
	// MaxLeases is how many snapshots may be under way in the mesh, each for
	// LeaseTime of the mesh at most.
	MaxLeases = 256
	LeaseTime = 10 * time.Minute
	// MaxSyncClients is how many clients the mesh remembers. One that has not
	// pushed for ClientTime gives way to others. One principal has a quarter at
	// most.
	MaxSyncClients = 100_000
	ClientTime     = 90 * 24 * time.Hour
	// MaxConflicts and MaxConflictBytes bound the open conflicts of a
	// namespace. A push that would add another ends before that mutation.
	MaxConflicts     = 10_000
	MaxConflictBytes = 32 << 20

	// keepResults is how many results of a client are kept, so that what is
	// pushed again is answered as before and later mutations find what earlier
	// ones made.
	keepResults = 2 * MaxPush
	// maxOwn bounds the revisions that are remembered as a client's own.
	maxOwn = 10_000
)

// Codes of refusals of sync. Where the details have "resync", the client takes
// a snapshot and goes on from there.
const (
	CodeToken         = "TOKEN"              // 400: not a token
	CodeOtherMesh     = "OTHER_MESH"         // 403: the token or payload is another mesh's; details: resync
	CodeOtherFilter   = "OTHER_FILTER"       // 400: the token belongs to another filter
	CodeSeqGap        = "SEQ_GAP"            // 409; details: expected
	CodeSyncDisabled  = "SYNC_DISABLED"      // 409: the namespace is set so
	CodeConflictsFull = "CONFLICTS_FULL"     // 507: resolve some first
	CodeClients       = "TOO_MANY_CLIENTS"   // 507
	codeAhead         = "AHEAD"              // 400
	CodeLeases        = "TOO_MANY_SNAPSHOTS" // 503
)
