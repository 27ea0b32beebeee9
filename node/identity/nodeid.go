package identity

import (
	"encoding/base32"
	"errors"
	"fmt"
	"hash/crc32"
	"strings"
)

// NodeID names a node for its whole life: six groups of six characters of
// lower-case base32 (RFC 4648 alphabet), joined by "-". The first 32
// characters are the leading 160 bits of the pin of the node's first key, the
// last four the leading 20 bits of their CRC-32C, so that a mistyped character
// or two neighbours swapped are always noticed. The key may change later, the
// id does not: look an id up in the roster, never derive it from a
// certificate. Ids are ordered as strings.
type NodeID string

const (
	idBytes     = 20
	idDataChars = 32
	idChars     = 36
	idGroup     = 6
	idAlphabet  = "abcdefghijklmnopqrstuvwxyz234567"
)

// ErrNodeID is wrapped by every error of ParseNodeID.
var ErrNodeID = errors.New("not a node id")

var (
	idEncoding = base32.NewEncoding(idAlphabet).WithPadding(base32.NoPadding)
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	// What people read wrongly off a screen: these characters are not in the
	// alphabet, so mapping them is never ambiguous.
	idTypos = strings.NewReplacer("-", "", " ", "", "0", "o", "1", "i", "8", "b")
)

// MintNodeID makes the id of the node whose first key has this pin.
func MintNodeID(first Pin) NodeID {
	data := idEncoding.EncodeToString(first[:idBytes])
	return groupID(data + idCheck(data))
}

// ParseNodeID reads a node id as people type it: upper or lower case, with or
// without "-" and spaces, 0, 1 and 8 for o, i and b. Errors wrap ErrNodeID.
func ParseNodeID(s string) (NodeID, error) {
	if len(s) > 4*idChars {
		return "", fmt.Errorf("%w: it is too long", ErrNodeID)
	}
	flat := idTypos.Replace(strings.ToLower(strings.TrimSpace(s)))
	if len(flat) != idChars {
		return "", fmt.Errorf("%w: it has %d characters instead of %d", ErrNodeID, len(flat), idChars)
	}
	if i := strings.IndexFunc(flat, func(r rune) bool { return !strings.ContainsRune(idAlphabet, r) }); i >= 0 {
		return "", fmt.Errorf("%w: character %q cannot stand in one", ErrNodeID, flat[i])
	}
	if idCheck(flat[:idDataChars]) != flat[idDataChars:] {
		return "", fmt.Errorf("%w: the check characters do not match, it is mistyped", ErrNodeID)
	}
	return groupID(flat), nil
}

// Short returns the first group, enough for logs and tables.
func (id NodeID) Short() string {
	short, _, _ := strings.Cut(string(id), "-")
	return short
}

// String returns the id as it is written everywhere.
func (id NodeID) String() string { return string(id) }

func idCheck(data string) string {
	sum := crc32.Checksum([]byte(data), castagnoli)
	var check [idChars - idDataChars]byte
	for i := range check {
		check[i] = idAlphabet[sum>>27]
		sum <<= 5
	}
	return string(check[:])
}

func groupID(flat string) NodeID {
	var b strings.Builder
	for i := 0; i < len(flat); i += idGroup {
		if i > 0 {
			b.WriteByte('-')
		}
		b.WriteString(flat[i : i+idGroup])
	}
	return NodeID(b.String())
}
