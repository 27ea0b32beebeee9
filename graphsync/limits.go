package graphsync

import (
	"fmt"
	"strconv"

	"github.com/meshd/meshd/consensus"
)

// Bounds of what is stored. Sizes are bytes.
const (
	MaxNamespace  = 128
	MaxType       = 64
	MaxLabel      = 1 << 10
	MaxKey        = 512
	MaxPredicate  = 1 << 10
	MaxProperties = 64 << 10
	MaxDepth      = 32 // nesting of a properties object
	MaxAuthor     = 128

	MaxText       = 16 << 10 // of an observation
	MaxProvenance = 1 << 10
	MaxAliases    = 256 // of a node
	MaxReason     = 1 << 10
	MaxModel      = 128  // name of what made a vector
	MaxDimension  = 4096 // of a vector
	MaxSchema     = 64 << 10

	// MaxBatchOps and MaxBatchBytes bound one command. It is applied at once, and
	// others wait for it.
	MaxBatchOps   = 10_000
	MaxBatchBytes = 8 << 20

	// maxCascade is how many edges one command ends on behalf of deleted
	// nodes; Service.DeleteNode ends the others in commands before it.
	maxCascade = 10_000

	// maxNormKey bounds a key after normalisation, which may lengthen it.
	maxNormKey = 1 << 10
	// maxName is how much of a folded label the label index holds.
	maxName = 128

	maxID     = 1<<40 - 1
	maxSymbol = 1<<24 - 1
)

// Codes of refusals, from the error catalogue of the HTTP surface. Details
// name the "field" at fault and, in a batch, the index of the "op".
const (
	CodeInvalid      = "INVALID"             // 400
	CodeNotFound     = "NOT_FOUND"           // 404
	CodeKeyExists    = "KEY_EXISTS"          // 409; details: id of the holder
	CodePrecondition = "PRECONDITION_FAILED" // 412; details: the current version
	CodeTooLarge     = "TOO_LARGE"           // 413
	CodeTooManyEdges = "TOO_MANY_EDGES"      // 409: a batch would end too many edges
	CodeExhausted    = "EXHAUSTED"           // 507: a space of ids is used up
	CodeSchema       = "SCHEMA"              // 409: the namespace's schema does not allow it
	CodeCompacted    = "COMPACTED"           // 410: older than what is kept
	CodeOlderNodes   = "OLDER_NODES"         // 409: a node of the mesh runs software that cannot do it
)

func refuse(code, field, format string, args ...any) *consensus.Refusal {
	r := &consensus.Refusal{Code: code, Sentence: fmt.Sprintf(format, args...)}
	if field != "" {
		r.Details = map[string]string{"field": field}
	}
	return r
}

func invalid(field, format string, args ...any) *consensus.Refusal {
	return refuse(CodeInvalid, field, field+" "+format, args...)
}

// inOp says which operation of a batch was refused. It copies: a refusal may
// be shared.
func inOp(r *consensus.Refusal, index int) *consensus.Refusal {
	out := &consensus.Refusal{Code: r.Code, Details: map[string]string{"op": strconv.Itoa(index)},
		Sentence: fmt.Sprintf("operation %d: %s", index, r.Sentence)}
	for k, v := range r.Details {
		out.Details[k] = v
	}
	return out
}
