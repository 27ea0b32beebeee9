package roster

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"strings"

	"github.com/meshd/meshd/node/identity"
)

// Errors of ParseJoinToken, wrapped with detail.
var (
	ErrNotToken      = errors.New(`this is not a join token, those begin with "mesh1."`)
	ErrTokenMistyped = errors.New("the join token is mistyped or incomplete; copy it again as a whole")
	ErrTokenNewer    = errors.New("the join token was made by a newer meshd; upgrade this one")
)

const (
	tokenPrefix  = "mesh1."
	tokenVersion = 1
	tokenSum     = 4
	tokenHead    = 1 + 16 + 8 + 32
	// MaxTokenPins and MaxTokenAddresses bound what a join token carries.
	MaxTokenPins      = 3
	MaxTokenAddresses = 3
	maxTokenBytes     = tokenHead + 1 + MaxTokenPins*32 + 1 + MaxTokenAddresses*(1+MaxAddress) + tokenSum
)

// MaxJoinToken is the length no join token exceeds.
var MaxJoinToken = len(tokenPrefix) + tokenEncoding.EncodedLen(maxTokenBytes)

var (
	// Strict, so that no two strings mean one token and every character counts.
	tokenEncoding = base64.RawURLEncoding.Strict()
	castagnoli    = crc32.MakeTable(crc32.Castagnoli)
)

// JoinToken is the string that lets a node join: whom to expect, where, and a
// key for once. It is a secret; a mesh keeps its public half only.
type JoinToken struct {
	MeshID string // 32 hexadecimal digits
	ID     string // 16 hexadecimal digits
	// Seed is of an Ed25519 key (RFC 8032). It is never sent.
	Seed [32]byte
	// Pins are the keys one of which the node at Addresses must show.
	Pins      []identity.Pin
	Addresses []string // host:port
}

// LogValue keeps the secret out of logs.
func (t JoinToken) LogValue() slog.Value { return slog.StringValue("join token " + t.ID) }

// GoString keeps the secret out of %#v.
func (t JoinToken) GoString() string { return "roster.JoinToken{" + t.ID + "}" }

func (t *JoinToken) check() error {
	switch {
	case !meshIDGrammar.MatchString(t.MeshID):
		return refuse(CodeInvalid, "a mesh id is 32 hexadecimal digits")
	case !tokenGrammar.MatchString(t.ID):
		return refuse(CodeInvalid, "a token id is 16 hexadecimal digits")
	case len(t.Addresses) == 0 || len(t.Addresses) > MaxTokenAddresses:
		return refuse(CodeInvalid, fmt.Sprintf("a join token holds 1 to %d addresses, not %d", MaxTokenAddresses, len(t.Addresses)))
	case len(t.Pins) == 0 || len(t.Pins) > MaxTokenPins:
		return refuse(CodeInvalid, fmt.Sprintf("a join token holds 1 to %d pins, not %d", MaxTokenPins, len(t.Pins)))
	}
	return checkAddresses(t.Addresses)
}

// String returns the token as it is handed to people, the secret included. It
// is empty for a token that could not be parsed again.
func (t JoinToken) String() string {
	if t.check() != nil {
		return ""
	}
	b := make([]byte, 0, maxTokenBytes)
	b = append(b, tokenVersion)
	b, _ = hex.AppendDecode(b, []byte(t.MeshID)) // check has seen the digits
	b, _ = hex.AppendDecode(b, []byte(t.ID))
	b = append(b, t.Seed[:]...)
	b = append(b, byte(len(t.Pins)))
	for _, p := range t.Pins {
		b = append(b, p[:]...)
	}
	b = append(b, byte(len(t.Addresses)))
	for _, a := range t.Addresses {
		b = append(b, byte(len(a)))
		b = append(b, a...)
	}
	b = binary.BigEndian.AppendUint32(b, tokenChecksum(b))
	return tokenPrefix + tokenEncoding.EncodeToString(b)
}

