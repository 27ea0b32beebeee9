package task

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// The tables. Ids and times are big-endian, so that keys sort as numbers.
const (
	tableMeta    = consensus.Table("task/meta")    // "counts" → meta
	tableTasks   = consensus.Table("task/t")       // id → record
	tableBodies  = consensus.Table("task/b")       // id, which → JSON
	tableEvents  = consensus.Table("task/e")       // id, number → eventRow
	tableStates  = consensus.Table("task/state")   // state, id
	tableAgents  = consensus.Table("task/agent")   // agent 0 id
	tableAskers  = consensus.Table("task/asker")   // requester's agent or principal 0 id
	tableParents = consensus.Table("task/parent")  // parent, id
	tableQueue   = consensus.Table("task/queue")   // 3-priority, id → ms: waits for an agent
	tableDue     = consensus.Table("task/due")     // ms, id: what a tick looks at
	tableDone    = consensus.Table("task/done")    // ms of the end, id
	tableCascade = consensus.Table("task/cascade") // parent: its children are to be cancelled
	tableOut     = consensus.Table("task/out")     // number → outRow
	tableLoads   = consensus.Table("task/load")    // agent → how many tasks are with it
	tableScores  = consensus.Table("task/score")   // agent 0 subject → Score
	tableScoreAt = consensus.Table("task/scoreat") // ms, score's key
	tableShares  = consensus.Table("task/share")   // principal → share
)

var allTables = []consensus.Table{
	tableMeta, tableTasks, tableBodies, tableEvents, tableStates, tableAgents, tableAskers, tableParents,
	tableQueue, tableDue, tableDone, tableCascade, tableOut, tableLoads, tableScores, tableScoreAt, tableShares,
}

var keyMeta = []byte("counts")

// meta counts, so that a command need not.
type meta struct {
	Last     uint64 `cbor:"1,keyasint"` // id given out
	Live     int    `cbor:"2,keyasint"`
	Finished int    `cbor:"3,keyasint"`
	Bytes    int64  `cbor:"4,keyasint"` // of all bodies
	LastOut  uint64 `cbor:"5,keyasint"`
	Scores   int    `cbor:"6,keyasint"`
}

// Which of a task's bodies a row of tableBodies is.
const (
	bodyTask = iota + 1
	bodyResult
	bodyQuestion
	bodyAnswer
)

// record is a task as it is stored, without its bodies. Times are Unix ms.
type record struct {
	State       uint8     `cbor:"1,keyasint"`
	Type        string    `cbor:"2,keyasint,omitempty"`
	Requester   Party     `cbor:"3,keyasint"`
	Agent       string    `cbor:"4,keyasint,omitempty"` // it is with
	Wanted      string    `cbor:"5,keyasint,omitempty"` // the requester named
	Needs       []string  `cbor:"6,keyasint,omitempty"`
	Priority    uint8     `cbor:"7,keyasint,omitempty"`
	Deadline    int64     `cbor:"8,keyasint"`
	Parent      ID        `cbor:"9,keyasint,omitempty"`
	Chain       []string  `cbor:"10,keyasint,omitempty"`
	Attempt     int       `cbor:"11,keyasint,omitempty"`
	MaxAttempts int       `cbor:"12,keyasint"`
	Tried       []string  `cbor:"13,keyasint,omitempty"`
	Note        string    `cbor:"14,keyasint,omitempty"`
	Progress    *Progress `cbor:"15,keyasint,omitempty"`
	Error       *Failure  `cbor:"16,keyasint,omitempty"`
	Created     int64     `cbor:"17,keyasint"`
	Updated     int64     `cbor:"18,keyasint"`
	Started     int64     `cbor:"19,keyasint,omitempty"`
	Finished    int64     `cbor:"20,keyasint,omitempty"`
	Revision    uint64    `cbor:"21,keyasint"`
	Handed      bool      `cbor:"22,keyasint,omitempty"` // its inbox has the delegation
	NotBefore   int64     `cbor:"23,keyasint,omitempty"` // while it waits for an agent
	Patience    int64     `cbor:"24,keyasint,omitempty"` // when another is tried
	Events      uint32    `cbor:"25,keyasint"`           // written so far
	Inputs      int       `cbor:"26,keyasint,omitempty"` // times it was asked for
	Bytes       int64     `cbor:"27,keyasint,omitempty"` // of its bodies
	TraceParent string    `cbor:"28,keyasint,omitempty"`
	Counted     bool      `cbor:"29,keyasint,omitempty"` // to its requester's share
	HandedAt    int64     `cbor:"30,keyasint,omitempty"` // since when the agent can go on; 0: of before LevelFair
}

