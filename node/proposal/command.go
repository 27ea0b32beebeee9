package proposal

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/meshd/meshd/node/numbered"
	"github.com/meshd/meshd/node/task"
)

// Level is the command level from which the part's commands are understood by
// every node.
const Level = 4

// LevelInTime is the command level from which a vote that comes after a
// proposal's time, and before the leader has ended it, is refused.
const LevelInTime = 5

// The commands; numbers are never reused.
const (
	kindSubmit numbered.Kind = iota + 1
	kindVote
	kindTold
	kindTick
)

type submit struct {
	Kind       string     `cbor:"1,keyasint"`
	Title      string     `cbor:"2,keyasint,omitempty"`
	Body       []byte     `cbor:"3,keyasint"`
	Proposer   task.Party `cbor:"4,keyasint"`
	Capability string     `cbor:"5,keyasint,omitempty"`
	Quorum     int64      `cbor:"6,keyasint"`
	Approval   int64      `cbor:"7,keyasint"`
	ExpiryMs   int64      `cbor:"8,keyasint"` // from the command's own time
	Electors   []string   `cbor:"9,keyasint"` // sorted, each once
	// Counted says that it is counted to the share of the proposer's principal.
	// From LevelShare on.
	Counted bool `cbor:"10,keyasint,omitempty"`
}

type vote struct {
	Proposal ID     `cbor:"1,keyasint"`
	Agent    string `cbor:"2,keyasint"`
	Choice   uint8  `cbor:"3,keyasint"`
	Reason   string `cbor:"4,keyasint,omitempty"`
	By       string `cbor:"5,keyasint,omitempty"`
}

type told struct {
	Rows []uint64 `cbor:"1,keyasint"`
}

type tick struct{}

// made is what submit returns.
type made struct {
	Proposal ID `cbor:"1,keyasint"`
}

var kindGrammar = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

func (b *submit) check() error {
	switch {
	case !kindGrammar.MatchString(b.Kind):
		return numbered.Invalid("kind", "kind is an identifier of at most 64 letters, digits, underscores, dots and dashes, such as policy_change")
	case !numbered.Printable(b.Title, MaxTitle):
		return numbered.Invalid("title", fmt.Sprintf("title is at most %d bytes of printable text", MaxTitle))
	case !numbered.Printable(b.Capability, task.MaxNeed):
		return numbered.Invalid("capability", fmt.Sprintf("a capability is at most %d bytes of printable text", task.MaxNeed))
	case len(b.Body) > MaxBody:
		return numbered.Refuse(CodeTooLarge, fmt.Sprintf("a proposal's body is at most %d KiB of JSON; put what is larger into the graph and send a reference", MaxBody>>10), "field", "body")
	case !json.Valid(b.Body):
		return numbered.Invalid("body", "body is one JSON value")
	case b.Proposer.Agent != "" && !numbered.IsName(b.Proposer.Agent), len(b.Proposer.Principal) > 256, len(b.Proposer.Node) > 256:
		return numbered.Invalid("from", "the proposer is out of bounds")
	case b.Counted && b.Proposer.Principal == "":
		return numbered.Invalid("from", "a proposal is counted to somebody")
	case b.Quorum < 1 || b.Quorum > Million:
		return numbered.Invalid("quorum", "quorum is a share above 0 and up to 1")
	case b.Approval < Million/2 || b.Approval > Million:
		return numbered.Invalid("approval", "approval is a share of 0.5 to 1")
	case b.ExpiryMs < 1 || b.ExpiryMs > MaxExpiry.Milliseconds():
		return numbered.Invalid("expires", "a proposal is open for some time, and for 30 days at most")
	case len(b.Electors) == 0:
		return numbered.Invalid("electors", "nobody could vote: name agents, or propose when some are known")
	case len(b.Electors) > MaxElectors:
		return numbered.Invalid("electors", fmt.Sprintf("at most %d agents vote on a proposal: name them", MaxElectors))
	}
	for i, name := range b.Electors {
		if !numbered.IsName(name) {
			return numbered.Invalid("electors", "an elector has a name that is none")
		}
		if i > 0 && b.Electors[i-1] >= name {
			return numbered.Invalid("electors", "the electors are not in order, each once")
		}
	}
	return nil
}

func (b *vote) check() error {
	if b.Choice == 0 || int(b.Choice) >= len(choices) {
		return numbered.Invalid("choice", "a vote is approve, reject or abstain")
	}
	if len(b.Reason) > MaxReason || !utf8.ValidString(b.Reason) {
		return numbered.Invalid("reason", fmt.Sprintf("a reason is at most %d bytes", MaxReason))
	}
	return nil
}

func stateNumber(s State) uint8 { return uint8(slices.Index(states, s)) }

func msAfter(t time.Time, ms int64) int64 { return t.UnixMilli() + ms }
