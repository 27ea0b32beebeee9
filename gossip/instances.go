package gossip

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// LeaseDuration is how long an external instance stays listed after a
// heartbeat.
const LeaseDuration = 15 * time.Second

// maxInstanceBytes bounds what a node tells of its instances together: they share
// the record with its agents, which nobody could reach if it had no room for them.
const maxInstanceBytes = 96 << 10

// heartbeatSpread is how much older the time of the last heartbeat may look at
// other nodes: a heartbeat at the node that holds the lease costs no gossip.
const heartbeatSpread = 5 * time.Second

// Errors of the external instances.
var (
	ErrUnknownInstance  = errors.New("no such instance is registered")
	ErrTooManyInstances = fmt.Errorf("this node holds as many instances as it can tell of (%d, or %d KiB of descriptions); register at another, or deregister some",
		MaxInstances, maxInstanceBytes>>10)
	ErrBadInstance = errors.New("an instance needs an id of 1 to 255 bytes and a description of at most 8 KiB")
)

// Instance is a program outside the mesh that registered itself and stays
// listed while its heartbeats come, at whichever node. It is never a member.
type Instance struct {
	ID            string   `cbor:"1,keyasint"`
	Hostname      string   `cbor:"2,keyasint,omitempty"`
	Port          int      `cbor:"3,keyasint,omitempty"`
	Capabilities  []string `cbor:"4,keyasint,omitempty"`
	AgentProfiles []string `cbor:"5,keyasint,omitempty"`
	// CreatedAt and LastHeartbeat are Unix milliseconds of the clocks of the
	// nodes that took them. They are for display; nothing is decided by them.
	CreatedAt     int64 `cbor:"6,keyasint,omitempty"`
	LastHeartbeat int64 `cbor:"7,keyasint,omitempty"`
	// Lease is raised each time another node takes the instance over, and Gone
	// marks a deregistered one until everybody has heard of it. The higher
	// lease wins, then the higher node id.
	Lease uint64 `cbor:"8,keyasint"`
	Gone  bool   `cbor:"9,keyasint,omitempty"`
	// Node is the node that holds the lease; it is the record's owner.
	Node string `cbor:"-"`
}

func (i *Instance) clone() Instance {
	c := *i
	c.Capabilities = slices.Clone(i.Capabilities)
	c.AgentProfiles = slices.Clone(i.AgentProfiles)
	return c
}

func (i *Instance) valid() bool {
	size := len(i.Hostname)
	for _, s := range i.Capabilities {
		size += len(s)
	}
	for _, s := range i.AgentProfiles {
		size += len(s)
	}
	return i.ID != "" && len(i.ID) <= 255 && size <= 8<<10
}

// beats says that lease a, held by node an, wins over lease b held by bn.
func beats(a uint64, an string, b uint64, bn string) bool {
	return a > b || a == b && an > bn
}

// maxLease ends the race upwards; nobody gets there by taking turns.
const maxLease = 1 << 62

// lease is what this node knows of an instance it holds.
type lease struct {
	instance Instance
	expires  time.Time
	// published is when the record last told others of a heartbeat.
	published time.Time
}

// Register lists an instance, or lists it anew, under a lease of LeaseDuration
// held by this node. ID is required; times and lease are set here.
func (g *Gossip) Register(i Instance) (Instance, error) {
	if !i.valid() {
		return Instance{}, ErrBadInstance
	}
	now := time.Now()
	i = i.clone()
	i.Gone, i.Node = false, g.cfg.NodeID
	i.CreatedAt, i.LastHeartbeat = now.UnixMilli(), now.UnixMilli()
	return g.takeOver(i, now)
}

// Heartbeat renews the lease of an instance. A node that does not hold the
// lease takes it over. It returns ErrUnknownInstance where the instance is not
// listed.
func (g *Gossip) Heartbeat(id string) (Instance, error) {
	now := time.Now()
	g.mu.Lock()
	if own := g.leases[id]; own != nil && !own.instance.Gone && now.Before(own.expires) {
		own.expires = now.Add(g.timing.lease)
		own.instance.LastHeartbeat = now.UnixMilli()
		i := own.instance.clone()
		g.mu.Unlock()
		return i, nil
	}
	i, ok := g.instancesLocked(now)[id]
	g.mu.Unlock()
	if !ok || i.Gone {
		return Instance{}, fmt.Errorf("%w: %q", ErrUnknownInstance, id)
	}
	i = i.clone()
	i.LastHeartbeat, i.Node = now.UnixMilli(), g.cfg.NodeID
	return g.takeOver(i, now)
}

