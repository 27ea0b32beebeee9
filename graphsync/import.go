package graphsync

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync/formats"
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
	// Format is that of the input; empty is formats.JSONL, the lines that
	// Export writes.
	Format formats.Format
	// FromLine leaves out what begins on lines before it, which an import that
	// broke off has stored (ImportReport.Stored).
	FromLine int
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
	Lines int   `json:"lines"`
	Bytes int64 `json:"bytes"`
	Nodes int   `json:"nodes"`
	Edges int   `json:"edges"`
	// Observations and Vectors are as Nodes and Edges are.
	Observations int `json:"observations,omitempty"`
	Vectors      int `json:"vectors,omitempty"`
	Created      int `json:"created"`
	Updated      int `json:"updated"`
	Unchanged    int `json:"unchanged"`
	// Stored is the last line up to which all lines are stored or told as
	// refused: where an import that breaks off now is taken up, at the next.
	Stored   int         `json:"stored"`
	Refused  int         `json:"refused"`
	Errors   []LineError `json:"errors,omitempty"`
	Revision uint64      `json:"revision"`
	DryRun   bool        `json:"dry_run,omitempty"`
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
	importBytes    = 1 << 20
	maxDeferred    = 200_000
	deferredBytes  = 64 << 20
	defaultErrors  = 100
	defaultFlights = 4
	defaultRetry   = 30 * time.Second
)

// Import reads a file of a graph and upserts what it says. Nodes and the rest
// may be mixed; edges and observations may come before their nodes, within bounds
// of memory (some 200,000 of them). A refused line is reported by number and
// leaves the others in effect. Importing the same lines again changes nothing,
// which is also how an import that broke off is resumed.
//
// Nodes and observations get their ids in the order of their lines; edges of one
// source, type and target take effect in theirs. The error is nil where the input
// was read to its end, even if lines were refused; INVALID where it is none of
// the format, and nothing after some line can be read.
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
	if opts.Format == "" {
		opts.Format = formats.JSONL
	}
	from := &source{Reader: r}
	in, err := formats.NewReader(from, opts.Format)
	if from.err != nil && err != nil {
		return ImportReport{DryRun: opts.DryRun}, err
	}
	if err != nil {
		return ImportReport{DryRun: opts.DryRun}, refuse(CodeInvalid, "format", "%s", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	im := &importer{ctx: ctx, to: to, from: from, opts: opts, done: make(chan *importBatch, opts.InFlight)}
	im.report.DryRun = opts.DryRun
	err = im.run(in)
	cancel()
	for ; im.flying > 0; im.flying-- { // proposals end with their context
		<-im.done
	}
	return im.report, err
}

// source remembers why an input ended early, so that what cannot be read is told
// from what did not arrive.
type source struct {
	io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err = err
	}
	return n, err
}

// importer is owned by the goroutine in Import; each batch in flight has a
// goroutine of its own that ends by sending it to done.
type importer struct {
	ctx          context.Context
	to           Applier
	from         *source
	opts         ImportOptions
	report       ImportReport
	nodes, edges lane
	done         chan *importBatch
	flying       int // batches on their way
	deferred     []deferredOp
	deferredSize int
	deferredFrom int // the first line of the deferred
	// deferredNames are the orderNames of the deferred edges.
	deferredNames map[string]struct{}
	last          bool // deferred edges are having their second try
}

// lane is the batch being filled with nodes and what belongs to them, or with
// edges, and those on their way.
type lane struct {
	batch  []Op
	marks  []mark
	size   int
	flying []*importBatch
}

// mark is what an operation of a batch is for.
type mark struct {
	line int
	what thing
	// also operations are no count of their own: those for aliases, and the
	// second of a merge, which counts where its first was refused.
	also bool
	// mayExist takes KEY_EXISTS for an answer.
	mayExist bool
}

type deferredOp struct {
	op   Op
	mark mark
}

type importBatch struct {
	lane     *lane
	ops      []Op
	marks    []mark
	names    map[string]struct{} // orderNames of edges
	results  []OpResult
	refusals []OpRefusal
	outcome  consensus.Outcome
	err      error
}
