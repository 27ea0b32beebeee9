// Package identity holds what makes this machine one node of a mesh: its
// private key, the self-signed certificate over it, the node id and the age
// key that messages are sealed to.
//
// It does not know who else belongs to a mesh and judges nobody: that is the
// roster's. It promises that the key, the id and the age key are made once and
// stay as they are, that the certificate may change at any time over the same
// key, and that private files are readable by their owner only. The caller
// holds the lock of the directory: two processes must not open one directory
// for the first time at once.
package identity

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Pin names a public key: the SHA-256 of its SubjectPublicKeyInfo, as RFC 7469
// section 2.4 has it. It outlives the certificates issued over the key. Pins
// are public; compare them with ==.
type Pin [sha256.Size]byte

// PinOf returns the pin of the certificate's public key.
func PinOf(c *x509.Certificate) Pin { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// ParsePin reads what Pin.String writes: 44 characters of standard base64.
func ParsePin(s string) (Pin, error) {
	var p Pin
	if len(s) != base64.StdEncoding.EncodedLen(len(p)) {
		return Pin{}, fmt.Errorf("a pin has %d characters of base64, this has %d", base64.StdEncoding.EncodedLen(len(p)), len(s))
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || len(raw) != len(p) {
		return Pin{}, fmt.Errorf("the pin is not base64 of %d bytes", len(p))
	}
	copy(p[:], raw)
	return p, nil
}

// String returns the pin in standard base64, the form curl's --pinnedpubkey
// takes after "sha256//".
func (p Pin) String() string { return base64.StdEncoding.EncodeToString(p[:]) }

// Compare orders pins by their bytes.
func (p Pin) Compare(q Pin) int { return bytes.Compare(p[:], q[:]) }

// MarshalText implements encoding.TextMarshaler.
func (p Pin) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *Pin) UnmarshalText(text []byte) error {
	parsed, err := ParsePin(string(text))
	if err != nil {
		return err
	}
	*p = parsed
	return nil
}

// MarshalCBOR encodes the pin as a byte string of 32 bytes.
func (p Pin) MarshalCBOR() ([]byte, error) { return cbor.Marshal(p[:]) }

// UnmarshalCBOR reads a byte string of exactly 32 bytes; a shorter one would
// otherwise be filled up with zeros.
func (p *Pin) UnmarshalCBOR(data []byte) error {
	var raw []byte
	if err := cbor.Unmarshal(data, &raw); err != nil {
		return fmt.Errorf("pin: %w", err)
	}
	if len(raw) != len(p) {
		return fmt.Errorf("pin: %d bytes instead of %d", len(raw), len(p))
	}
	copy(p[:], raw)
	return nil
}
