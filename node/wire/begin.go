package wire

import (
	"context"
	"errors"
	"fmt"

	"github.com/meshd/meshd/node/identity"
)

// ErrNotSent says that certainly nothing of a call left this node.
var ErrNotSent = errors.New("nothing was sent")

// Begin queues a call to another member and returns without waiting for its
// answer, which wait does; wait must be called once and ends with ctx. Calls
// begun one after the other reach a HandleInOrder method in that order. An
// error of Begin, or one of wait that wraps ErrNotSent, means that nothing was
// sent; other errors are those of Call.
func (p *Port) Begin(ctx context.Context, to identity.NodeID, method string, body []byte) (wait func() ([]byte, error), err error) {
	if len(body) > MaxBody {
		return nil, fmt.Errorf("%w: %w: %d bytes, at most %d", ErrNotSent, ErrTooLarge, len(body), MaxBody)
	}
	if len(method) == 0 || len(method) > maxMethod {
		return nil, fmt.Errorf("%w: a method has 1 to %d bytes", ErrNotSent, maxMethod)
	}
	pr := p.peerOf(to)
	if pr == nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, ErrClosed)
	}
	l, err := pr.connected(ctx)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	c, o := l.begin(ctx, method, body)
	if c == nil {
		if o.unsent {
			o.err = ErrUnreachable
		}
		return nil, fmt.Errorf("%w: %w", ErrNotSent, o.err)
	}
	return func() ([]byte, error) {
		o := c.wait(ctx)
		if o.unsent {
			o.err = fmt.Errorf("%w: %w", ErrNotSent, ErrLost)
		}
		return o.body, o.err
	}, nil
}

// CodeOf is the code and the sentence of an error for whoever is on the other
// side; an error that is no refusal becomes CodeInternal and tells nothing.
func CodeOf(err error) (code, sentence string) {
	remote, _ := crossing(err)
	return remote.Code, remote.Sentence
}
