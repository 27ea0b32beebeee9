package wire

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meshd/meshd/node/identity"
)

// Handler serves calls on a goroutine of its own. The body is the handler's to
// keep; ctx ends when the caller gives up, its deadline passes or the
// connection breaks.
type Handler = func(ctx context.Context, from identity.NodeID, body []byte) ([]byte, error)

type handler struct {
	fn             Handler
	served, failed prometheus.Counter
}

// handlers is the table of methods.
type handlers struct {
	mu sync.RWMutex
	by map[string]*handler
}

func (h *handlers) get(method string) *handler {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.by[method]
}

func (p *Port) handle(method string, h *handler) {
	if len(method) == 0 || len(method) > maxMethod {
		panic("wire: a method has 1 to 64 bytes: " + method)
	}
	h.served = p.metrics.served.WithLabelValues(method, "ok")
	h.failed = p.metrics.served.WithLabelValues(method, "error")
	p.handlers.mu.Lock()
	defer p.handlers.mu.Unlock()
	if p.handlers.by == nil {
		p.handlers.by = make(map[string]*handler)
	}
	p.handlers.by[method] = h
}

// Handle serves a method, for calls of peers and of this node itself. A later
// one replaces an earlier one.
func (p *Port) Handle(method string, fn Handler) { p.handle(method, &handler{fn: fn}) }

type traceKey struct{}

// WithRequestID returns a context whose calls carry a request id, at most 128
// bytes, for the logs of the other side.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, traceKey{}, id[:min(len(id), maxTrace)])
}

// RequestID returns the request id a call came with, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(traceKey{}).(string)
	return id
}

// Call sends a request of at most MaxBody bytes to a member and waits for its
// answer. The body must not be changed afterwards. The deadline of ctx goes
// with it; leaving early tells the other side. Calls to this node itself are
// served here.
//
// An error that crossed is a *RemoteError. ErrUnreachable, ErrNotMember and
// ErrTooLarge mean that nothing was sent; ErrLost and the errors of ctx mean
// that the call may have taken effect. A peer that could not be reached fails
// at once until a redial in the background succeeds.
func (p *Port) Call(ctx context.Context, to identity.NodeID, method string, body []byte) ([]byte, error) {
	result, err := p.call(ctx, to, method, body)
	word := "ok"
	var remote *RemoteError
	switch {
	case errors.As(err, &remote):
		word = "refused"
	case err != nil:
		word = "failed"
	}
	p.metrics.calls.WithLabelValues(method, word).Inc()
	return result, err
}

func (p *Port) call(ctx context.Context, to identity.NodeID, method string, body []byte) ([]byte, error) {
	if len(body) > MaxBody {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", ErrTooLarge, len(body), MaxBody)
	}
	if len(method) == 0 || len(method) > maxMethod {
		return nil, fmt.Errorf("wire: a method has 1 to %d bytes", maxMethod)
	}
	if to == p.id {
		return p.callSelf(ctx, method, body)
	}
	const tries = 3
	for range tries {
		pr := p.peerOf(to)
		if pr == nil {
			return nil, ErrClosed
		}
		l, err := pr.connected(ctx)
		if err != nil {
			return nil, err
		}
		o := l.call(ctx, method, body)
		if !o.unsent {
			if o.err != nil {
				var remote *RemoteError
				if !errors.As(o.err, &remote) {
					o.err = fmt.Errorf("calling %s on node %s: %w", method, to.Short(), o.err)
				}
				return nil, o.err
			}
			return o.body, nil
		}
	}
	return nil, fmt.Errorf("node %s: %w: connections to it break at once", to.Short(), ErrUnreachable)
}

func (l *link) call(ctx context.Context, method string, body []byte) outcome {
	c, o := l.begin(ctx, method, body)
	if c == nil {
		return o
	}
	return c.wait(ctx)
}

// begun is a call of ours that is queued or sent.
type begun struct {
	link   *link
	id     uint64
	result chan outcome
}

// begin queues a call; nil and why not where it could not.
func (l *link) begin(ctx context.Context, method string, body []byte) (*begun, outcome) {
	f := frame{kind: frameRequest, method: method, trace: RequestID(ctx), body: body}
	if deadline, ok := ctx.Deadline(); ok {
		left := time.Until(deadline)
		if left <= 0 {
			return nil, outcome{err: context.DeadlineExceeded}
		}
		f.timeout = uint32(min(int64(left/time.Millisecond)+1, math.MaxUint32))
	}
	id, result, ok := l.register()
	if !ok {
		return nil, outcome{unsent: true}
	}
	f.id = id
	switch l.queue.push(ctx, f) {
	case pushClosed:
		return nil, outcome{unsent: true}
	case pushGaveUp:
		l.resolve(id, outcome{})
		return nil, outcome{err: fmt.Errorf("waiting to send: %w", ctx.Err())}
	}
	return &begun{link: l, id: id, result: result}, outcome{}
}

