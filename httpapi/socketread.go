package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"strings"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// readFrame asks for one node, by id or key, or one edge.
type readFrame struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	SessionID   string `json:"session_id"`
	Node        uint64 `json:"node"`
	Key         string `json:"key"`
	Edge        uint64 `json:"edge"`
	Consistency string `json:"consistency"`
	MaxAge      string `json:"max_age"`
	MinRevision uint64 `json:"min_revision"`
	AsOf        string `json:"as_of"`
	ValidAt     string `json:"valid_at"`
}

// socketRead is a read under way.
type socketRead struct {
	s *socketFrames
	readFrame
	options consensus.ReadOptions
	when    graphsync.When
}

func (f *socketRead) check() error {
	if err := checkHead(f.Type, "read", f.ID); err != nil {
		return err
	}
	named := 0
	for _, is := range []bool{f.Node != 0, f.Key != "", f.Edge != 0} {
		if is {
			named++
		}
	}
	switch {
	case named != 1:
		return badFrame("node", "a read names one of node, key and edge")
	case f.Key != "" && f.SessionID == "":
		return badFrame("session_id", "a key is read in the namespace session_id")
	}
	var err error
	if f.options, f.when, err = timed(ReadInput{Consistency: f.Consistency, MaxAge: f.MaxAge}, WhenInput{AsOf: f.AsOf, ValidAt: f.ValidAt}); err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return err
		}
		field, _ := e.Details["field"].(string)
		return badFrame(strings.TrimPrefix(field, "query."), e.Sentence)
	}
	f.options.MinRevision = max(f.MinRevision, f.s.had.Load())
	return nil
}

// Waits implements agent.Request: what this connection was answered with is
// here, so a stale read of it is answered from memory.
func (f *socketRead) Waits() bool {
	return f.options.Consistency != consensus.Stale || f.options.MinRevision > f.s.had.Load()
}

// Answer implements agent.Request.
func (f *socketRead) Answer(ctx context.Context) ([]byte, error) {
	s := f.s
	if err := s.allow(readFrames); err != nil {
		return nil, s.told(ctx, err)
	}
	if f.Edge != 0 {
		e, info, err := s.api.cfg.Graph.GetEdgeAt(ctx, f.options, f.when, f.SessionID, f.Edge)
		return f.result(ctx, "edge", e, info, err)
	}
	var n graphsync.Node
	var info consensus.ReadInfo
	var err error
	if f.Key != "" {
		n, info, err = s.api.cfg.Graph.GetNodeByKeyAt(ctx, f.options, f.when, f.SessionID, f.Key)
	} else {
		n, info, err = s.api.cfg.Graph.GetNodeAt(ctx, f.options, f.when, f.SessionID, f.Node)
	}
	return f.result(ctx, "node", n, info, err)
}

func (f *socketRead) result(ctx context.Context, name string, thing any, info consensus.ReadInfo, err error) ([]byte, error) {
	f.s.saw(info.Revision)
	if err != nil {
		return nil, f.s.toldOf(ctx, err, map[string]string{"id": name})
	}
	b := make([]byte, 0, 1024)
	b = appendHead(b, f.ID, info.Revision)
	b = append(b, `,"age_ms":`...)
	b = strconv.AppendInt(b, info.Age.Milliseconds(), 10)
	b = append(b, `,"`+name+`":`...)
	out := bytes.NewBuffer(b)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(thing); err != nil {
		return nil, err
	}
	b = out.Bytes()
	b[len(b)-1] = '}' // in place of the encoder's newline
	return b, nil
}
