package consensus

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"
)

// A command that is larger than an entry may be goes ahead of itself in chunks:
// each is replicated as a command of its own that only puts it aside, and the
// last names them. So no entry is larger than Raft can carry in time, and the
// command takes effect whole or not at all. What nobody names is dropped.

const (
	// MaxStaged is the largest body of a command that goes in chunks.
	MaxStaged = 16 << 20
	chunkSize = 256 << 10
	// chunksAhead is how many of them wait for an answer at once.
	chunksAhead = 4
	// stagedBytes bounds what lies aside in the state.
	stagedBytes = 64 << 20
	// stagedTime is how long, in ms of mesh time.
	stagedTime = 10 * 60 * 1000
	// stagedSweep bounds the work of one entry.
	stagedSweep = 64
)

// What is put aside, outside of revisions and of backups.
const (
	tableStaged   Table = "sys/staged"   // id index → ms chunk
	tableStagedAt Table = "sys/stagedat" // ms id index → empty
)

// Codes of refusals about commands in chunks.
const (
	codeStagedFull = "STAGED_FULL"
	codeStagedGone = "STAGED_GONE"
)

// stagedID names a command in chunks. Its proposer draws it.
type stagedID [16]byte

// proposeStaged is proposeEnvelope for a body of more than MaxCommand bytes.
func (g *Group) proposeStaged(ctx context.Context, p Proposal) (Outcome, error) {
	if !g.levelReached(ctx, 2) {
		return Outcome{}, fmt.Errorf("%w: %d bytes, at most %d until every node is upgraded", ErrTooLarge, len(p.Body), MaxCommand)
	}
	var id stagedID
	_, _ = rand.Read(id[:])
	ahead, stop := errgroup.WithContext(ctx)
	ahead.SetLimit(chunksAhead)
	count := 0
	for chunk := range slices.Chunk(p.Body, chunkSize) {
		body := append(binary.AppendUvarint(id[:len(id):len(id)], uint64(count)), chunk...)
		count++
		ahead.Go(func() error {
			_, err := g.proposeEnvelope(stop, envelope{part: p.Part, kind: envelopeChunk, body: body})
			return err
		})
	}
	if err := ahead.Wait(); err != nil {
		return Outcome{}, notStaged(ctx, err)
	}
	sum := sha256.Sum256(p.Body)
	ref := binary.AppendUvarint(id[:len(id):len(id)], uint64(count))
	ref = append(ref, sum[:]...)
	out, err := g.proposeEnvelope(ctx, envelope{part: p.Part, kind: envelopeStaged, idem: p.Idempotency, body: ref})
	var r *Refusal
	if errors.As(err, &r) && r.Code == codeStagedGone {
		err = fmt.Errorf("%w: its chunks were put aside for too long", ErrOverloaded)
	}
	return out, err
}

// notStaged is what to answer where a chunk did not arrive: the command itself
// has not been sent, so its outcome is known.
func notStaged(ctx context.Context, err error) error {
	var r *Refusal
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &r), errors.Is(err, ErrUnknown):
		return fmt.Errorf("%w: a chunk of the command was not taken: %w", ErrOverloaded, errors.New(err.Error()))
	}
	return err
}

// stage puts a chunk aside.
func (m *machine) stage(ts *tables, env *envelope) (outcome, error) {
	out := outcome{Revision: m.cur.Revision}
	p := parser{b: env.body}
	id, index := p.take(16), p.uvarint()
	if p.bad || len(p.b) == 0 || index > MaxStaged/chunkSize {
		out.Refusal = internal("a chunk of a command is malformed")
		return out, nil
	}
	if m.cur.Staged+uint64(len(p.b)) > stagedBytes {
		out.Refusal = &Refusal{Code: codeStagedFull, Sentence: "too many large commands are on their way"}
		return out, nil
	}
	key, now := chunkKey(id, index), be64(uint64(m.cur.Time))
	if ts.table(tableStaged).get(key) != nil {
		return out, nil
	}
	m.cur.Staged += uint64(len(p.b))
	if err := ts.table(tableStaged).put(key, append(now, p.b...)); err != nil {
		return out, err
	}
	return out, ts.table(tableStagedAt).put(append(now[:8:8], key...), nil)
}

// dropChunk takes one away that is there.
func (m *machine) dropChunk(ts *tables, key, chunk []byte) error {
	at := append(slices.Clone(chunk[:8]), key...)
	m.cur.Staged -= min(m.cur.Staged, uint64(len(chunk)-8))
	if err := ts.table(tableStagedAt).delete(at); err != nil {
		return err
	}
	return ts.table(tableStaged).delete(key)
}

func chunkKey(id []byte, index uint64) []byte {
	return binary.BigEndian.AppendUint32(slices.Clone(id), uint32(index))
}

// unstage returns the body that an envelope names, nil where it is not all
// there, and drops the chunks: the command comes once.
func (m *machine) unstage(ts *tables, env *envelope) ([]byte, error) {
	p := parser{b: env.body}
	id, count, sum := p.take(16), p.uvarint(), p.take(32)
	if p.bad || len(p.b) > 0 || count > MaxStaged/chunkSize+1 {
		return nil, nil
	}
	var body []byte
	for i := range count {
		chunk := ts.table(tableStaged).get(chunkKey(id, i))
		if len(chunk) < 8 {
			return nil, nil
		}
		body = append(body, chunk[8:]...)
	}
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, nil
	}
	for i := range count {
		key := chunkKey(id, i)
		if err := m.dropChunk(ts, key, ts.table(tableStaged).get(key)); err != nil {
			return nil, err
		}
	}
	return body, nil
}

// sweepStaged drops chunks that nobody has named for too long.
func (m *machine) sweepStaged(ts *tables) error {
	var gone [][]byte
	c := ts.table(tableStagedAt).cursor()
	for k, _ := c.first(); len(k) > 8 && len(gone) < stagedSweep; k, _ = c.next() {
		if int64(binary.BigEndian.Uint64(k)) >= m.cur.Time-stagedTime {
			break
		}
		gone = append(gone, slices.Clone(k[8:]))
	}
	for _, key := range gone {
		chunk := ts.table(tableStaged).get(key)
		if len(chunk) < 8 {
			return fmt.Errorf("%w: a chunk is missing", errRebuild)
		}
		if err := m.dropChunk(ts, key, chunk); err != nil {
			return err
		}
	}
	return nil
}
