package httpapi

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/graphsync/formats"
	"github.com/meshd/meshd/node/access"
)

const (
	// maxImports bounds the imports at once; each may hold 64 MiB of edges
	// that wait for their nodes.
	maxImports = 8
	// progressEvery is how often progress is told, at most.
	progressEvery = time.Second
	// maxLineSentence bounds what is said about one line.
	maxLineSentence = 500
)

// ImportProgress is how far an import is; the last one has Done or Error. The
// counts of nodes and edges are lines that were applied.
type ImportProgress struct {
	Done      bool  `json:"done,omitempty"`
	Lines     int   `json:"lines"`
	Bytes     int64 `json:"bytes"`
	Nodes     int   `json:"nodes"`
	Edges     int   `json:"edges"`
	Created   int   `json:"created"`
	Updated   int   `json:"updated"`
	Unchanged int   `json:"unchanged"`
	// Observations and Vectors are as Nodes and Edges are.
	Observations int `json:"observations,omitempty"`
	Vectors      int `json:"vectors,omitempty"`
	// Stored is the last line up to which all is stored or told as refused: an
	// import that ends early is taken up with from_line at the next.
	Stored    int                   `json:"stored"`
	Errors    int                   `json:"errors"`
	Refusals  []graphsync.LineError `json:"refusals,omitempty"`
	Revision  uint64                `json:"revision"`
	DryRun    bool                  `json:"dry_run,omitempty"`
	Error     string                `json:"error,omitempty"`
	Code      string                `json:"code,omitempty"`
	RequestID string                `json:"request_id,omitempty"`
}

func progressOf(r graphsync.ImportReport) ImportProgress {
	return ImportProgress{
		Lines: r.Lines, Bytes: r.Bytes, Nodes: r.Nodes, Edges: r.Edges, Created: r.Created, Updated: r.Updated,
		Unchanged: r.Unchanged, Observations: r.Observations, Vectors: r.Vectors, Stored: r.Stored, Errors: r.Refused, Revision: r.Revision, DryRun: r.DryRun,
	}
}

// importBodies are the media types of an import: those of the formats, and
// those that say nothing, whose format the first bytes tell.
var importBodies = append(formats.MediaTypes(), mediaUntold, "application/gzip")

const mediaUntold = "application/octet-stream"

func (a *API) importEntry() Entry {
	return Plain(Route{Method: http.MethodPost, Path: "/graph/import", Summary: "Load a file of a graph; progress comes back as JSON lines", Role: access.RoleUser,
		Query: []string{"session_id", "dry_run", "format", "from_line"}, Timeout: -1, MaxBody: math.MaxInt64, Consumes: importBodies, Produces: jsonLines}, a.atMost(maxImports, a.importGraph))
}

// importQuery reads what an import is asked to do.
func importQuery(c *gin.Context) (o graphsync.ImportOptions, err error) {
	o.Namespace = c.Query("session_id")
	if err := graphsync.CheckNamespace(o.Namespace); err != nil {
		return o, named(c.Request.Context(), err, "query")
	}
	if text := c.Query("dry_run"); text != "" {
		if o.DryRun, err = strconv.ParseBool(text); err != nil {
			return o, invalid("query.dry_run", "dry_run is true or false")
		}
	}
	if text := c.Query("from_line"); text != "" {
		if o.FromLine, err = strconv.Atoi(text); err != nil || o.FromLine < 1 {
			return o, invalid("query.from_line", "from_line is the number of a line, from 1")
		}
	}
	if text := c.Query("format"); text != "" {
		if o.Format, err = formats.Parse(text); err != nil {
			return o, invalid("query.format", err.Error())
		}
		return o, nil
	}
	var told bool
	if o.Format, told = formats.OfType(c.GetHeader("Content-Type")); !told {
		o.Format = formats.Auto
	}
	return o, nil
}