func (c *begun) wait(ctx context.Context) outcome {
	select {
	case o := <-c.result:
		return o
	case <-ctx.Done():
		c.link.abandon(c.id)
		return outcome{err: ctx.Err()}
	}
}

// serve starts a call of the peer, or refuses it at once: waiting here would
// hold up the answers to our own calls, and two nodes could wait for each
// other for ever.
func (l *link) serve(f frame) {
	h := l.port.handlers.get(f.method)
	if h == nil {
		l.answer(f.id, nil, &RemoteError{Code: CodeUnknownMethod, Sentence: "this node does not know the method " + f.method})
		return
	}
	size := int64(len(f.body))
	running, held := l.running.Add(1), l.held.Add(size)
	finished := func() {
		l.running.Add(-1)
		l.held.Add(-size)
	}
	if running > int64(l.port.budgets.CallsPerPeer) || held > int64(l.port.budgets.CallBytesPerPeer) {
		finished()
		l.port.metrics.dropped.WithLabelValues("calls_per_peer").Inc()
		l.answer(f.id, nil, &RemoteError{Code: CodeOverloaded, Sentence: "this node serves too many calls of one peer already"})
		return
	}
	ctx, cancel := l.handlerContext(f)
	l.mu.Lock()
	l.serving[f.id] = cancel
	l.mu.Unlock()
	l.port.group.Go(func() {
		body, err := l.port.handled(ctx, h, l.peer, f.body)
		cancel()
		finished()
		l.answerOf(h, f, body, err)
		l.mu.Lock()
		delete(l.serving, f.id) // the link is in use until the answer is queued
		l.mu.Unlock()
	})
}

func (l *link) handlerContext(f frame) (context.Context, context.CancelFunc) {
	ctx := l.ctx
	if f.trace != "" {
		ctx = context.WithValue(ctx, traceKey{}, f.trace)
	}
	if f.timeout > 0 {
		return context.WithTimeout(ctx, time.Duration(f.timeout)*time.Millisecond)
	}
	return context.WithCancel(ctx)
}

func (l *link) answerOf(h *handler, f frame, body []byte, err error) {
	if len(body) > MaxBody {
		err = fmt.Errorf("%w: an answer of %d bytes", ErrTooLarge, len(body))
	}
	if f.trace != "" && l.port.logger.Enabled(l.ctx, slog.LevelDebug) {
		l.port.logger.Debug("a call of a peer was served", "method", f.method, "peer", l.peer.Short(), "request_id", f.trace, "done", err == nil)
	}
	if err == nil {
		h.served.Inc()
		l.answer(f.id, body, nil)
		return
	}
	h.failed.Inc()
	remote, hidden := crossing(err)
	if hidden {
		l.port.logger.Warn("a call failed", "method", f.method, "peer", l.peer.Short(), "request_id", f.trace, "error", err)
	}
	l.answer(f.id, nil, remote)
}

func (l *link) answer(id uint64, body []byte, remote *RemoteError) {
	if remote == nil {
		l.reply(frame{kind: frameResult, id: id, body: body})
		return
	}
	encoded, err := encoder.Marshal(remote)
	if err != nil || len(encoded) > MaxBody {
		encoded, _ = encoder.Marshal(&RemoteError{Code: remote.Code, Sentence: "the error is too large to send"})
	}
	l.reply(frame{kind: frameFailure, id: id, body: encoded})
}

// handled runs a handler; a panic of it is an error of the call and no more.
func (p *Port) handled(ctx context.Context, h *handler, from identity.NodeID, body []byte) (result []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			p.logger.Error("a handler panicked", "panic", r, "stack", string(debug.Stack()))
			result, err = nil, fmt.Errorf("panic: %v", r)
		}
	}()
	return h.fn(ctx, from, body)
}

// callSelf gives the caller what it would get over the wire.
func (p *Port) callSelf(ctx context.Context, method string, body []byte) ([]byte, error) {
	if p.ctx.Err() != nil {
		return nil, ErrClosed
	}
	h := p.handlers.get(method)
	if h == nil {
		return nil, &RemoteError{Code: CodeUnknownMethod, Sentence: "this node does not know the method " + method}
	}
	body, err := p.handled(ctx, h, p.id, body)
	if err == nil {
		return body, nil
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil, ctx.Err()
	}
	remote, hidden := crossing(err)
	if hidden {
		p.logger.Warn("a call failed", "method", method, "peer", "self", "request_id", RequestID(ctx), "error", err)
	}
	return nil, remote
}
