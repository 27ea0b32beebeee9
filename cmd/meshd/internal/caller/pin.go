package caller

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

// ErrPin says that the node showed another key than the pin names. Nothing,
// the credential least of all, has been sent to it.
var ErrPin = errors.New("the node's key is not the pinned one")

// Pins is what a node's certificate must match: one of its public keys or
// certificates.
type Pins struct{ keys, certificates [][sha256.Size]byte }

// ParsePins reads pins between commas: the SHA-256 of the public key in base64,
// with or without curl's "sha256//", or the SHA-256 of the certificate in hex,
// with or without colons, as `meshd cert` and /cert show them.
func ParsePins(s string) (Pins, error) {
	var p Pins
	for part := range strings.SplitSeq(s, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		if raw, err := hex.DecodeString(strings.ReplaceAll(part, ":", "")); err == nil && len(raw) == sha256.Size {
			p.certificates = append(p.certificates, [sha256.Size]byte(raw))
			continue
		}
		raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(part, "sha256//"))
		if err != nil || len(raw) != sha256.Size {
			return Pins{}, exit.New(exit.Usage, fmt.Sprintf("the pin %.60q is neither base64 nor hex of 32 bytes", part),
				"\"meshd cert\" on that machine prints it")
		}
		p.keys = append(p.keys, [sha256.Size]byte(raw))
	}
	if len(p.keys)+len(p.certificates) == 0 {
		return Pins{}, exit.New(exit.Usage, "the pin is empty", "\"meshd cert\" on that machine prints it")
	}
	return p, nil
}

// verify is a tls.Config.VerifyConnection.
func (p Pins) verify(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return ErrPin
	}
	leaf := state.PeerCertificates[0]
	if slices.Contains(p.keys, sha256.Sum256(leaf.RawSubjectPublicKeyInfo)) || slices.Contains(p.certificates, sha256.Sum256(leaf.Raw)) {
		return nil
	}
	return ErrPin
}
