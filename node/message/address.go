package message

import (
	"strings"

	"github.com/meshd/meshd/consensus"
)

// Codes of the refusals of this package, beside the general ones of the error
// catalogue. They cross nodes unchanged.
const (
	// CodeUnknownAddress: no such agent, or no such node, is known (404).
	CodeUnknownAddress = "UNKNOWN_ADDRESS"
	// CodeAgentGone: the agent was known, but its session or its node is
	// gone (410).
	CodeAgentGone = "AGENT_GONE"
	// CodeNoSubscribers: nobody subscribes to the topic (404).
	CodeNoSubscribers = "NO_SUBSCRIBERS"
	// CodeReplyTimeout: no answer came before the deadline (504).
	CodeReplyTimeout = "REPLY_TIMEOUT"
	// CodeUnsupported: the address form is not served (400).
	CodeUnsupported = "UNSUPPORTED"
	// CodeInvalid: a field breaks its rule; Details["field"] names it (400).
	CodeInvalid = "INVALID"
	// CodeTooLarge: a body is over MaxBody (413).
	CodeTooLarge = "TOO_LARGE"
	// CodeOverloaded: the receiver, or this node, takes no more now (503).
	CodeOverloaded = "OVERLOADED"
	// CodeNameReserved: the name belongs to a built-in agent (400).
	CodeNameReserved = "NAME_RESERVED"
	// CodeNotWaiting: nobody waits for this answer, or no longer (409).
	CodeNotWaiting = "NOT_WAITING"
)

// Lengths in bytes.
const (
	MaxName    = 63
	maxNodeRef = 255
)

// Address says who is meant by `agent`, `agent@node`, `agent@*` or `topic/a/b`.
type Address struct {
	// Agent is the agent's name; "" for a topic.
	Agent string
	// Node is a node's name, id or id prefix; "" leaves the choice to the
	// mesh: the least busy live instance.
	Node string
	// All means every live instance on every node.
	All bool
	// Topic is "a/b" of `topic/a/b`; "" for agents.
	Topic string
}

// String returns the address as ParseAddress reads it.
func (a Address) String() string {
	switch {
	case a.Topic != "":
		return topicPrefix + a.Topic
	case a.All:
		return a.Agent + "@*"
	case a.Node != "":
		return a.Agent + "@" + a.Node
	}
	return a.Agent
}

// ParseAddress reads an address. Its errors are *consensus.Refusal with
// CodeInvalid.
func ParseAddress(s string) (Address, error) {
	if s == "" {
		return Address{}, invalid("to", "an address is missing: agent, agent@node, agent@* or topic/a/b")
	}
	if topic, ok := strings.CutPrefix(s, topicPrefix); ok {
		if err := CheckTopic(topic); err != nil {
			return Address{}, err
		}
		return Address{Topic: topic}, nil
	}
	if len(s) > MaxName+1+maxNodeRef {
		return Address{}, invalid("to", "the address is too long")
	}
	if strings.Contains(s, "/") {
		return Address{}, invalid("to", "an agent's name has no slash; a topic is addressed as topic/a/b")
	}
	agent, node, at := strings.Cut(s, "@")
	if err := CheckName(agent); err != nil {
		return Address{}, invalid("to", err.Error())
	}
	switch {
	case !at:
		return Address{Agent: agent}, nil
	case node == "*":
		return Address{Agent: agent, All: true}, nil
	case node == "":
		return Address{}, invalid("to", "the address ends in @: add a node's name or id, or *")
	case !validNodeRef(node):
		return Address{}, invalid("to", "after @ comes a node's name, its id, the beginning of its id, or *")
	}
	return Address{Agent: agent, Node: node}, nil
}

// CheckName says whether an agent may have this name:
// [a-z0-9][a-z0-9._-]{0,62}, and none of the reserved words send, ack and mesh.
func CheckName(name string) error {
	if name == "send" || name == "ack" || name == "mesh" {
		return invalid("name", "the agent names send, ack and mesh are reserved")
	}
	ok := name != "" && len(name) <= MaxName && nameByte[name[0]] == 1
	for i := 1; ok && i < len(name); i++ {
		ok = nameByte[name[i]] > 0
	}
	if !ok {
		return invalid("name", "an agent's name is 1 to 63 of a-z, 0-9, '.', '_' and '-', and begins with a letter or digit")
	}
	return nil
}

// nameByte is 1 for the bytes that a name may have anywhere, and 2 for those that
// it may not begin with.
var nameByte = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c >= 'a' && c <= 'z' || c >= '0' && c <= '9':
			t[c] = 1
		case c == '.' || c == '_' || c == '-':
			t[c] = 2
		}
	}
	return t
}()

func validNodeRef(s string) bool {
	if len(s) > maxNodeRef {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}

func invalid(field, sentence string) error {
	return &consensus.Refusal{Code: CodeInvalid, Sentence: sentence, Details: map[string]string{"field": field}}
}
