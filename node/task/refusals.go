package task

import (
	"errors"
	"fmt"

	"github.com/meshd/meshd/consensus"
)

// Codes of the refusals this package makes. They reach clients unchanged.
const (
	CodeUnknown     = "TASK_UNKNOWN"
	CodeEnded       = "TASK_ENDED"
	CodeState       = "TASK_STATE"
	CodeLoop        = "TASK_LOOP"
	CodeDepth       = "TASK_DEPTH"
	CodeNotAssigned = "NOT_ASSIGNED"
	// CodeNotYours is for the surface, which knows who asks.
	CodeNotYours    = "NOT_YOUR_TASK"
	CodeFull        = "TASKS_FULL"
	CodeTooLarge    = "TOO_LARGE"
	CodeInvalid     = "INVALID"
	CodeUpgradeNode = "UPGRADE_NODE"
	CodeOlderNodes  = "OLDER_NODES"
)

// Codes of failures that the mesh reports itself, in Failure.Code.
const (
	FailedDeadline = "DEADLINE"
	FailedAttempts = "ATTEMPTS"
)

func refuse(code, sentence string, details ...string) *consensus.Refusal {
	r := &consensus.Refusal{Code: code, Sentence: sentence}
	for i := 0; i+1 < len(details); i += 2 {
		if r.Details == nil {
			r.Details = map[string]string{}
		}
		r.Details[details[i]] = details[i+1]
	}
	return r
}

func invalid(field, sentence string) *consensus.Refusal {
	return refuse(CodeInvalid, sentence, "field", field)
}

func unknown(id ID) *consensus.Refusal {
	return refuse(CodeUnknown, fmt.Sprintf("there is no task %s; finished tasks are kept for 7 days", id), "task", id.String())
}

func ended(id ID, s State) *consensus.Refusal {
	return refuse(CodeEnded, fmt.Sprintf("task %s is %s, which is final", id, s), "task", id.String(), "state", string(s))
}

// isRefusal says that err is a "no" with one of the codes.
func isRefusal(err error, codes ...string) bool {
	var r *consensus.Refusal
	if !errors.As(err, &r) {
		return false
	}
	for _, c := range codes {
		if r.Code == c {
			return true
		}
	}
	return false
}
