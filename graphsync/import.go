package graphsync

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/meshd/meshd/consensus"
)

// Applier is what an import writes to; *Service is one.
type Applier interface {
	// ApplyEach applies each operation that it does not refuse.
	ApplyEach(ctx context.Context, wo WriteOptions, namespace string, ops []Op) ([]OpResult, []OpRefusal, consensus.Outcome, error)
	// HasKeys says which keys name a node.
	HasKeys(ctx context.Context, ro consensus.ReadOptions, namespace string, keys []string) ([]bool, consensus.ReadInfo, error)
}

var _ Applier = (*Service)(nil)

// ImportOptions says how to import. Only Namespace is needed.
type ImportOptions struct {
	Namespace string
	Author    string
	// DryRun reads and checks everything and writes nothing.
	DryRun bool
	// MaxErrors stops an import that has so many refused lines; 0 is 100.
	MaxErrors int
	// InFlight is how many batches are proposed at once; 0 is 4. Nodes go
	// one batch at a time beside them.
	InFlight int
	// RetryFor is how long a batch is tried again while the mesh has no
	// leader or too much to do; 0 is 30 s.
	RetryFor time.Duration
	// Progress is called after every batch, on the importing goroutine.
	Progress func(ImportReport)
}

// ImportReport counts what an import has come to. Lines and Bytes are read,
// the others applied.
type ImportReport struct {
	Lines     int         `json:"lines"`
	Bytes     int64       `json:"bytes"`
	Nodes     int         `json:"nodes"`
	Edges     int         `json:"edges"`
	Created   int         `json:"created"`
	Updated   int         `json:"updated"`
	Unchanged int         `json:"unchanged"`
	Refused   int         `json:"refused"`
	Errors    []LineError `json:"errors,omitempty"`
	Revision  uint64      `json:"revision"`
	DryRun    bool        `json:"dry_run,omitempty"`
}

// LineError is what was wrong with one line.
type LineError struct {
	Line     int    `json:"line"`
	Sentence string `json:"error"`
}

// ErrTooManyErrors ends an import with more refused lines than it may have.
var ErrTooManyErrors = errors.New("too many lines were refused")

// Bounds of a batch and of what an import keeps in memory. The size of an
// operation is an upper estimate of its encoding.
const (
	importOps      = 4000
	importBytes    = 256 << 10
	maxDeferred    = 200_000
	deferredBytes  = 64 << 20
	defaultErrors  = 100
	defaultFlights = 4
	defaultRetry   = 30 * time.Second
)

// Import reads JSON lines (DecodeLine has their form) and upserts them. Nodes
// and edges may be mixed; edges may come before their nodes, within bounds of
// memory (some 200,000 such edges). A refused line is reported by number and
// leaves the others in effect. Importing the same lines again changes nothing,
// which is also how an import that broke off is resumed.
//
// Nodes get their ids in the order of their lines; edges of one source, type
// and target take effect in theirs. The error is nil where the input was read to its end, even if lines
// were refused.
func Import(ctx context.Context, to Applier, r io.Reader, opts ImportOptions) (ImportReport, error) {
	if err := CheckNamespace(opts.Namespace); err != nil {
		return ImportReport{}, err
	}
	if opts.MaxErrors <= 0 {
		opts.MaxErrors = defaultErrors
	}
	if opts.InFlight <= 0 {
		opts.InFlight = defaultFlights
	}
	if opts.RetryFor <= 0 {
		opts.RetryFor = defaultRetry
	}
	if opts.DryRun {
		to = &dryRun{Applier: to, seen: make(map[uint64]struct{})}
		opts.InFlight = 1 // its edges look at the nodes before them
	}
	ctx, cancel := context.WithCancel(ctx)
	im := &importer{ctx: ctx, to: to, opts: opts, done: make(chan *importBatch, opts.InFlight)}
	im.report.DryRun = opts.DryRun
	err := im.run(NewLineReader(r))
	cancel()
	for ; im.flying > 0; im.flying-- { // proposals end with their context
		<-im.done
	}
	return im.report, err
}

// importer is owned by the goroutine in Import; each batch in flight has a
// goroutine of its own that ends by sending it to done.
type importer struct {
	ctx          context.Context
	to           Applier
	opts         ImportOptions
	report       ImportReport
	nodes, edges lane
	done         chan *importBatch
	flying       int // batches on their way
	deferred     []deferredOp
	deferredSize int
	// deferredNames are the orderNames of the deferred edges.
	deferredNames map[string]struct{}
	last          bool // deferred edges are having their second try
}

// lane is the batch being filled with nodes, or with edges, and those on
// their way.
type lane struct {
	ops    []Op
	lines  []int
	size   int
	flying []*importBatch
}

type deferredOp struct {
	op   Op
	line int
}

type importBatch struct {
	lane     *lane
	ops      []Op
	lines    []int
	names    map[string]struct{} // orderNames of edges
	results  []OpResult
	refusals []OpRefusal
	outcome  consensus.Outcome
	err      error
}
