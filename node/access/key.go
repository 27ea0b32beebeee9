package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what the state accepts.
const (
	MaxKeys   = 10_000
	MaxName   = 128 // characters
	MaxScopes = 64
	MaxScope  = 128 // bytes

	maxCreatedBy  = 128
	maxCredential = 512
)

// KeyInfo is what is known of an API key to everybody: not the key.
type KeyInfo struct {
	// ID is 12 hexadecimal digits, the middle of the key.
	ID     string   `cbor:"1,keyasint"`
	Name   string   `cbor:"2,keyasint"`
	Role   Role     `cbor:"3,keyasint"`
	Scopes []string `cbor:"4,keyasint,omitempty"`
	// CreatedAt and RevokedAt are mesh time in unix milliseconds; RevokedAt is
	// 0 while the key is valid.
	CreatedAt int64 `cbor:"5,keyasint"`
	// CreatedBy is the id of the principal that asked for it.
	CreatedBy string `cbor:"6,keyasint,omitempty"`
	RevokedAt int64  `cbor:"7,keyasint,omitempty"`
}

// record is a key as the state holds it.
type record struct {
	KeyInfo
	// Hash is the SHA-256 of the whole key string.
	Hash [sha256.Size]byte `cbor:"8,keyasint"`
}

// Keys read <prefix><id>_<43 characters of base64url>. The prefix only tells
// people and secret scanners what they look at.
const (
	prefixKey    = "mk_"
	prefixScoped = "at_"
	secretBytes  = 32
	idBytes      = 6
)

var idGrammar = regexp.MustCompile(`^[0-9a-f]{12}$`)

// mint makes a key with a random id.
func mint(scoped bool) (id, key string) {
	var raw [idBytes + secretBytes]byte
	rand.Read(raw[:]) // never fails
	prefix := prefixKey
	if scoped {
		prefix = prefixScoped
	}
	id = hex.EncodeToString(raw[:idBytes])
	return id, prefix + id + "_" + base64.RawURLEncoding.EncodeToString(raw[idBytes:])
}

// keyID returns the id within something shaped like a key.
func keyID(credential string) (string, bool) {
	rest, ok := strings.CutPrefix(credential, prefixKey)
	if !ok {
		rest, ok = strings.CutPrefix(credential, prefixScoped)
	}
	const shape = 2*idBytes + 1 + 43
	if !ok || len(rest) != shape || rest[2*idBytes] != '_' {
		return "", false
	}
	return rest[:2*idBytes], true
}

func checkName(name string) error {
	if strings.TrimSpace(name) == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > MaxName {
		return refuse(CodeNameInvalid, fmt.Sprintf("a key's name has 1 to %d characters; give one with --name", MaxName))
	}
	for _, c := range name {
		if !unicode.IsPrint(c) {
			return refuse(CodeNameInvalid, "the key's name holds a character that cannot be shown; give another with --name")
		}
	}
	return nil
}

func checkScopes(scopes []string) error {
	if len(scopes) > MaxScopes {
		return refuse(CodeScopeInvalid, fmt.Sprintf("a key has at most %d scopes, not %d", MaxScopes, len(scopes)))
	}
	for _, s := range scopes {
		if s == "" || len(s) > MaxScope || !visible(s) {
			return refuse(CodeScopeInvalid, fmt.Sprintf("a scope is 1 to %d visible ASCII characters without spaces", MaxScope))
		}
	}
	return nil
}

func checkRole(r Role) error {
	if !r.Valid() {
		return refuse(CodeRoleUnsupported, "a key's role is admin, user, viewer or agent; change --role")
	}
	return nil
}

func visible(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return true
}
