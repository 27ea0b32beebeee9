package consensus

import "slices"

// outcome is what an applied command came to, as it is kept for whoever asks
// again.
type outcome struct {
	Revision uint64   `cbor:"1,keyasint"`
	Result   []byte   `cbor:"2,keyasint,omitempty"`
	Refusal  *Refusal `cbor:"3,keyasint,omitempty"`
	Replayed bool     `cbor:"4,keyasint,omitempty"`
}

func (o outcome) answer() (Outcome, error) {
	out := Outcome{Revision: o.Revision, Result: slices.Clone(o.Result), Replayed: o.Replayed}
	if o.Refusal != nil {
		return out, o.Refusal
	}
	return out, nil
}

// Codes of refusals that consensus itself gives.
const (
	CodeInternal            = "INTERNAL"
	CodeIdempotencyMismatch = "IDEMPOTENCY_MISMATCH"
	// CodeIdempotencyInFlight: a proposal under the same key has no answer yet.
	CodeIdempotencyInFlight = "IDEMPOTENCY_IN_FLIGHT"
)

func internal(sentence string) *Refusal { return &Refusal{Code: CodeInternal, Sentence: sentence} }
