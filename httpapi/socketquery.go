package httpapi

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// queryFrame is POST /graph/query as a frame.
type queryFrame struct {
	Type string `json:"type"`
	ID   string `json:"id"`
	graphQueryBody
	Consistency string `json:"consistency"`
	MaxAge      string `json:"max_age"`
	MinRevision uint64 `json:"min_revision"`
}

// socketQuery is a query under way.
type socketQuery struct {
	s *socketFrames
	queryFrame
	options consensus.ReadOptions
	q       graphsync.Query
}

func (f *socketQuery) check() error {
	if err := checkHead(f.Type, "query", f.ID); err != nil {
		return err
	}
	var err error
	if f.options, err = (ReadInput{Consistency: f.Consistency, MaxAge: f.MaxAge}).Options(); err == nil {
		f.q, err = f.query()
	}
	if err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return err
		}
		field, _ := e.Details["field"].(string)
		return badFrame(field[strings.IndexByte(field, '.')+1:], e.Sentence)
	}
	f.options.MinRevision = max(f.MinRevision, f.s.had.Load())
	return nil
}

// Waits implements agent.Request: a query may take its time.
func (*socketQuery) Waits() bool { return true }

// Answer implements agent.Request.
func (f *socketQuery) Answer(ctx context.Context) ([]byte, error) {
	s := f.s
	if err := s.allow(readFrames); err != nil {
		return nil, s.told(ctx, err)
	}
	began := time.Now()
	out, info, err := s.api.cfg.Graph.Query(ctx, f.options, f.q)
	s.saw(info.Revision)
	if err != nil {
		return nil, s.toldOf(ctx, err, nil)
	}
	answer := marshal(answerOf(&out, time.Since(began)))
	b := appendHead(make([]byte, 0, len(answer)+64), f.ID, info.Revision)
	return append(append(b, ','), answer[1:]...), nil
}