func (r *record) state() State { return states[r.State] }

// with says that the task is at an agent.
func (r *record) with() bool { return !r.state().Final() && r.Agent != "" }

// waits says that the task is to be given to an agent.
func (r *record) waits() bool { return r.state() == Submitted && r.Agent == "" }

// due is when a tick is to look at a task that is under way, Unix ms.
func (r *record) due() int64 {
	if r.state() == Submitted && r.Agent != "" && r.Patience != 0 {
		return min(r.Patience, r.Deadline)
	}
	return r.Deadline
}

// eventRow is an Event as it is stored; what its task says is not repeated.
type eventRow struct {
	Revision uint64    `cbor:"1,keyasint"`
	Time     int64     `cbor:"2,keyasint"`
	Kind     string    `cbor:"3,keyasint"`
	State    uint8     `cbor:"4,keyasint"`
	Agent    string    `cbor:"5,keyasint,omitempty"`
	Attempt  int       `cbor:"6,keyasint,omitempty"`
	Progress *Progress `cbor:"7,keyasint,omitempty"`
	Text     string    `cbor:"8,keyasint,omitempty"`
	By       string    `cbor:"9,keyasint,omitempty"`
}

func (e *eventRow) event(id ID, r *record) Event {
	return Event{
		Task: id, Revision: e.Revision, Time: time.UnixMilli(e.Time).UTC(), Kind: e.Kind, State: states[e.State],
		Type: r.Type, Requester: r.Requester.Agent, Agent: e.Agent, Attempt: e.Attempt, Progress: e.Progress, Text: e.Text, By: e.By,
		Principal: r.Requester.Principal, Chain: r.Chain,
	}
}

func (r *record) task(id ID) Task {
	t := Task{
		ID: id, State: r.state(), Type: r.Type, Requester: r.Requester, Agent: r.Agent, Needs: r.Needs,
		Priority: priorities[r.Priority], Deadline: time.UnixMilli(r.Deadline).UTC(), Parent: r.Parent, Chain: r.Chain,
		Attempt: r.Attempt, MaxAttempts: r.MaxAttempts, TraceParent: r.TraceParent, Tried: r.Tried, Note: r.Note, Progress: r.Progress, Error: r.Error,
		CreatedAt: time.UnixMilli(r.Created).UTC(), UpdatedAt: time.UnixMilli(r.Updated).UTC(), Revision: r.Revision,
	}
	if t.Agent == "" {
		t.Agent = r.Wanted
	}
	for _, at := range []struct {
		ms int64
		to **time.Time
	}{{r.Started, &t.StartedAt}, {r.Finished, &t.FinishedAt}} {
		if at.ms != 0 {
			when := time.UnixMilli(at.ms).UTC()
			*at.to = &when
		}
	}
	return t
}

func bodyKey(id ID, which byte) []byte { return append(id.Key(), which) }

func eventKey(id ID, n uint32) []byte { return binary.BigEndian.AppendUint32(id.Key(), n) }

func queueKey(r *record, id ID) []byte { return numbered.ByteKey(3-r.Priority, id) }

// load returns a task, nil where there is none.
func load(r consensus.Reader, id ID) (*record, error) {
	data := r.Get(tableTasks, id.Key())
	if data == nil {
		return nil, nil
	}
	rec := &record{}
	if err := consensus.Decode(data, rec); err != nil {
		return nil, err
	}
	return rec, nil
}

func loadMeta(r consensus.Reader) (m meta, err error) {
	if data := r.Get(tableMeta, keyMeta); data != nil {
		err = consensus.Decode(data, &m)
	}
	return m, err
}

// loadOf is how many tasks are with an agent.
func loadOf(r consensus.Reader, agent string) int {
	if v := r.Get(tableLoads, []byte(agent)); len(v) == 8 {
		return int(binary.BigEndian.Uint64(v))
	}
	return 0
}

func body(r consensus.Reader, id ID, which byte) []byte {
	return slices.Clone(r.Get(tableBodies, bodyKey(id, which)))
}
