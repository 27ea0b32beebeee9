package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/access"
	"github.com/meshd/meshd/node/wire"
)

// sentinels maps what the layers below fail with. Outcomes that are not known
// come first: an error that wraps one with its cause must not look safe to
// repeat.
var sentinels = []struct {
	err  error
	code string
}{
	{consensus.ErrUnknown, CodeOutcomeUnknown},
	{wire.ErrLost, CodeOutcomeUnknown},
	{consensus.ErrNoLeader, CodeNoLeader},
	{consensus.ErrOverloaded, CodeOverloaded},
	{consensus.ErrTooLarge, CodeTooLarge},
	{consensus.ErrBehind, CodeBehind},
	{consensus.ErrAhead, CodeAhead},
	{consensus.ErrDiskFull, CodeDiskFull},
	{consensus.ErrStateFault, CodeStateFault},
	{consensus.ErrClosed, CodeClosing},
	{access.ErrNoCredential, CodeUnauthorized},
	{access.ErrBadCredential, CodeUnauthorized},
	{wire.ErrRemoved, "NODE_REMOVED"},
	{wire.ErrNotReady, CodeNotReady},
	{wire.ErrUnreachable, "NODE_UNREACHABLE"},
	{wire.ErrTimeout, CodeTimeout},
	{wire.ErrTooLarge, CodeTooLarge},
	{wire.ErrClosed, CodeClosing},
	{context.DeadlineExceeded, CodeTimeout},
	{context.Canceled, CodeClientClosed},
}

// asError turns any error of the layers below into what a client sees. What
// has no place in the catalogue becomes INTERNAL, and is logged with the
// request id since the client is told nothing else.
func (a *API) asError(ctx context.Context, err error) *Error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var refusal *consensus.Refusal
	if errors.As(err, &refusal) {
		return fromRefusal(refusal)
	}
	var remote *wire.RemoteError
	if errors.As(err, &remote) {
		return fromRefusal(&consensus.Refusal{Code: remote.Code, Sentence: remote.Sentence, Details: remote.Details})
	}
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return tooLarge(large.Limit)
	}
	for _, s := range sentinels {
		if !errors.Is(err, s.err) {
			continue
		}
		e := Fail(s.code, "")
		if errors.Is(s.err, access.ErrBadCredential) {
			e.Sentence = err.Error()
		}
		if s.code == CodeNoLeader && a.cfg.NoLeader != nil {
			e = a.noLeader()
		}
		return e
	}
	var status huma.StatusError
	if errors.As(err, &status) && status.GetStatus() < 500 {
		return Fail(codeOf(status.GetStatus()), "%s", status.Error())
	}
	a.log.LogAttrs(ctx, slog.LevelError, "request failed",
		slog.String("request_id", RequestID(ctx)), slog.String("error", clip(err.Error(), 500)))
	return Fail(CodeInternal, "")
}

// noLeader tells voters that are missing from a leader that does not answer
// while most are there: one waits for people, the other passes by itself.
func (a *API) noLeader() *Error {
	details := a.cfg.NoLeader()
	alive, known := details["voters_alive"].(int)
	needed, also := details["voters_needed"].(int)
	e := Fail(CodeNoLeader, "")
	if known && also && alive < needed {
		e.Sentence = "no leader is known: most voters cannot be reached"
		e.Details["next"] = "`meshd status` says which nodes are missing"
	}
	for k, v := range details {
		e.Details[k] = v
	}
	return e
}

// fromRefusal keeps a part's own code and sentence. A code that the catalogue
// lacks is a conflict with what is, which is all a refusal can say by itself.
func fromRefusal(r *consensus.Refusal) *Error {
	e := Fail(r.Code, "%s", r.Sentence)
	if _, ok := catalogue[r.Code]; !ok {
		e = Fail(CodeConflict, "%s", r.Sentence).With("reason", r.Code)
	}
	for k, v := range r.Details {
		e.Details[k] = v
	}
	return e
}

func tooLarge(limit int64) *Error {
	return Fail(CodeTooLarge, "the request body is larger than %d bytes", limit).With("limit_bytes", limit)
}

// clip bounds what outsiders can put into logs and answers.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xC0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
