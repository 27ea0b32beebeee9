package graphsync

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
)

// policy says what becomes of a field that a client and others gave different
// values.
type policy uint8

const (
	policyReject policy = iota // what stands stays; the mutation is kept as a conflict
	policyLast                 // the log's order decides: the mutation takes effect
	policyBoth                 // both are kept, and a conflict says so
)

// strategy is a policy by the name that older clients know.
type strategy uint8

// Names of strategies, and what each does where a client and others gave a
// field different values.
const (
	StrategyVectorClock   = "vector_clock"    // the mutation is refused, and kept as a conflict
	StrategyLastWriteWins = "last_write_wins" // the mutation takes effect: the order of the mesh decides
	StrategyManual        = "manual"          // both values are kept until somebody decides
)

var strategies = [...]string{StrategyVectorClock, StrategyLastWriteWins, StrategyManual}

func (s strategy) policy() policy { return policy(s) }

// Defaults of a graph's sync.
const (
	DefaultSyncInterval = 60
	maxSyncInterval     = 86_400
	defaultGraph        = "default"
)

// GraphNamespace is the namespace of a session's graph: the session itself for
// the one called default, which the empty name means too, else
// "SESSION/GRAPH".
func GraphNamespace(session, graph string) string {
	if graph == "" || graph == defaultGraph {
		return session
	}
	return session + "/" + graph
}

// SessionGraph takes a namespace apart into a session and a graph, which
// GraphNamespace puts together.
func SessionGraph(namespace string) (session, graph string) {
	i := strings.LastIndexByte(namespace, '/')
	if i <= 0 || i == len(namespace)-1 || namespace[i+1:] == defaultGraph {
		return namespace, defaultGraph
	}
	return namespace[:i], namespace[i+1:]
}

// syncRecord is how a namespace is synced, in tSync. What is not set has its
// default.
type syncRecord struct {
	Disabled bool     `cbor:"1,keyasint,omitempty"`
	Strategy strategy `cbor:"2,keyasint,omitempty"`
	Interval uint32   `cbor:"3,keyasint,omitempty"` // seconds
	Last     int64    `cbor:"4,keyasint,omitempty"` // ms, the second of the last push
}

func (s *syncRecord) encode(b []byte) []byte {
	f := mapFields(b)
	f.trueIf(1, s.Disabled)
	f.uintIf(2, uint64(s.Strategy))
	f.uintIf(3, uint64(s.Interval))
	f.intIf(4, s.Last)
	return f.end()
}

func decodeSync(v []byte) (syncRecord, error) {
	var s syncRecord
	r := cborReader{b: v}
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			s.Disabled = r.bool()
		case 2:
			s.Strategy = strategy(r.uintTo(255))
		case 3:
			s.Interval = uint32(r.uintTo(maxSyncInterval))
		case 4:
			s.Last = r.int()
		default:
			return false
		}
		return true
	})
	if !r.whole() || int(s.Strategy) >= len(strategies) {
		return syncRecord{}, errRecord
	}
	return s, nil
}

// syncRecord returns how a namespace is synced.
func (v *view) syncRecord(ns nsID) (syncRecord, error) {
	got := v.r.Get(tSync, appendSymbol(nil, ns))
	if ns == 0 || got == nil {
		return syncRecord{}, nil
	}
	return decodeSync(got)
}

// synced notes when a namespace was pushed to last, to the second.
func (t *tx) synced(ns nsID, rec syncRecord) error {
	now := t.c.Time.Truncate(time.Second).UnixMilli()
	if ns == 0 || rec.Last == now { // nothing came of it, or nothing new
		return nil
	}
	rec.Last = now
	t.w.Put(tSync, appendSymbol(nil, ns), rec.encode(nil))
	return nil
}

// syncSetting is what an opConfigureSync sets, in its data.
type syncSetting struct {
	Enabled  *bool  `cbor:"1,keyasint,omitempty"`
	Strategy string `cbor:"2,keyasint,omitempty"`
	Interval uint32 `cbor:"3,keyasint,omitempty"`
}

func (s *syncSetting) check() *consensus.Refusal {
	if s.Strategy != "" && strategyNamed(s.Strategy) < 0 {
		return invalid("conflict_resolution_strategy", "must be %s", strings.Join(strategies[:], ", "))
	}
	if s.Interval > maxSyncInterval {
		return invalid("sync_interval_seconds", "must be at most %d", maxSyncInterval)
	}
	return nil
}

func strategyNamed(name string) int {
	for i, s := range strategies {
		if s == name {
			return i
		}
	}
	return -1
}

