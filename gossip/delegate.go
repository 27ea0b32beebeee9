package gossip

import (
	"fmt"
	"time"

	"github.com/hashicorp/memberlist"
)

// User messages begin with a byte that says what follows.
const (
	msgRecord = 1 // one record
	msgDigest = 2 // one digest of a record too large to broadcast
)

const (
	// maxBroadcastRecord is the largest record that travels in packets; of a
	// larger one only the digest does, and who wants it pulls it.
	maxBroadcastRecord = 32 << 10
	// maxWholeState is the most record bytes sent unasked in a push/pull.
	maxWholeState = 64 << 10
	maxMetaName   = 128
)

// delegate is what memberlist calls. NotifyAlive, NotifyJoin, NotifyLeave and
// NotifyUpdate run under memberlist's node lock, so nothing under Gossip.mu may
// call memberlist.
type delegate struct{ g *Gossip }

var (
	_ memberlist.Delegate      = delegate{}
	_ memberlist.EventDelegate = delegate{}
	_ memberlist.AliveDelegate = delegate{}
	_ memberlist.MergeDelegate = delegate{}
)

// meta is what the member list itself carries of a node, to have a name before
// the record is there.
type meta struct {
	Name    string `cbor:"1,keyasint,omitempty"`
	Version string `cbor:"2,keyasint,omitempty"`
}

func newMeta(r *Record) []byte {
	cut := func(s string) string {
		for i := range s {
			if i > maxMetaName {
				return s[:i]
			}
		}
		return s
	}
	return encode(meta{Name: cut(r.Name), Version: cut(r.Version)})
}

func decodeMeta(raw []byte) (meta, error) {
	var m meta
	if len(raw) > memberlist.MetaMaxSize {
		return m, fmt.Errorf("meta of %d bytes", len(raw))
	}
	if err := decMode.Unmarshal(raw, &m); err != nil {
		return meta{}, fmt.Errorf("decoding meta: %w", err)
	}
	return m, nil
}

// NodeMeta implements memberlist.Delegate.
func (d delegate) NodeMeta(int) []byte { return d.g.meta }

// NotifyMsg implements memberlist.Delegate.
func (d delegate) NotifyMsg(b []byte) {
	if len(b) < 1 {
		return
	}
	switch b[0] {
	case msgRecord:
		d.g.receive(append([]byte(nil), b[1:]...))
	case msgDigest:
		var one digest
		if err := decMode.Unmarshal(b[1:], &one); err != nil {
			d.g.count.records.WithLabelValues("malformed").Inc()
			return
		}
		d.g.want(one.NodeID, []digest{one})
	}
}

// GetBroadcasts implements memberlist.Delegate.
func (d delegate) GetBroadcasts(overhead, limit int) [][]byte {
	return d.g.queue.GetBroadcasts(overhead, limit)
}

// LocalState implements memberlist.Delegate.
func (d delegate) LocalState(bool) []byte {
	d.g.mu.Lock()
	defer d.g.mu.Unlock()
	m, how := stateMessage{From: d.g.cfg.NodeID}, "whole"
	if d.g.table.size <= maxWholeState {
		m.Records = d.g.table.raws()
	} else {
		m.Digests, how = d.g.table.digests(), "digests"
	}
	d.g.count.pushPull.WithLabelValues(how).Inc()
	return encode(m)
}

// MergeRemoteState implements memberlist.Delegate.
func (d delegate) MergeRemoteState(b []byte, _ bool) {
	m, err := decodeState(b)
	if err != nil {
		d.g.count.records.WithLabelValues("malformed").Inc()
		d.g.log.Warn("malformed gossip state", "error", err)
		return
	}
	for _, raw := range m.Records {
		d.g.receive(raw)
	}
	d.g.want(m.From, m.Digests)
}

// NotifyAlive implements memberlist.AliveDelegate: hearsay about nodes that are
// not in the roster, or not at the address their id gives them, is refused one
// by one. A newcomer whose roster entry is still under way is joined by Kick.
func (d delegate) NotifyAlive(n *memberlist.Node) error {
	switch {
	case n.Name != d.g.cfg.NodeID && !d.g.cfg.Known(n.Name):
		return errUnknown
	case !sameAddress(n):
		return fmt.Errorf("%s:%d is not its address", n.Addr, n.Port)
	case n.PMin > memberlist.ProtocolVersionMax || n.PMax < memberlist.ProtocolVersionMin ||
		n.PCur < n.PMin || n.PCur > n.PMax || n.DMin > 1 || n.DMax < 1:
		// One such entry would make memberlist refuse every later push/pull.
		return fmt.Errorf("it speaks protocols %d to %d", n.PMin, n.PMax)
	}
	return nil
}

// NotifyMerge implements memberlist.MergeDelegate: a list in which nobody is
// known is another mesh's. One in which somebody is not is only newer or older
// than our roster, and NotifyAlive takes what is known of it.
func (d delegate) NotifyMerge(nodes []*memberlist.Node) error {
	for _, n := range nodes {
		if n.Name != d.g.cfg.NodeID && d.g.cfg.Known(n.Name) && sameAddress(n) {
			return nil
		}
	}
	return fmt.Errorf("none of %d nodes is a member of this mesh", len(nodes))
}

// NotifyJoin implements memberlist.EventDelegate.
func (d delegate) NotifyJoin(n *memberlist.Node) { d.g.sighted(n, true) }

// NotifyUpdate implements memberlist.EventDelegate.
func (d delegate) NotifyUpdate(n *memberlist.Node) { d.g.sighted(n, true) }

// NotifyLeave implements memberlist.EventDelegate. It does not tell a death
// from a goodbye; the record does.
func (d delegate) NotifyLeave(n *memberlist.Node) { d.g.sighted(n, false) }

// sighting is what this run has seen of a node.
type sighting struct {
	alive   bool
	changed time.Time // when alive last changed
	last    time.Time // last sign of life
	meta    meta
}

func (g *Gossip) sighted(n *memberlist.Node, alive bool) {
	now := time.Now()
	m, err := decodeMeta(n.Meta)
	if err != nil {
		g.log.Debug("malformed node meta", "peer", n.Name, "error", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.seen[n.Name]
	if s == nil {
		s = &sighting{changed: now}
		g.seen[n.Name] = s
	}
	if s.alive != alive {
		s.alive, s.changed = alive, now
		if alive {
			g.aliveCount.Add(1)
		} else {
			g.aliveCount.Add(-1)
		}
	}
	if alive {
		s.last, s.meta = now, m
	}
	g.notify()
}

// broadcast is one record, or its digest, in the queue of user broadcasts. The
// queue keeps one per name, so a newer version drives the older one out.
type broadcast struct {
	id       string
	message  []byte
	finished func()
}

var _ memberlist.NamedBroadcast = (*broadcast)(nil)

func (b *broadcast) Name() string { return b.id }
func (b *broadcast) Invalidates(other memberlist.Broadcast) bool {
	o, ok := other.(*broadcast)
	return ok && o.id == b.id
}
func (b *broadcast) Message() []byte { return b.message }
func (b *broadcast) Finished() {
	if b.finished != nil {
		b.finished()
	}
}

func newBroadcast(e *entry, finished func()) *broadcast {
	r := &e.wire.Record
	b := &broadcast{id: r.NodeID, finished: finished}
	if len(e.raw) <= maxBroadcastRecord {
		b.message = append([]byte{msgRecord}, e.raw...)
	} else {
		b.message = append([]byte{msgDigest}, encode(digest{NodeID: r.NodeID, Incarnation: r.Incarnation, Counter: r.Counter})...)
	}
	return b
}