// importGraph loads a file of a graph while it arrives. As application/x-ndjson
// the answer is lines: refused lines as {"line","error"}, progress once a
// second, the totals last. As application/json it is the totals, with the
// refused lines among them. Importing is idempotent by nature, so an
// idempotency key adds nothing.
func (a *API) importGraph(c *gin.Context) {
	opts, err := importQuery(c)
	if err != nil {
		a.Refuse(c, err)
		return
	}
	s := a.openStream(c)
	defer s.end()
	s.bothWays(c)
	answer := importAnswer{s: s, lines: c.GetHeader("Accept") == jsonLines[0]}
	caller, _ := Principal(s.ctx)
	opts.Author, opts.Progress = caller.ID, answer.progress
	report, err := graphsync.Import(s.ctx, a.cfg.Graph, s, opts)
	if err == nil {
		answer.done(report)
		return
	}
	if errors.Is(err, graphsync.ErrTooManyErrors) {
		err = Fail("TOO_MANY_ERRORS", "%s", err.Error())
	}
	fault := a.asError(s.ctx, s.cause(err))
	if answer.begun {
		answer.failed(report, fault, RequestID(s.ctx))
	} else {
		so := progressOf(report)
		so.Refusals = lineErrors(report.Errors)
		a.Refuse(c, fault.With("imported", so))
	}
	if c.Request.ProtoMajor == 1 { // later ones can refuse the rest of a body
		s.linger()
	}
}

// importAnswer is what the client has been told of an import. It belongs to the
// importing goroutine.
type importAnswer struct {
	s     *stream
	lines bool // the answer is JSON lines
	begun bool
	told  int // refused lines
	last  time.Time
}

// progress tells how far the import is, at once the first time and then once
// in progressEvery.
func (w *importAnswer) progress(r graphsync.ImportReport) {
	if !w.lines || time.Since(w.last) < progressEvery {
		return
	}
	w.last = time.Now()
	w.send(r, progressOf(r))
}

// done tells the totals.
func (w *importAnswer) done(r graphsync.ImportReport) {
	p := progressOf(r)
	p.Done = true
	if !w.lines {
		p.Refusals = lineErrors(r.Errors)
	}
	w.send(r, p)
}

// failed tells, in an answer that began well, how far it came and why it ended.
func (w *importAnswer) failed(r graphsync.ImportReport, fault *Error, request string) {
	p := progressOf(r)
	p.Error, p.Code, p.RequestID = fault.Sentence, fault.Code, request
	w.send(r, p)
}

// send writes the refused lines not told yet, and p.
func (w *importAnswer) send(r graphsync.ImportReport, p ImportProgress) {
	h := w.s.w.Header()
	if !w.begun {
		w.begun = true
		h.Set("Content-Type", jsonLines[1])
		if w.lines {
			h.Set("Content-Type", jsonLines[0])
		}
		if r.Revision > 0 {
			h.Set("X-Mesh-Revision", strconv.FormatUint(r.Revision, 10))
		}
		w.s.w.WriteHeader(http.StatusOK)
	} else {
		h.Set(http.TrailerPrefix+"X-Mesh-Revision", strconv.FormatUint(r.Revision, 10))
	}
	var out []byte
	if w.lines {
		for _, e := range lineErrors(r.Errors[w.told:]) {
			out = appendLine(out, e)
		}
		w.told = len(r.Errors)
	}
	if _, err := w.s.Write(appendLine(out, p)); err != nil {
		w.s.cancel(err)
	}
}

func appendLine(out []byte, v any) []byte {
	line, err := json.Marshal(v)
	if err != nil { // texts and numbers always encode
		panic(err)
	}
	return append(append(out, line...), '\n')
}

func lineErrors(errs []graphsync.LineError) []graphsync.LineError {
	out := make([]graphsync.LineError, len(errs))
	for i, e := range errs {
		out[i] = graphsync.LineError{Line: e.Line, Sentence: clip(e.Sentence, maxLineSentence)}
	}
	return out
}
