package graphsync

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync/formats"
)

func (im *importer) run(in formats.Reader) error {
	for {
		text, err := in.Next()
		im.report.Lines, im.report.Bytes = max(in.Line(), im.report.Lines), in.Bytes()
		switch {
		case errors.Is(err, io.EOF):
			return im.finish()
		case err != nil && !errors.Is(err, formats.ErrLine) && im.from.err == nil:
			return refuse(CodeInvalid, "", "the input cannot be read after line %d: %v", in.Line(), err)
		case err != nil && !errors.Is(err, formats.ErrLine):
			return fmt.Errorf("after line %d: %w", in.Line(), err)
		case in.Line() < im.opts.FromLine:
			continue
		}
		var l lineOps
		if err == nil {
			l, err = decodeLine(text)
		}
		if err == nil {
			err = im.addLine(&l, in.Line(), len(text))
		} else {
			err = im.refuse(in.Line(), err)
		}
		if err != nil {
			return err
		}
	}
}

// addLine puts the operations of a line into one batch.
func (im *importer) addLine(l *lineOps, line, size int) error {
	if l.what == aSchema {
		return im.addSchema(&l.ops[0], line)
	}
	for i := range l.ops {
		m := mark{line: line, what: l.what, also: i > 0, mayExist: i == 0 && l.ops[i].Op == OpCreateNode}
		if err := im.add(l.ops[i], m, size); err != nil {
			return err
		}
		size = 0
	}
	return im.send(im.laneOf(&l.ops[0]))
}

// addSchema applies a schema after all lines before it and before all behind it.
func (im *importer) addSchema(o *Op, line int) error {
	if err := im.flushEdges(); err != nil {
		return err
	}
	if err := im.wait(nil); err != nil {
		return err
	}
	if err := im.add(*o, mark{line: line, what: aSchema}, MaxSchema); err != nil {
		return err
	}
	if err := im.flushNodes(); err != nil {
		return err
	}
	return im.wait(nil)
}

// finish sends what is left, then tries the deferred edges once more.
func (im *importer) finish() error {
	if err := im.flushEdges(); err != nil {
		return err
	}
	if err := im.wait(nil); err != nil {
		return err
	}
	im.last = true
	again := im.deferred
	im.deferred, im.deferredNames = nil, nil
	slices.SortFunc(again, func(a, b deferredOp) int { return a.mark.line - b.mark.line })
	for i := range again {
		o := &again[i].op
		if err := im.add(*o, again[i].mark, len(o.Properties)+len(o.Text)+16*len(o.Vector)); err != nil {
			return err
		}
		if err := im.send(im.laneOf(o)); err != nil {
			return err
		}
	}
	if err := im.flushEdges(); err != nil {
		return err
	}
	if err := im.wait(nil); err != nil {
		return err
	}
	if !im.opts.DryRun {
		im.report.Stored = im.report.Lines
	}
	return nil
}

func (im *importer) laneOf(o *Op) *lane {
	if o.Op == OpUpsertEdge {
		return &im.edges
	}
	return &im.nodes
}

// add puts an operation into its lane. An edge that an operation on its way
// names too waits for it, so that their order holds; nodes go one batch at a
// time anyway.
func (im *importer) add(o Op, m mark, size int) error {
	if err := im.ctx.Err(); err != nil {
		return err
	}
	l := im.laneOf(&o)
	if l == &im.edges && len(l.flying) > 0 {
		name := orderName(&o)
		for _, b := range l.flying {
			if _, ok := b.names[name]; ok {
				if err := im.wait(l); err != nil {
					return err
				}
				break
			}
		}
	}
	// The answer that was waited for may have put off one of that name.
	if len(im.deferredNames) > 0 && mayWait(&o) {
		if _, ok := im.deferredNames[orderName(&o)]; ok && im.postpone(&o, m) {
			return nil
		}
	}
	l.batch, l.marks = append(l.batch, o), append(l.marks, m)
	l.size += size + keyCost(o.Key) + keyCost(o.Source) + keyCost(o.Target) + keyCost(o.Alias) + 256
	return nil
}

