package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"

	"github.com/meshd/meshd/consensus"
)

// WriteInput is what every write may bring. Embed it in a typed route's input;
// PATCH, PUT and DELETE of versioned things embed MatchInput besides.
type WriteInput struct {
	IdempotencyKey string `header:"Idempotency-Key" doc:"The client's own word for this write: sent again with it, the write takes effect once" maxLength:"255"`
}

// Idempotency returns the key of the request that ctx belongs to, nil where the
// client gave none. The scope is the caller, the method and the path; the hash
// covers the query and the body, which must have been read whole.
func Idempotency(ctx context.Context) (*consensus.IdempotencyKey, error) {
	x := exchangeOf(ctx)
	if len(x.keys) == 0 {
		return nil, nil
	}
	if !oneKey(x.keys) {
		return nil, invalid("header.Idempotency-Key", "an idempotency key is 1 to 255 visible ASCII characters, and is given once")
	}
	scope := sha256.New()
	for _, part := range []string{x.caller.Kind, x.caller.ID, x.method, x.path} {
		scope.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	content := sha256.New()
	content.Write([]byte(x.query + "\n"))
	if x.bodyHash != nil {
		content.Write(x.bodyHash.Sum(nil))
	}
	return &consensus.IdempotencyKey{
		Scope:    hex.EncodeToString(scope.Sum(nil)),
		Key:      x.keys[0],
		BodyHash: [32]byte(content.Sum(nil)),
	}, nil
}

// oneKey says that the headers hold one key: which of two would count, the
// client does not know, and an empty one would let the write be done twice.
func oneKey(keys []string) bool {
	return len(keys) == 1 && keys[0] != "" && len(keys[0]) <= 255 && visible(keys[0])
}

// WriteOutput are the headers of a write's answer. Embed it in a typed route's
// output.
type WriteOutput struct {
	Revision uint64 `header:"X-Mesh-Revision" doc:"The revision that includes the write"`
	Replayed string `header:"Idempotency-Replayed" doc:"\"true\" where the write had taken effect before"`
}

// Wrote makes the headers of a write.
func Wrote(o consensus.Outcome) WriteOutput {
	out := WriteOutput{Revision: o.Revision}
	if o.Replayed {
		out.Replayed = "true"
	}
	return out
}

// SetOutcome is Wrote for Plain routes; call it before the body is written.
func SetOutcome(h http.Header, o consensus.Outcome) {
	h.Set("X-Mesh-Revision", strconv.FormatUint(o.Revision, 10))
	if o.Replayed {
		h.Set("Idempotency-Replayed", "true")
	}
}

// MatchInput is the condition a change of a versioned thing may carry.
type MatchInput struct {
	IfMatch string `header:"If-Match" doc:"Change only if the version (the ETag) is still this one; * for any" maxLength:"64"`
}

// Match is an If-Match header as read.
type Match struct {
	Set     bool // a condition was given
	Any     bool // the thing must exist, in any version
	Version uint64
}

// Match reads the condition. Versions are whole numbers, with or without the
// quotes of an ETag; several are refused, since one write has one base.
func (in MatchInput) Match() (Match, error) {
	v := strings.TrimSpace(in.IfMatch)
	switch v {
	case "":
		return Match{}, nil
	case "*":
		return Match{Set: true, Any: true}, nil
	}
	if len(v) >= 2 && v[0] == '"' && v[len(v)-1] == '"' {
		v = v[1 : len(v)-1]
	}
	n, err := strconv.ParseUint(v, 10, 64)
	if err != nil {
		return Match{}, invalid("header.If-Match", "If-Match is one version number, or *")
	}
	return Match{Set: true, Version: n}, nil
}

// ETag is a version as the ETag header gives it.
func ETag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }
