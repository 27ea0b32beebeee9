package inbox

import (
	"github.com/meshd/meshd/consensus"
)

// Level is the command level from which inboxes exist.
const Level = 4

// LevelAttempt is the command level from which a return says of which attempt
// it is.
const LevelAttempt = 5

// LevelUnstage is the command level from which what was put aside of a large
// body goes with the refusal of its message, and not ten minutes later.
const LevelUnstage = 5

// Codes of refusals, beside the general ones of the error catalogue.
const (
	// CodeInboxFull: the inbox, or all together, or what the sender's principal
	// has in all of them, hold what they may (429). Details: inbox ("" but for
	// the first), messages, bytes, limit_messages, limit_bytes; share
	// ("credential") for the last.
	CodeInboxFull = "INBOX_FULL"
	// CodeNotYourAgent: the name belongs to another principal (403).
	CodeNotYourAgent = "NOT_YOUR_AGENT"
	// CodeNotEmpty: the name that is to be released has letters (409). Details:
	// agent, messages, dead.
	CodeNotEmpty = "INBOX_NOT_EMPTY"
	// CodeUnknownAgent: the state knows no agent of that name (404).
	CodeUnknownAgent = "UNKNOWN_ADDRESS"
	// CodeUnknownMessage: there is no such message in the inbox (404).
	CodeUnknownMessage = "MESSAGE_UNKNOWN"
	// CodeNoSubscribers: nobody takes the topic durably (404).
	CodeNoSubscribers = "NO_SUBSCRIBERS"
	// CodeNoKey: the agent has published no key (404).
	CodeNoKey = "NO_KEY"
	// CodeTooManyRecipients: it would reach more than MaxRecipients (400).
	CodeTooManyRecipients = "TOO_MANY_RECIPIENTS"
	// CodeTooMany: agents or subscriptions are at their limit (409).
	CodeTooMany = "TOO_MANY"
	// CodeOtherMessage: the sender gave the id to another message before (409).
	// Details["differs"] says in what: to, type (of which the conversation is a
	// part), body, joined by commas.
	CodeOtherMessage = "MESSAGE_ID_REUSED"
	// CodeInvalid: a field breaks its rule; Details["field"] names it (400).
	CodeInvalid = "INVALID"
	// CodeTooLarge: a body is over MaxBody (413).
	CodeTooLarge = "TOO_LARGE"
	// CodeOverloaded: this node holds as many unanswered messages as it takes
	// (503).
	CodeOverloaded = "OVERLOADED"
	// CodeOlderNodes: a node of the mesh runs software without inboxes (409).
	CodeOlderNodes = "OLDER_NODES"
	// CodeUpgradeNode: a command is of a later software (409).
	CodeUpgradeNode = "UPGRADE_NODE"
)

func refuse(code, sentence string) error { return consensus.Refuse(code, sentence) }

func invalid(field, sentence string) error {
	return &consensus.Refusal{Code: CodeInvalid, Sentence: sentence, Details: map[string]string{"field": field}}
}

func olderNodes() error {
	return refuse(CodeOlderNodes, "durable messages need a software that not every node of this mesh runs: `meshd members` shows the versions")
}
