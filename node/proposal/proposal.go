package proposal

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
	"github.com/meshd/meshd/node/task"
)

// Bounds, in bytes where they are lengths.
const (
	MaxBody   = 64 << 10
	MaxTitle  = 512
	MaxReason = 2 << 10
	// MaxElectors bounds who may vote on one proposal.
	MaxElectors = 1000
	// MaxOpen is how many proposals may be open, MaxDecided and KeepDecided how
	// many decided ones are kept and for how long.
	MaxOpen     = 10_000
	MaxDecided  = 10_000
	KeepDecided = 30 * 24 * time.Hour

	// DefaultExpiry and MaxExpiry bound how long a proposal is open.
	DefaultExpiry = 24 * time.Hour
	MaxExpiry     = 30 * 24 * time.Hour
)

// Million is one, in shares and weights: whole numbers, since every node must
// compute the same.
const Million = 1_000_000

// The kinds of the agents' own conventions; any identifier is a kind.
const (
	StrategyAdoption   = "strategy_adoption"
	PolicyChange       = "policy_change"
	ResourceAllocation = "resource_allocation"
	ConflictResolution = "conflict_resolution"
)

// ID names a proposal: the state's counter, written in decimal.
type ID = numbered.ID

// ParseID reads an id as its String writes it.
func ParseID(text string) (ID, error) { return numbered.ParseID(text) }

// State is what has become of a proposal.
type State string

// The states. All but Open are final.
const (
	Open     State = "open"
	Approved State = "approved"
	Rejected State = "rejected"
	Expired  State = "expired" // too few had voted
)

// states numbers the states as they are stored; numbers are never reused.
var states = []State{"", Open, Approved, Rejected, Expired}

// Choice is a vote.
type Choice string

// The choices. An abstention counts for the quorum and not for the share.
const (
	Approve Choice = "approve"
	Reject  Choice = "reject"
	Abstain Choice = "abstain"
)

var choices = []Choice{"", Approve, Reject, Abstain}

// ParseChoice reads a choice.
func ParseChoice(text string) (Choice, error) {
	if i := slices.Index(choices, Choice(text)); i > 0 {
		return choices[i], nil
	}
	return "", errors.New("a vote is approve, reject or abstain")
}

// Proposal is something to be decided, with how the votes stand. Weights and
// shares are in millionths.
type Proposal struct {
	ID       ID
	Kind     string
	Title    string
	Body     json.RawMessage
	Proposer task.Party
	// Capability is what electors' expertise is of; empty: all weigh the same.
	Capability string
	State      State
	// Quorum is the share of electors that must vote, Approval the share of
	// the weight of approvals and rejections that must approve.
	Quorum, Approval int64
	CreatedAt        time.Time
	ExpiresAt        time.Time
	DecidedAt        time.Time // zero while it is open
	Electors, Votes  int
	// The weight of all electors, and of what was voted.
	Weight, For, Against, Abstained int64
	Revision                        uint64
}

// Vote is one elector's.
type Vote struct {
	Agent  string
	Weight int64
	// Choice is empty while the elector has not voted.
	Choice Choice
	Reason string
	By     string // the principal
	At     time.Time
}

// Event is one change of a proposal. Kind is submitted, voted, approved,
// rejected or expired.
type Event struct {
	Proposal ID        `json:"proposal"`
	Revision uint64    `json:"revision"`
	Time     time.Time `json:"-"`
	Kind     string    `json:"kind"`
	State    State     `json:"state"`
	Topic    string    `json:"proposal_kind"`
	Title    string    `json:"title,omitempty"`
	Agent    string    `json:"agent,omitempty"` // that voted
	Choice   Choice    `json:"choice,omitempty"`
}

// Codes of the refusals this package makes. They reach clients unchanged.
const (
	CodeUnknown     = "PROPOSAL_UNKNOWN"
	CodeDecided     = "PROPOSAL_DECIDED"
	CodeNoElector   = "NOT_AN_ELECTOR"
	CodeFull        = "PROPOSALS_FULL"
	CodeTooLarge    = numbered.CodeTooLarge
	CodeInvalid     = numbered.CodeInvalid
	CodeUpgradeNode = numbered.CodeUpgradeNode
	CodeOlderNodes  = numbered.CodeOlderNodes
)

func unknown(id ID) *consensus.Refusal {
	return numbered.Refuse(CodeUnknown, fmt.Sprintf("there is no proposal %s; decided ones are kept for 30 days", id), "proposal", id.String())
}

// isUndeliverable says that a letter can never be sent.
func isUndeliverable(err error) bool { return errors.Is(err, task.ErrUndeliverable) }