// send sends the batch of a lane if it is full.
func (im *importer) send(l *lane) error {
	if len(l.batch) < importOps && l.size < importBytes {
		return nil
	}
	if l == &im.edges {
		return im.flushEdges()
	}
	return im.flushNodes()
}

// mayWait says that an operation needs a node that may come later.
func mayWait(o *Op) bool {
	return o.Op == OpUpsertEdge || o.Op == OpAddObservation || o.Op == OpSetVector
}

// keyCost bounds what a key takes in a command beside its spelling in the line.
// Normalisation leaves ASCII no longer than it was, and other text up to eleven
// times as long.
func keyCost(key string) int {
	for i := range len(key) {
		if key[i] >= utf8.RuneSelf {
			return maxNormKey + len(key)
		}
	}
	return 2 * len(key)
}

// orderName is what two operations must share for their order to matter.
func orderName(o *Op) string {
	if o.Op != OpUpsertEdge {
		return strconv.Quote(fold(o.Key))
	}
	return strconv.Quote(fold(o.Source)) + strconv.Quote(fold(o.Target)) + o.Type
}

// flushNodes sends one batch of nodes at a time, so that ids follow the order
// of the lines, whatever becomes of the proposals.
func (im *importer) flushNodes() error {
	if err := im.wait(&im.nodes); err != nil {
		return err
	}
	return im.flush(&im.nodes)
}

// flushEdges sends the edges after all nodes that were read before them.
func (im *importer) flushEdges() error {
	if err := im.flushNodes(); err != nil {
		return err
	}
	if len(im.edges.batch) == 0 {
		return nil
	}
	if err := im.wait(&im.nodes); err != nil {
		return err
	}
	return im.flush(&im.edges)
}

func (im *importer) flush(l *lane) error {
	if len(l.batch) == 0 {
		return nil
	}
	for im.flying >= im.opts.InFlight {
		if err := im.take(); err != nil {
			return err
		}
	}
	b := &importBatch{lane: l, ops: l.batch, marks: l.marks}
	if l == &im.edges && im.opts.InFlight > 1 {
		b.names = make(map[string]struct{}, len(b.ops))
		for i := range b.ops {
			b.names[orderName(&b.ops[i])] = struct{}{}
		}
	}
	l.batch, l.marks, l.size = nil, nil, 0
	l.flying = append(l.flying, b)
	im.flying++
	go func() {
		im.propose(b)
		im.done <- b
	}()
	return nil
}

// wait returns when no batch of the lane, or of any lane, is on its way.
func (im *importer) wait(l *lane) error {
	for im.flying > 0 && (l == nil || len(l.flying) > 0) {
		if err := im.take(); err != nil {
			return err
		}
	}
	return nil
}

// propose tries a batch until it is answered. Trying again is safe after any
// outcome, as every operation is an upsert.
func (im *importer) propose(b *importBatch) {
	deadline := time.Now().Add(im.opts.RetryFor)
	for pause := 20 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		b.results, b.refusals, b.outcome, b.err = im.to.ApplyEach(im.ctx, WriteOptions{Author: im.opts.Author}, im.opts.Namespace, b.ops)
		if !transient(b.err) || im.ctx.Err() != nil || time.Now().After(deadline) {
			return
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-im.ctx.Done():
			timer.Stop()
			return
		}
	}
}

func transient(err error) bool {
	return errors.Is(err, consensus.ErrNoLeader) || errors.Is(err, consensus.ErrOverloaded) || errors.Is(err, consensus.ErrUnknown)
}