// tokenChecksum is CRC-32C over prefix and payload. A CRC of 32 bits finds
// every change within 32 neighbouring bits, hence any one mistyped character.
func tokenChecksum(payload []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(tokenPrefix), castagnoli), castagnoli, payload)
}

// ParseJoinToken reads what String writes; white space around it is ignored.
// Errors wrap ErrNotToken, ErrTokenMistyped or ErrTokenNewer and never repeat
// the input, which may be a secret.
func ParseJoinToken(s string) (JoinToken, error) {
	s = strings.TrimSpace(s)
	if len(s) < len(tokenPrefix) {
		return JoinToken{}, ErrNotToken
	}
	prefix, rest := s[:len(tokenPrefix)], s[len(tokenPrefix):]
	if differing(prefix, tokenPrefix) > 1 {
		return JoinToken{}, ErrNotToken
	}
	if len(s) > MaxJoinToken {
		return JoinToken{}, fmt.Errorf("%w (it is too long)", ErrTokenMistyped)
	}
	b, err := tokenEncoding.DecodeString(rest)
	if err != nil {
		var at base64.CorruptInputError
		if errors.As(err, &at) {
			return JoinToken{}, fmt.Errorf("%w (at character %d)", ErrTokenMistyped, int64(at)+int64(len(tokenPrefix))+1)
		}
		return JoinToken{}, ErrTokenMistyped
	}
	if len(b) <= tokenSum {
		return JoinToken{}, ErrTokenMistyped
	}
	payload, sum := b[:len(b)-tokenSum], binary.BigEndian.Uint32(b[len(b)-tokenSum:])
	intact := sum == tokenChecksum(payload)
	switch {
	case prefix != tokenPrefix && !intact && prefix[:4] == tokenPrefix[:4] && prefix[4] > '1' && prefix[4] <= '9':
		return JoinToken{}, ErrTokenNewer
	case prefix != tokenPrefix || !intact:
		return JoinToken{}, ErrTokenMistyped
	case payload[0] > tokenVersion:
		return JoinToken{}, ErrTokenNewer
	case payload[0] != tokenVersion:
		return JoinToken{}, fmt.Errorf("%w (format %d was never used)", ErrNotToken, payload[0])
	}
	return decodeToken(payload)
}

// decodeToken reads a payload whose checksum holds: what is wrong in it now
// was made wrong, not mistyped.
func decodeToken(payload []byte) (t JoinToken, err error) {
	malformed := func(what string) (JoinToken, error) {
		return JoinToken{}, fmt.Errorf("%w (%s)", ErrNotToken, what)
	}
	b := payload
	take := func(n int) []byte {
		if n > len(b) {
			return nil
		}
		out := b[:n]
		b = b[n:]
		return out
	}
	head := take(tokenHead)
	if head == nil {
		return malformed("it ends too early")
	}
	t.MeshID, t.ID = hex.EncodeToString(head[1:17]), hex.EncodeToString(head[17:25])
	copy(t.Seed[:], head[25:57])
	n := take(1)
	if n == nil || n[0] == 0 || n[0] > MaxTokenPins {
		return malformed("it has a wrong number of pins")
	}
	for range n[0] {
		raw := take(32)
		if raw == nil {
			return malformed("it ends within a pin")
		}
		t.Pins = append(t.Pins, identity.Pin(raw))
	}
	n = take(1)
	if n == nil || n[0] == 0 || n[0] > MaxTokenAddresses {
		return malformed("it has a wrong number of addresses")
	}
	for range n[0] {
		l := take(1)
		if l == nil {
			return malformed("it ends before an address")
		}
		raw := take(int(l[0]))
		if raw == nil {
			return malformed("it ends within an address")
		}
		t.Addresses = append(t.Addresses, string(raw))
	}
	if len(b) != 0 {
		return malformed("something follows its end")
	}
	if err := t.check(); err != nil {
		return malformed(err.Error())
	}
	return t, nil
}

func differing(a, b string) (n int) {
	for i := range len(a) {
		if a[i] != b[i] {
			n++
		}
	}
	return n
}
