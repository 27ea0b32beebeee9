package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// ErrUnreachable says that no node answered in Config.Patience. What was asked
// may have taken effect where it was a write.
var ErrUnreachable = errors.New("no node of the mesh answers")

// Codes of the error catalogue that any request may be refused with. A Client
// repeats what OVERLOADED, NO_LEADER and BEHIND put off, for Config.Patience.
const (
	CodeUnauthorized        = "UNAUTHORIZED" // the key is not, or no longer, valid
	CodeForbidden           = "FORBIDDEN"    // it may not do that
	CodeNoLeader            = "NO_LEADER"
	CodeBehind              = "BEHIND" // the node is not as far as was asked for
	CodeOutcomeUnknown      = "OUTCOME_UNKNOWN"
	CodeIdempotencyMismatch = "IDEMPOTENCY_MISMATCH" // another request had the key
	CodeDiskFull            = "DISK_FULL"
	CodeOlderNodes          = "OLDER_NODES" // some node runs a version that cannot do it
)

// Codes of the error catalogue on which a client of sync branches.
const (
	CodeCompacted     = "COMPACTED"      // take a snapshot
	CodeSeqGap        = "SEQ_GAP"        // Details["expected"]
	CodeOtherMesh     = "OTHER_MESH"     // a token or payload of another mesh
	CodeOtherFilter   = "OTHER_FILTER"   // a token of another filter
	CodeConflictsFull = "CONFLICTS_FULL" // resolve some first
	CodeSyncDisabled  = "SYNC_DISABLED"  // the namespace takes no pushes
	CodeNotFound      = "NOT_FOUND"
)

// Error is a refusal by the mesh.
type Error struct {
	Status    int            `json:"-"`
	Sentence  string         `json:"error"`
	Code      string         `json:"code"`
	Details   map[string]any `json:"details"`
	RequestID string         `json:"request_id"`
	// RetryAfter is when the node wants to be asked again; 0: it did not say.
	RetryAfter time.Duration `json:"-"`
}

// Error returns the sentence and the code.
func (e *Error) Error() string { return e.Sentence + " (" + e.Code + ")" }

// IsCode says whether an error is a refusal with a code.
func IsCode(err error, code string) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}

// Number is a detail that is a whole number, 0 where there is none.
func (e *Error) Number(detail string) uint64 {
	switch v := e.Details[detail].(type) {
	case float64:
		if v >= 0 && v < 1<<53 {
			return uint64(v)
		}
	case json.Number:
		n, _ := strconv.ParseUint(string(v), 10, 64)
		return n
	case string:
		n, _ := strconv.ParseUint(v, 10, 64)
		return n
	}
	return 0
}

// Flag is a detail that is true.
func (e *Error) Flag(detail string) bool {
	return e.Details[detail] == true || e.Details[detail] == "true"
}

// maxErrorBody bounds what is read of a refusal.
const maxErrorBody = 1 << 20

// refusalOf reads a refusal; what is no JSON of ours came from something else
// that listens there.
func refusalOf(res *http.Response) *Error {
	e := &Error{Status: res.StatusCode}
	d := json.NewDecoder(io.LimitReader(res.Body, maxErrorBody))
	d.UseNumber()
	if err := d.Decode(e); err != nil || e.Code == "" {
		e = &Error{Status: res.StatusCode, Code: "NO_MESHD", Sentence: fmt.Sprintf("what answers there is no node of a mesh: %s", res.Status)}
	}
	if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
		e.RetryAfter = time.Duration(s) * time.Second
	}
	return e
}

// passing says that the same request may be answered later, or elsewhere.
func (e *Error) passing() bool {
	switch e.Status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return e.Code == codeInFlight
}

// codeInFlight refuses a write whose first sending is still at work.
const codeInFlight = "IDEMPOTENCY_IN_FLIGHT"