func (t *tx) configureSync(o *op) (opResult, *consensus.Refusal, error) {
	var set syncSetting
	if err := consensus.Decode(o.Data, &set); err != nil {
		return opResult{}, invalid("config", "cannot be read"), nil
	}
	r := set.check()
	if r == nil && t.cmd.Namespace == "" {
		r = invalid("session_id", "must not be empty")
	}
	if r == nil {
		r = t.room("")
	}
	if r != nil {
		return opResult{}, r, nil
	}
	was, err := t.syncRecord(t.namespace(t.cmd.Namespace))
	if err != nil {
		return opResult{}, nil, err
	}
	rec := was
	if set.Enabled != nil {
		rec.Disabled = !*set.Enabled
	}
	if set.Strategy != "" {
		rec.Strategy = strategy(strategyNamed(set.Strategy))
	}
	if set.Interval != 0 {
		rec.Interval = set.Interval
	}
	key := appendSymbol(nil, t.namespace(t.cmd.Namespace))
	if rec == was && t.w.Get(tSync, key) != nil {
		return opResult{}, nil, nil
	}
	t.changed = true
	t.w.Put(tSync, appendSymbol(nil, t.intern(symNamespace, t.cmd.Namespace)), rec.encode(nil))
	return opResult{Status: updated}, nil, nil
}

// SyncConfig is what Configure sets; what is absent stays as it is.
type SyncConfig struct {
	Enabled         *bool
	Strategy        string
	IntervalSeconds uint32
}

// GraphConfig is how a graph is synced.
type GraphConfig struct {
	SessionID                  string     `json:"session_id,omitempty"`
	GraphName                  string     `json:"graph_name"`
	SyncEnabled                bool       `json:"sync_enabled"`
	ConflictResolutionStrategy string     `json:"conflict_resolution_strategy"`
	SyncIntervalSeconds        uint32     `json:"sync_interval_seconds"`
	LastSyncAt                 *time.Time `json:"last_sync_at,omitempty"`
}

func (s *syncRecord) config(session, graph string) GraphConfig {
	if graph == "" {
		graph = defaultGraph
	}
	c := GraphConfig{SessionID: session, GraphName: graph, SyncEnabled: !s.Disabled,
		ConflictResolutionStrategy: strategies[s.Strategy], SyncIntervalSeconds: s.Interval}
	if c.SyncIntervalSeconds == 0 {
		c.SyncIntervalSeconds = DefaultSyncInterval
	}
	if s.Last != 0 {
		at := millis(s.Last)
		c.LastSyncAt = &at
	}
	return c
}

// Configure sets how a session's graph is synced. A graph that is not enabled
// refuses pushes (SYNC_DISABLED); without a setting it is. The strategy decides
// pushes from then on.
func (y Sync) Configure(ctx context.Context, wo WriteOptions, session, graph string, c SyncConfig) (GraphConfig, consensus.Outcome, error) {
	set := syncSetting{Enabled: c.Enabled, Strategy: c.Strategy, Interval: c.IntervalSeconds}
	namespace := GraphNamespace(session, graph)
	r := set.check()
	if r == nil {
		r = checkNamespace(namespace)
	}
	if r != nil {
		return GraphConfig{}, consensus.Outcome{}, r
	}
	_, out, err := y.s.propose(ctx, wo, command{Namespace: namespace, Ops: []op{{Kind: opConfigureSync, Data: consensus.Encode(&set)}}})
	if err != nil {
		return GraphConfig{}, out, err
	}
	conf, _, err := y.ConfigOf(ctx, consensus.ReadOptions{}, session, graph)
	return conf, out, err
}

// ConfigOf returns how a session's graph is synced.
func (y Sync) ConfigOf(ctx context.Context, ro consensus.ReadOptions, session, graph string) (GraphConfig, consensus.ReadInfo, error) {
	var out GraphConfig
	namespace := GraphNamespace(session, graph)
	if r := checkNamespace(namespace); r != nil {
		return out, consensus.ReadInfo{}, r
	}
	info, err := y.s.read(ctx, ro, func(v *view) error {
		rec, err := v.syncRecord(v.namespace(namespace))
		out = rec.config(session, graph)
		return err
	})
	return out, info, err
}

// Configs lists the graphs of a session that exist or were configured, the one
// called default first: 1,000 at most.
func (y Sync) Configs(ctx context.Context, ro consensus.ReadOptions, session string) ([]GraphConfig, consensus.ReadInfo, error) {
	list := []GraphConfig{}
	if r := checkNamespace(session); r != nil {
		return list, consensus.ReadInfo{}, r
	}
	info, err := y.s.read(ctx, ro, func(v *view) error {
		add := func(ns nsID, graph string) error {
			rec, err := v.syncRecord(ns)
			if err != nil {
				return fmt.Errorf("graph %q: %w", graph, err)
			}
			list = append(list, rec.config(session, graph))
			return nil
		}
		if ns := v.namespace(session); ns != 0 {
			if err := add(ns, defaultGraph); err != nil {
				return err
			}
		}
		prefix := appendSymKey(nil, symNamespace, session+"/")
		for k, val := range v.r.Scan(tSym, prefix, after(prefix)) {
			if len(list) == MaxLimit {
				break
			}
			if len(val) != 3 {
				return errRecord
			}
			if err := add(readSymbol(val), string(k[len(prefix):])); err != nil {
				return err
			}
		}
		return nil
	})
	return list, info, err
}
