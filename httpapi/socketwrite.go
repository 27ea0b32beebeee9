package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/graphsync"
)

// writeFrame is operations on the graph, all or none.
type writeFrame struct {
	Type           string         `json:"type"`
	ID             string         `json:"id"`
	SessionID      string         `json:"session_id"`
	Ops            []graphsync.Op `json:"ops"`
	IdempotencyKey string         `json:"idempotency_key"`
}

// plainly reads a frame in its plain spelling.
func (f *writeFrame) plainly(frame []byte) bool {
	var seen uint32
	p := plainJSON{b: frame}
	return p.object(func(name []byte) bool {
		switch string(name) {
		case "type":
			return once(&seen, 0) && p.text(&f.Type)
		case "id":
			return once(&seen, 1) && p.text(&f.ID)
		case "session_id":
			return once(&seen, 2) && p.text(&f.SessionID)
		case "ops":
			return once(&seen, 3) && p.ops(&f.Ops)
		case "idempotency_key":
			return once(&seen, 4) && p.text(&f.IdempotencyKey)
		}
		return false
	}) && p.end()
}

func (f *writeFrame) check() error {
	if err := checkHead(f.Type, "write", f.ID); err != nil {
		return err
	}
	if k := f.IdempotencyKey; k != "" && (len(k) > 255 || !visible(k)) {
		return badFrame("idempotency_key", "an idempotency key is 1 to 255 visible ASCII characters")
	}
	return nil
}

// socketWrite is a write under way.
type socketWrite struct {
	s *socketFrames
	writeFrame
}

// Waits implements agent.Request.
func (*socketWrite) Waits() bool { return true }

// Answer implements agent.Request.
func (f *socketWrite) Answer(ctx context.Context) ([]byte, error) {
	s := f.s
	if err := s.allow(writeFrames); err != nil {
		return nil, s.told(ctx, err)
	}
	if err := mayDo(s.caller, f.Ops); err != nil {
		return nil, s.told(ctx, err)
	}
	wo := graphsync.WriteOptions{Author: s.caller.ID}
	if f.IdempotencyKey != "" {
		var err error
		if wo.Idempotency, err = f.idempotency(); err != nil {
			return nil, s.told(ctx, err)
		}
	}
	results, wrote, err := s.api.cfg.Graph.Batch(ctx, wo, f.SessionID, f.Ops)
	s.saw(wrote.Revision)
	if err != nil {
		if len(f.Ops) == 1 {
			err = inOnlyOp(err)
		}
		return nil, s.toldOf(ctx, err, nil)
	}
	return f.result(results, wrote), nil
}

// idempotency is that of the operations as read, so that a repeated frame may
// have another id.
func (f *socketWrite) idempotency() (*consensus.IdempotencyKey, error) {
	var content bytes.Buffer
	if err := json.NewEncoder(&content).Encode(f.SessionID); err != nil {
		return nil, err
	}
	if err := json.NewEncoder(&content).Encode(f.Ops); err != nil {
		return nil, err
	}
	return f.s.idempotency("write", f.IdempotencyKey, content.Bytes()), nil
}

// idempotency scopes a key to the caller and a type of frame.
func (s *socketFrames) idempotency(kind, key string, content []byte) *consensus.IdempotencyKey {
	scope := sha256.New()
	for _, part := range []string{s.caller.Kind, s.caller.ID, "WS", kind} {
		scope.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return &consensus.IdempotencyKey{Scope: hex.EncodeToString(scope.Sum(nil)), Key: key, BodyHash: sha256.Sum256(content)}
}

// result is written by hand: most answers of a node are this one, and all in it
// are numbers and words of ours but the id.
func (f *socketWrite) result(results []graphsync.OpResult, wrote consensus.Outcome) []byte {
	b := make([]byte, 0, 96+len(f.ID)+48*len(results))
	b = appendHead(b, f.ID, wrote.Revision)
	if wrote.Replayed {
		b = append(b, `,"replayed":true`...)
	}
	b = append(b, `,"results":[`...)
	b = appendResults(b, results)
	return append(b, "]}"...)
}

// appendHead begins a result frame. The id is visible ASCII.
func appendHead(b []byte, id string, revision uint64) []byte {
	b = append(b, `{"type":"result","id":"`...)
	for i := range len(id) {
		if id[i] == '"' || id[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, id[i])
	}
	b = append(b, `","revision":`...)
	return strconv.AppendUint(b, revision, 10)
}
