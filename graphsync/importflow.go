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
)

func (im *importer) run(lines *LineReader) error {
	for {
		o, size, err := lines.Next()
		im.report.Lines, im.report.Bytes = lines.Line(), lines.Bytes()
		switch {
		case errors.Is(err, io.EOF):
			return im.finish()
		case errors.Is(err, ErrLine):
			if err := im.refuse(lines.Line(), err); err != nil {
				return err
			}
			continue
		case err != nil:
			return fmt.Errorf("reading line %d: %w", lines.Line()+1, err)
		}
		if err := im.add(o, lines.Line(), size); err != nil {
			return err
		}
	}
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
	slices.SortFunc(again, func(a, b deferredOp) int { return a.line - b.line })
	for i := range again {
		if err := im.add(again[i].op, again[i].line, len(again[i].op.Properties)); err != nil {
			return err
		}
	}
	if err := im.flushEdges(); err != nil {
		return err
	}
	return im.wait(nil)
}

// add puts an operation into its lane. An edge that an operation on its way
// names too waits for it, so that their order holds.
func (im *importer) add(o Op, line, size int) error {
	if err := im.ctx.Err(); err != nil {
		return err
	}
	l := &im.nodes
	if o.Op == OpUpsertEdge {
		l = &im.edges
		name := orderName(&o)
		if _, ok := im.deferredNames[name]; ok && im.postpone(&o, line) {
			return nil
		}
		for _, b := range l.flying {
			if _, ok := b.names[name]; ok {
				if err := im.wait(l); err != nil {
					return err
				}
				break
			}
		}
	}
	l.ops, l.lines = append(l.ops, o), append(l.lines, line)
	l.size += size + keyCost(o.Key) + keyCost(o.Source) + keyCost(o.Target) + 256
	if len(l.ops) < importOps && l.size < importBytes {
		return nil
	}
	if l == &im.edges {
		return im.flushEdges()
	}
	return im.flushNodes()
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

// orderName is what two edges must share for their order to matter.
func orderName(o *Op) string {
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
	if len(im.edges.ops) == 0 {
		return nil
	}
	if err := im.wait(&im.nodes); err != nil {
		return err
	}
	return im.flush(&im.edges)
}

func (im *importer) flush(l *lane) error {
	if len(l.ops) == 0 {
		return nil
	}
	for im.flying >= im.opts.InFlight {
		if err := im.take(); err != nil {
			return err
		}
	}
	b := &importBatch{lane: l, ops: l.ops, lines: l.lines}
	if l == &im.edges && im.opts.InFlight > 1 {
		b.names = make(map[string]struct{}, len(l.ops))
		for i := range b.ops {
			b.names[orderName(&b.ops[i])] = struct{}{}
		}
	}
	l.ops, l.lines, l.size = nil, nil, 0
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
		return fmt.Errorf("importing lines %d to %d: %w", b.lines[0], b.lines[len(b.lines)-1], b.err)
	}
	im.report.Revision = max(im.report.Revision, b.outcome.Revision)
	for i := range b.results {
		switch b.results[i].Status {
		case StatusCreated:
			im.report.Created++
		case StatusUpdated:
			im.report.Updated++
		case StatusUnchanged:
			im.report.Unchanged++
		default:
			continue
		}
		if b.lane == &im.edges {
			im.report.Edges++
		} else {
			im.report.Nodes++
		}
	}
	for _, r := range b.refusals {
		o, line := &b.ops[r.Index], b.lines[r.Index]
		waits := r.Refusal.Code == CodeNotFound || r.Refusal.Details["field"] == "parallel"
		if waits && o.Op == OpUpsertEdge && im.postpone(o, line) {
			continue
		}
		if err := im.refuse(line, r.Refusal); err != nil {
			return err
		}
	}
	if im.opts.Progress != nil {
		im.opts.Progress(im.report)
	}
	return nil
}

// postpone keeps an edge whose end may still come, or one that such an edge
// goes before.
func (im *importer) postpone(o *Op, line int) bool {
	size := len(o.Properties) + len(o.Source) + len(o.Target) + 256
	if im.last || len(im.deferred) >= maxDeferred || im.deferredSize+size > deferredBytes {
		return false
	}
	if im.deferredNames == nil {
		im.deferredNames = make(map[string]struct{})
	}
	im.deferredNames[orderName(o)] = struct{}{}
	im.deferred = append(im.deferred, deferredOp{*o, line})
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
