package proposal

import (
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/task"
)

// The tables. Ids and times are big-endian, so that keys sort as numbers.
const (
	tableMeta      = consensus.Table("proposal/meta")    // "counts" → meta
	tableProposals = consensus.Table("proposal/p")       // id → record
	tableBodies    = consensus.Table("proposal/b")       // id → JSON
	tableElectors  = consensus.Table("proposal/elector") // id, agent → ballot
	tableStates    = consensus.Table("proposal/state")   // state, id
	tableDue       = consensus.Table("proposal/due")     // ms, id: open ones by their expiry
	tableDone      = consensus.Table("proposal/done")    // ms of the decision, id
	tableOut       = consensus.Table("proposal/out")     // number → outRow
	tableShares    = consensus.Table("proposal/share")   // principal → how many of it are open
)

var allTables = []consensus.Table{tableMeta, tableProposals, tableBodies, tableElectors, tableStates, tableDue, tableDone, tableOut, tableShares}

var keyMeta = []byte("counts")

type meta struct {
	Last    uint64 `cbor:"1,keyasint"`
	Open    int    `cbor:"2,keyasint"`
	Decided int    `cbor:"3,keyasint"`
	LastOut uint64 `cbor:"4,keyasint"`
}

// record is a proposal as it is stored. Times are Unix ms.
type record struct {
	State      uint8      `cbor:"1,keyasint"`
	Kind       string     `cbor:"2,keyasint"`
	Title      string     `cbor:"3,keyasint,omitempty"`
	Proposer   task.Party `cbor:"4,keyasint"`
	Capability string     `cbor:"5,keyasint,omitempty"`
	Quorum     int64      `cbor:"6,keyasint"`
	Approval   int64      `cbor:"7,keyasint"`
	Created    int64      `cbor:"8,keyasint"`
	Expires    int64      `cbor:"9,keyasint"`
	Decided    int64      `cbor:"10,keyasint,omitempty"`
	Electors   int        `cbor:"11,keyasint"`
	Votes      int        `cbor:"12,keyasint,omitempty"`
	Weight     int64      `cbor:"13,keyasint"`
	For        int64      `cbor:"14,keyasint,omitempty"`
	Against    int64      `cbor:"15,keyasint,omitempty"`
	Abstained  int64      `cbor:"16,keyasint,omitempty"`
	Revision   uint64     `cbor:"17,keyasint"`
	Counted    bool       `cbor:"18,keyasint,omitempty"` // to its proposer's share
}

func (r *record) state() State { return states[r.State] }

func (r *record) tally() tally {
	return tally{r.Electors, r.Votes, r.Quorum, r.Approval, r.Weight, r.For, r.Against, r.Abstained}
}

func (r *record) proposal(id ID) Proposal {
	p := Proposal{
		ID: id, Kind: r.Kind, Title: r.Title, Proposer: r.Proposer, Capability: r.Capability, State: r.state(), Quorum: r.Quorum, Approval: r.Approval,
		CreatedAt: time.UnixMilli(r.Created).UTC(), ExpiresAt: time.UnixMilli(r.Expires).UTC(), Electors: r.Electors, Votes: r.Votes,
		Weight: r.Weight, For: r.For, Against: r.Against, Abstained: r.Abstained, Revision: r.Revision,
	}
	if r.Decided != 0 {
		p.DecidedAt = time.UnixMilli(r.Decided).UTC()
	}
	return p
}

// ballot is an elector with its vote. The weight is what it was when the
// proposal was made.
type ballot struct {
	Weight int64  `cbor:"1,keyasint"`
	Choice uint8  `cbor:"2,keyasint,omitempty"`
	Reason string `cbor:"3,keyasint,omitempty"`
	By     string `cbor:"4,keyasint,omitempty"`
	At     int64  `cbor:"5,keyasint,omitempty"`
}

// outRow is what electors are to be told: of a proposal, or of its end.
type outRow struct {
	Proposal ID   `cbor:"1,keyasint"`
	Ended    bool `cbor:"2,keyasint,omitempty"`
}

func electorKey(id ID, agent string) []byte { return append(id.Key(), agent...) }

func load(r consensus.Reader, id ID) (*record, error) {
	data := r.Get(tableProposals, id.Key())
	if data == nil {
		return nil, unknown(id)
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

// electors reads who may vote, in order of name, with their votes.
func electors(r consensus.Reader, id ID) (votes []Vote, err error) {
	for k, v := range r.Scan(tableElectors, id.Key(), (id + 1).Key()) {
		var b ballot
		if err := consensus.Decode(v, &b); err != nil {
			return nil, err
		}
		vote := Vote{Agent: string(k[8:]), Weight: b.Weight, Choice: choices[b.Choice], Reason: b.Reason, By: b.By}
		if b.At != 0 {
			vote.At = time.UnixMilli(b.At).UTC()
		}
		votes = append(votes, vote)
	}
	return votes, nil
}

func body(r consensus.Reader, id ID) []byte { return slices.Clone(r.Get(tableBodies, id.Key())) }
