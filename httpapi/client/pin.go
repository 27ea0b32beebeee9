package client

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrPin says that a node showed another key than its pin names. Nothing, the
// API key least of all, has been sent to it.
var ErrPin = errors.New("the node's key is not the pinned one")

// pinned is the TLS configuration for a node that is known by the SHA-256 of
// its public key, in base64, with or without curl's "sha256//"; several stand
// between commas. The pin takes the place of names, dates and authorities.
func pinned(pins string) (*tls.Config, error) {
	var keys [][sha256.Size]byte
	for part := range strings.SplitSeq(pins, ",") {
		raw, err := base64.StdEncoding.Strict().DecodeString(strings.TrimPrefix(strings.TrimSpace(part), "sha256//"))
		if err != nil || len(raw) != sha256.Size {
			return nil, fmt.Errorf("the pin %.60q is not base64 of 32 bytes; `meshd cert` prints it", part)
		}
		keys = append(keys, [sha256.Size]byte(raw))
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: true,
		VerifyConnection: func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) == 0 || !slices.Contains(keys, sha256.Sum256(s.PeerCertificates[0].RawSubjectPublicKeyInfo)) {
				return ErrPin
			}
			return nil
		},
	}, nil
}
