package message

import (
	"errors"
	"fmt"
	"strings"

	"github.com/meshd/meshd/consensus"
)

// ErrNotSent is what a Link's error wraps when it is certain that nothing left
// this node, so that the message may be tried elsewhere and is not in doubt.
var ErrNotSent = errors.New("the message was not sent")

// maxReason bounds what a refusal says of why a node cannot be reached, in bytes.
const maxReason = 200

// NotSent is an ErrNotSent with the reason, which whoever sent the message reads:
// half a sentence of at most 200 bytes, without addresses and secrets.
func NotSent(reason string) error {
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "")
	}
	return &notSent{reason}
}

type notSent struct{ reason string }

func (e *notSent) Error() string { return ErrNotSent.Error() + ": " + e.reason }

// Unwrap makes errors.Is see ErrNotSent.
func (*notSent) Unwrap() error { return ErrNotSent }

var (
	errBroke     = NotSent("the connection broke before the message was sent")
	errConnected = NotSent("there was no connection by the deadline")
)

// unreachable is the refusal for a node that nothing was sent to; there says what
// is there.
func unreachable(node, there string, why error, details map[string]string) error {
	r := &consensus.Refusal{Code: CodeAgentGone, Sentence: fmt.Sprintf("node %s, %s, cannot be reached", node, there), Details: details}
	details["node"] = node
	var e *notSent
	if errors.As(why, &e) {
		r.Sentence += ": " + e.reason
		details["reason"] = e.reason
	}
	return r
}

// errWaitAll is the answer to a request addressed to many.
var errWaitAll = consensus.Refuse(CodeInvalid, "a message to every instance (agent@*) or to a topic has no single answer; send it without waiting")

// asRefusal returns err as a refusal that can cross nodes. An error that is
// none becomes an internal one without its text, which is for this node's log.
func asRefusal(err error) *consensus.Refusal {
	var r *consensus.Refusal
	if errors.As(err, &r) {
		return r
	}
	return &consensus.Refusal{Code: "INTERNAL", Sentence: "the node that hosts the agent failed to deliver the message"}
}

// refusalError is r as an error: nil stays nil, which a typed nil would not.
func refusalError(r *consensus.Refusal) error {
	if r == nil {
		return nil
	}
	return r
}

func unknownAgent(a Address) error {
	return &consensus.Refusal{
		Code:     CodeUnknownAddress,
		Sentence: fmt.Sprintf("no agent named %q is known in this mesh", a.Agent),
		Details:  map[string]string{"to": a.String()},
	}
}

func unknownHere(agent, node string) error {
	return &consensus.Refusal{
		Code:     CodeUnknownAddress,
		Sentence: fmt.Sprintf("no agent named %q is known on node %s", agent, node),
		Details:  map[string]string{"agent": agent, "node": node},
	}
}

func goneSession(agent, node string) error {
	return &consensus.Refusal{
		Code:     CodeAgentGone,
		Sentence: fmt.Sprintf("the agent %q was on node %s and has left it", agent, node),
		Details:  map[string]string{"agent": agent, "node": node},
	}
}

func goneEverywhere(agent string) error {
	return &consensus.Refusal{
		Code:     CodeAgentGone,
		Sentence: fmt.Sprintf("the agent %q is known, but no live node hosts it now", agent),
		Details:  map[string]string{"agent": agent, "next": "a durable message waits for it"},
	}
}

func goneNode(agent, node string, why error) error {
	return unreachable(node, fmt.Sprintf("where the agent %q is", agent), why, map[string]string{"agent": agent})
}

func goneSubscribers(a Address, node string, why error) error {
	return unreachable(node, "where somebody subscribes to "+a.String(), why, map[string]string{"to": a.String()})
}

func errNotJSON() error { return invalid("body", "a message body is one JSON value") }

func lostLink(agent, node string) error {
	return &consensus.Refusal{
		Code:     CodeAgentGone,
		Sentence: fmt.Sprintf("the link to node %s broke before the agent %q answered; the message may have been delivered", node, agent),
		Details:  map[string]string{"agent": agent, "node": node},
	}
}

func replyTimeout(agent string, s Status) error {
	return &consensus.Refusal{
		Code:     CodeReplyTimeout,
		Sentence: fmt.Sprintf("the agent %q did not answer in time", agent),
		Details:  map[string]string{"agent": agent, "status": string(s)},
	}
}

func slowReceiver(agent, node string) error {
	return &consensus.Refusal{
		Code:     CodeOverloaded,
		Sentence: fmt.Sprintf("the agent %q on node %s takes messages more slowly than they come", agent, node),
		Details:  map[string]string{"agent": agent, "node": node},
	}
}