// Deregister takes an instance off the list, wherever its lease is. It returns
// ErrUnknownInstance where it is not listed.
func (g *Gossip) Deregister(id string) error {
	now := time.Now()
	g.mu.Lock()
	i, ok := g.instancesLocked(now)[id]
	g.mu.Unlock()
	if !ok || i.Gone {
		return fmt.Errorf("%w: %q", ErrUnknownInstance, id)
	}
	_, err := g.takeOver(Instance{ID: id, Gone: true, Node: g.cfg.NodeID}, now)
	return err
}

// Instances lists the external instances of the whole mesh, the oldest first.
// Those of a node that has failed stay for one lease after it was missed, so
// that their next heartbeat, elsewhere, finds them.
func (g *Gossip) Instances() []Instance {
	g.mu.Lock()
	view := g.instancesLocked(time.Now())
	out := make([]Instance, 0, len(view))
	for _, i := range view {
		if !i.Gone {
			out = append(out, i.clone())
		}
	}
	g.mu.Unlock()
	slices.SortFunc(out, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(a.CreatedAt, b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// takeOver makes this node the holder with a lease above every one it knows.
func (g *Gossip) takeOver(i Instance, now time.Time) (Instance, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	held, holding := g.leases[i.ID]
	if !holding && len(g.leases) >= MaxInstances {
		return Instance{}, ErrTooManyInstances
	}
	told := len(encode(i))
	for id, l := range g.leases {
		if id != i.ID {
			told += len(encode(l.instance))
		}
	}
	if told > maxInstanceBytes {
		return Instance{}, ErrTooManyInstances
	}
	i.Lease = min(g.highestLeaseLocked(i.ID)+1, maxLease)
	g.leases[i.ID] = &lease{instance: i, expires: now.Add(g.timing.lease), published: now}
	if err := g.publishLocked(); err != nil {
		if delete(g.leases, i.ID); holding {
			g.leases[i.ID] = held
		}
		return Instance{}, err
	}
	return i.clone(), nil
}

// instancesLocked is the winning lease of every instance, gone ones included.
// Called with mu.
func (g *Gossip) instancesLocked(now time.Time) map[string]Instance {
	view := make(map[string]Instance)
	for owner, e := range g.table.entries {
		if s := g.seen[owner]; owner != g.cfg.NodeID && (s == nil || !s.alive && now.Sub(s.changed) >= g.timing.lease) {
			continue
		}
		for _, i := range e.wire.Record.Instances {
			if best, ok := view[i.ID]; !ok || beats(i.Lease, owner, best.Lease, best.Node) {
				i.Node = owner
				view[i.ID] = i
			}
		}
	}
	return view
}

func (g *Gossip) highestLeaseLocked(id string) uint64 {
	var highest uint64
	for _, e := range g.table.entries {
		for _, i := range e.wire.Record.Instances {
			if i.ID == id {
				highest = max(highest, i.Lease)
			}
		}
	}
	return highest
}

// yieldLocked gives up the leases that another node's new record beats, and
// says whether there were any. Called with mu.
func (g *Gossip) yieldLocked(r *Record) bool {
	yielded := false
	for _, theirs := range r.Instances {
		if own := g.leases[theirs.ID]; own != nil && beats(theirs.Lease, r.NodeID, own.instance.Lease, g.cfg.NodeID) {
			delete(g.leases, theirs.ID)
			yielded = true
		}
	}
	return yielded
}

// tickLeases ends leases that ran out here and, every few seconds, publishes
// the heartbeats since.
func (g *Gossip) tickLeases(now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	ended, due := 0, false
	for id, l := range g.leases {
		switch {
		case !now.Before(l.expires):
			delete(g.leases, id)
			ended++
		case l.instance.LastHeartbeat > l.published.UnixMilli() && now.Sub(l.published) >= heartbeatSpread:
			l.published = now
			due = true
		}
	}
	if ended == 0 && !due {
		return
	}
	if err := g.publishLocked(); err != nil {
		g.log.Warn("leases were not published", "error", err)
	}
}

// ownInstances is the record's list of what this node holds. Called with mu.
func (g *Gossip) ownInstances() []Instance {
	out := make([]Instance, 0, len(g.leases))
	for _, id := range slices.Sorted(maps.Keys(g.leases)) {
		out = append(out, g.leases[id].instance.clone())
	}
	return out
}
