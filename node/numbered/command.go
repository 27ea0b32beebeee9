package numbered

import (
	"regexp"
	"unicode"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"

	"github.com/meshd/meshd/consensus"
)

// Codes of the refusals that parts share. They reach clients unchanged.
const (
	CodeTooLarge    = "TOO_LARGE"
	CodeInvalid     = "INVALID"
	CodeUpgradeNode = "UPGRADE_NODE"
	CodeOlderNodes  = "OLDER_NODES"
)

// Kind numbers the commands of a part; numbers are never reused.
type Kind uint16

// Envelope is a command as it is proposed.
type Envelope struct {
	Kind Kind            `cbor:"1,keyasint"`
	Body cbor.RawMessage `cbor:"2,keyasint"`
}

// Command encodes a command.
func Command(k Kind, body any) []byte {
	return consensus.Encode(Envelope{Kind: k, Body: consensus.Encode(body)})
}

// Decode reads a command, or its body; of what it refuses it says that it is a
// command of what.
func Decode(data []byte, v any, what string) error {
	if err := consensus.Decode(data, v); err != nil {
		return Refuse(CodeUpgradeNode, "a command of "+what+" holds what this version cannot read; upgrade this node")
	}
	return nil
}

// Run reads a command's body and executes it.
func Run[B any](e Envelope, what string, fn func(B) ([]byte, error)) ([]byte, error) {
	var b B
	if err := Decode(e.Body, &b, what); err != nil {
		return nil, err
	}
	return fn(b)
}

// Quiet is a command that answers nothing.
func Quiet[B any](fn func(B) error) func(B) ([]byte, error) {
	return func(b B) ([]byte, error) { return nil, fn(b) }
}

// Refuse makes a refusal; details are names and values by turns.
func Refuse(code, sentence string, details ...string) *consensus.Refusal {
	r := &consensus.Refusal{Code: code, Sentence: sentence}
	for i := 0; i+1 < len(details); i += 2 {
		if r.Details == nil {
			r.Details = map[string]string{}
		}
		r.Details[details[i]] = details[i+1]
	}
	return r
}

// Invalid refuses what a field says.
func Invalid(field, sentence string) *consensus.Refusal {
	return Refuse(CodeInvalid, sentence, "field", field)
}

var name = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,62}$`)

// IsName says whether a text is an agent's name.
func IsName(s string) bool { return name.MatchString(s) }

// Printable says whether a text is of printable characters, at most so many bytes.
func Printable(s string, limit int) bool {
	if len(s) > limit || !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}
