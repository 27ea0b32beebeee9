package task

import (
	"errors"
	"fmt"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// Codes of the refusals this package makes. They reach clients unchanged.
const (
	CodeUnknown     = "TASK_UNKNOWN"
	CodeEnded       = "TASK_ENDED"
	CodeState       = "TASK_STATE"
	CodeLoop        = "TASK_LOOP"
	CodeDepth       = "TASK_DEPTH"
	CodeNotAssigned = "NOT_ASSIGNED"
	CodeBegun       = "TASK_BEGUN"
	// CodeNotYours is for the surface, which knows who asks.
	CodeNotYours    = "NOT_YOUR_TASK"
	CodeFull        = "TASKS_FULL"
	CodeTooLarge    = numbered.CodeTooLarge
	CodeInvalid     = numbered.CodeInvalid
	CodeUpgradeNode = numbered.CodeUpgradeNode
	CodeOlderNodes  = numbered.CodeOlderNodes
)

// Codes of failures that the mesh reports itself, in Failure.Code.
const (
	FailedDeadline = "DEADLINE"
	FailedAttempts = "ATTEMPTS"
)

func unknown(id ID) *consensus.Refusal {
	return numbered.Refuse(CodeUnknown, fmt.Sprintf("there is no task %s; finished tasks are kept for 7 days", id), "task", id.String())
}

func ended(id ID, s State) *consensus.Refusal {
	return numbered.Refuse(CodeEnded, fmt.Sprintf("task %s is %s, which is final", id, s), "task", id.String(), "state", string(s))
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

// LevelBegin is the command level from which a report may be the first of its
// attempt or none.
const LevelBegin = 5

// begunAlready says that an attempt in this state was begun by somebody.
func begunAlready(s State) bool { return s == Working || s == InputRequired }

func begun(id ID, attempt int) *consensus.Refusal {
	return numbered.Refuse(CodeBegun, fmt.Sprintf("attempt %d of task %s was begun before, by another instance or an earlier session: return its message, and another attempt is made when nothing more is heard of it", attempt, id),
		"task", id.String(), "attempt", fmt.Sprint(attempt))
}
