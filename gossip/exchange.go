package gossip

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	// pullTimeout bounds one pull, maxPullBytes what it may bring; the rest
	// comes with the next.
	pullTimeout  = 10 * time.Second
	maxPullBytes = 8 << 20
	// pullParallel bounds the pulls this node has under way.
	pullParallel = 4
)

// receive takes in one record that came from somewhere. It keeps raw.
func (g *Gossip) receive(raw []byte) {
	w, err := decodeRecord(raw)
	if err != nil {
		g.count.records.WithLabelValues("malformed").Inc()
		g.log.Debug("malformed record", "error", err)
		return
	}
	g.count.records.WithLabelValues(g.merge(&entry{wire: w, raw: raw})).Inc()
}

// merge keeps a record if its owner is a member and it is news, and passes it
// on. It returns the verdict, for the figures.
func (g *Gossip) merge(e *entry) string {
	r := &e.wire.Record
	if r.NodeID != g.cfg.NodeID && !g.cfg.Known(r.NodeID) {
		return "unknown"
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.NodeID == g.cfg.NodeID {
		return g.outbidLocked(r)
	}
	if !g.table.stale(r.NodeID, r.version()) {
		return "old"
	}
	g.table.put(e)
	g.queue.QueueBroadcast(newBroadcast(e, nil))
	if s := g.seen[r.NodeID]; s != nil && s.alive {
		s.last = time.Now()
	}
	if g.yieldLocked(r) {
		if err := g.publishLocked(); err != nil {
			g.log.Warn("yielded leases were not published", "error", err)
		}
	}
	g.notify()
	return "new"
}

// outbidLocked answers a record of this node that this run has not written: an
// earlier run's, left by a clock that has gone back since. Our next version
// must be above it or nobody would take it. Once a second at most, lest two
// nodes with one identity outbid each other for ever. Called with mu.
func (g *Gossip) outbidLocked(r *Record) string {
	if r.version() == g.self.version() || !g.self.version().less(r.version()) {
		return "own"
	}
	if now := time.Now(); now.Sub(g.outbid) >= time.Second && r.Incarnation+1 < maxIncarnation {
		g.outbid = now
		g.self.Incarnation, g.self.Counter = r.Incarnation+1, 0
		if err := g.publishLocked(); err != nil {
			g.log.Warn("the record could not be renewed", "error", err)
		}
	}
	return "outbid"
}

// want has the records of the digests pulled from a node where they are news.
func (g *Gossip) want(from string, ds []digest) {
	if from == g.cfg.NodeID {
		return
	}
	g.mu.Lock()
	news := false
	for _, d := range ds {
		if d.NodeID != g.cfg.NodeID && g.table.stale(d.NodeID, d.version()) && g.cfg.Known(d.NodeID) {
			news = true
			break
		}
	}
	if news = news && !g.pulling[from] && len(g.pulling) < maxStreamNodes; news {
		g.pulling[from] = true
	}
	g.mu.Unlock()
	if news && g.cfg.Known(from) {
		g.spawn(func() { g.pullFrom(from) })
		return
	}
	if news {
		g.mu.Lock()
		delete(g.pulling, from)
		g.mu.Unlock()
	}
}

func (g *Gossip) pullFrom(from string) {
	defer func() {
		g.mu.Lock()
		delete(g.pulling, from)
		g.mu.Unlock()
	}()
	select {
	case g.pullSlots <- struct{}{}:
		defer func() { <-g.pullSlots }()
	case <-g.ctx.Done():
		return
	}
	result := "ok"
	if err := g.pull(from); err != nil {
		result = "failed"
		g.log.Debug("records were not pulled", "peer", from, "error", err)
	}
	g.count.pulls.WithLabelValues(result).Inc()
}

// pull asks one node for the records it has newer than ours.
func (g *Gossip) pull(from string) error {
	ctx, cancel := context.WithTimeout(g.ctx, dialTimeout)
	defer cancel()
	c, err := g.transport.open(ctx, from, kindPull)
	if err != nil {
		return err
	}
	defer g.transport.release(c)
	if err := c.SetDeadline(time.Now().Add(pullTimeout)); err != nil {
		return err
	}
	g.mu.Lock()
	have := encode(g.table.digests())
	g.mu.Unlock()
	if _, err := c.Write(newFrame(kindDigests, have)); err != nil {
		return fmt.Errorf("asking for records: %w", err)
	}
	for left := maxPullBytes; ; {
		k, raw, err := readFrame(c, MaxRecordBytes)
		if err != nil {
			return err
		}
		switch left -= len(raw); {
		case k == kindEnd:
			return nil
		case k != kindRecord:
			return fmt.Errorf("%w: kind %d in a pull", errFrame, k)
		case left < 0:
			return fmt.Errorf("%w: more than %d bytes of records", errFrame, maxPullBytes)
		}
		g.receive(raw)
	}
}

// servePull answers another node's pull.
func (g *Gossip) servePull(_ string, c net.Conn) error {
	if err := c.SetDeadline(time.Now().Add(pullTimeout)); err != nil {
		return err
	}
	k, body, err := readFrame(c, maxDigests)
	if err != nil {
		return err
	}
	if k != kindDigests {
		return fmt.Errorf("%w: kind %d opens a pull", errFrame, k)
	}
	have, err := decodeDigests(body)
	if err != nil {
		g.count.refused.Inc()
		return errors.Join(errFrame, err)
	}
	g.mu.Lock()
	raws := g.table.newerThan(have, maxPullBytes)
	g.mu.Unlock()
	for _, raw := range raws {
		if _, err := c.Write(newFrame(kindRecord, raw)); err != nil {
			return fmt.Errorf("sending a record: %w", err)
		}
	}
	_, err = c.Write(newFrame(kindEnd, nil))
	return err
}