// take books the next batch that was answered.
func (im *importer) take() error {
	b := <-im.done
	im.flying--
	b.lane.flying = slices.DeleteFunc(b.lane.flying, func(x *importBatch) bool { return x == b })
	if b.err != nil {
		return fmt.Errorf("importing lines %d to %d: %w", b.marks[0].line, b.marks[len(b.marks)-1].line, b.err)
	}
	im.report.Revision = max(im.report.Revision, b.outcome.Revision)
	if err := im.book(b); err != nil {
		return err
	}
	if !im.opts.DryRun {
		im.report.Stored = im.stored()
	}
	if im.opts.Progress != nil {
		im.opts.Progress(im.report)
	}
	return nil
}

func (im *importer) book(b *importBatch) error {
	slices.SortFunc(b.refusals, func(x, y OpRefusal) int { return x.Index - y.Index })
	told := 0 // the line refused last: a node's aliases fail with it
	there := make(map[int]bool)
	for _, r := range b.refusals {
		o, m := &b.ops[r.Index], b.marks[r.Index]
		switch waits := r.Refusal.Code == CodeNotFound || r.Refusal.Details["field"] == "parallel"; {
		case m.mayExist && r.Refusal.Code == CodeKeyExists:
			there[r.Index] = true
		case waits && mayWait(o) && im.postpone(o, m):
		case m.also && m.line == told:
		default:
			told = m.line
			if err := im.refuse(m.line, r.Refusal); err != nil {
				return err
			}
		}
	}
	for i, r := range b.results {
		m := b.marks[i]
		switch {
		case there[i]: // kept, unless the next operation merges
			if next := i + 1; next < len(b.ops) && b.marks[next].also && b.ops[next].Op == OpUpdateNode {
				continue
			}
			im.count(m.what, StatusUnchanged)
		case m.also && (b.ops[i].Op != OpUpdateNode || !there[i-1]):
		default:
			im.count(m.what, r.Status)
		}
	}
	return nil
}

func (im *importer) count(what thing, status string) {
	switch status {
	case StatusCreated:
		im.report.Created++
	case StatusUpdated:
		im.report.Updated++
	case StatusUnchanged:
		im.report.Unchanged++
	default:
		return
	}
	if what == aSchema {
		return
	}
	*[...]*int{&im.report.Nodes, &im.report.Edges, &im.report.Observations, &im.report.Vectors}[what]++
}

// stored is the last line before all that is not stored yet.
func (im *importer) stored() int {
	line := im.report.Lines - 1 // there may be more on that one
	if im.deferredFrom > 0 {
		line = min(line, im.deferredFrom-1)
	}
	for _, l := range []*lane{&im.nodes, &im.edges} {
		if len(l.marks) > 0 {
			line = min(line, l.marks[0].line-1)
		}
		for _, b := range l.flying {
			line = min(line, b.marks[0].line-1)
		}
	}
	return max(line, 0)
}

// postpone keeps an operation whose node may still come, or one that such an
// operation goes before.
func (im *importer) postpone(o *Op, m mark) bool {
	size := len(o.Properties) + len(o.Source) + len(o.Target) + len(o.Text) + 4*len(o.Vector) + 256
	if im.last || len(im.deferred) >= maxDeferred || im.deferredSize+size > deferredBytes {
		return false
	}
	if im.deferredNames == nil {
		im.deferredNames = make(map[string]struct{})
	}
	if im.deferredFrom == 0 || m.line < im.deferredFrom {
		im.deferredFrom = m.line
	}
	im.deferredNames[orderName(o)] = struct{}{}
	im.deferred = append(im.deferred, deferredOp{*o, m})
	im.deferredSize += size
	return true
}

func (im *importer) refuse(line int, err error) error {
	im.report.Refused++
	if len(im.report.Errors) < im.opts.MaxErrors {
		im.report.Errors = append(im.report.Errors, LineError{line, err.Error()})
	}
	if im.report.Refused >= im.opts.MaxErrors {
		return fmt.Errorf("%w: %d", ErrTooManyErrors, im.report.Refused)
	}
	return nil
}
