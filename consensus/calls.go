package consensus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hashicorp/raft"
)

// Methods of the calls between replicas.
const (
	methodPropose   = "consensus.propose"
	methodTerm      = "consensus.term"
	methodReadIndex = "consensus.readindex"
	methodRevision  = "consensus.revision"
	methodStats     = "consensus.stats"
	methodScrub     = "consensus.scrub"
	methodScan      = "consensus.scan"
	methodVerdict   = "consensus.verdict"
	methodAttend    = "consensus.attend"
	methodSeat      = "consensus.seat"
)

// Methods lists the calls between replicas: whoever implements Peers routes
// each of them to HandleCall at the other end.
func Methods() []string {
	return []string{methodPropose, methodTerm, methodReadIndex, methodRevision, methodStats, methodScrub, methodScan, methodVerdict, methodAttend, methodSeat}
}

// An answer's first byte says how the call ended; errors travel as a byte, so
// that they are the same error on both sides whatever carries the call.
const (
	statusOK byte = iota
	statusNotLeader
	statusOverloaded
	statusDiskFull
	statusStateFault
	statusNotReady
	statusMalformed
	statusClosed
)

var (
	errNotLeader = errors.New("this replica is not the leader")
	errNotReady  = errors.New("the leader is not ready for reads")
	errBadCall   = errors.New("malformed call")
)

var statusErrors = map[byte]error{
	statusNotLeader:  errNotLeader,
	statusOverloaded: ErrOverloaded,
	statusDiskFull:   ErrDiskFull,
	statusStateFault: ErrStateFault,
	statusNotReady:   errNotReady,
	statusMalformed:  errBadCall,
	statusClosed:     ErrClosed,
}

func statusOf(err error) byte {
	for s, e := range statusErrors {
		if errors.Is(err, e) {
			return s
		}
	}
	return statusNotReady
}

// ask makes a call and takes the answer apart.
func (g *Group) ask(ctx context.Context, id, method string, body []byte) ([]byte, error) {
	if g.cfg.Peers == nil {
		return nil, errors.New("no way to call other replicas is configured")
	}
	answer, err := g.cfg.Peers.Call(ctx, id, method, body)
	if err != nil {
		return nil, fmt.Errorf("calling %s at %s: %w", method, id, err)
	}
	if len(answer) == 0 {
		return nil, fmt.Errorf("calling %s at %s: %w", method, id, errBadCall)
	}
	if answer[0] != statusOK {
		err := statusErrors[answer[0]]
		if err == nil {
			err = errBadCall
		}
		return nil, err
	}
	return answer[1:], nil
}

// HandleCall answers a call of another replica; method begins with
// "consensus.". It may block for as long as ctx lets it, so each call needs its
// own goroutine. The error is nil for every call it understands.
func (g *Group) HandleCall(ctx context.Context, fromRaftID, method string, body []byte) ([]byte, error) {
	if g.ctx.Err() != nil {
		return []byte{statusClosed}, nil
	}
	var answer []byte
	var err error
	switch method {
	case methodPropose:
		g.transport.teller.expect(raft.ServerID(fromRaftID), hurryTime)
		err = g.takeForwarded(body)
	case methodAttend:
		g.transport.teller.expect(raft.ServerID(fromRaftID), attendTime)
	case methodTerm:
		answer = binary.AppendUvarint(nil, g.raft.CurrentTerm())
	case methodReadIndex:
		answer, err = g.answerReadIndex(ctx, body)
		g.transport.teller.expect(raft.ServerID(fromRaftID), hurryTime)
	case methodRevision:
		answer, err = g.answerRevision(ctx)
	case methodStats:
		answer = Encode(g.replicaStats())
	case methodScrub:
		var r ScrubReport
		if r, err = g.lead(ctx); err == nil {
			answer = Encode(r)
		}
	case methodScan:
		id, n := binary.Uvarint(body)
		if n <= 0 {
			return []byte{statusMalformed}, nil
		}
		var r scan
		if r, err = g.awaitScan(ctx, id); err == nil {
			answer = Encode(r)
		}
	case methodVerdict:
		err = g.takeVerdict(body)
	case methodSeat:
		err = g.takeSeatMove(body)
	default:
		return nil, fmt.Errorf("there is no call named %q", method)
	}
	if err != nil {
		return []byte{statusOf(err)}, nil
	}
	return append([]byte{statusOK}, answer...), nil
}

// takeForwarded puts a follower's proposals into the leader's queue. It never
// sends them on: one hop is the limit.
func (g *Group) takeForwarded(body []byte) error {
	if len(body) > maxFrame {
		return errBadCall
	}
	e, err := decodeEntry(body)
	if err != nil {
		return errBadCall
	}
	for _, data := range e.envelopes {
		if env, err := decodeEnvelope(data); err != nil || env.part == sysPart {
			return errBadCall
		}
	}
	if !g.leading() {
		return errNotLeader
	}
	if err := g.admit(); err != nil {
		return err
	}
	return g.coalescer.add(e.envelopes, e.acks...)
}

// replicaStats is what the leader asks of the others to judge their health.
type replicaStats struct {
	Term      uint64 `cbor:"1,keyasint"`
	LastIndex uint64 `cbor:"2,keyasint"`
	Applied   uint64 `cbor:"3,keyasint"`
	Fault     bool   `cbor:"4,keyasint,omitempty"`
	Full      bool   `cbor:"5,keyasint,omitempty"` // below the free-space watermark
	Timeout   int64  `cbor:"6,keyasint,omitempty"` // LeaderTimeout in ms
}

func (g *Group) replicaStats() replicaStats {
	return replicaStats{
		Term:      g.raft.CurrentTerm(),
		LastIndex: g.raft.LastIndex(),
		Applied:   g.machine.state().Applied,
		Fault:     g.machine.broken() != nil,
		Full:      g.diskLow.Load(),
		Timeout:   g.raft.ReloadableConfig().HeartbeatTimeout.Milliseconds(),
	}
}
