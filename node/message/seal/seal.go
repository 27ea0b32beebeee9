// Package seal encrypts message bodies to the agent that is to read them.
//
// A sealed body is the JSON object {"age":"BASE64"}, whose one member is a file
// of age (age-encryption.org/v1) with exactly one recipient: a hybrid
// post-quantum one (ML-KEM-768 with X25519). So it travels and is kept as any
// other body, and whoever carries it learns its length and no more.
//
// Sealing hides a body; it does not say who wrote it. That the sender is who the
// mesh says it is rests on the mesh, as for a body that is not sealed.
//
// The package is pure but for randomness, and safe for concurrent use.
package seal

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"filippo.io/age"
)

const (
	// MaxSealed bounds a sealed body as JSON text, in bytes: what an inbox takes.
	MaxSealed = 16 << 20
	// MaxBody bounds what can be sealed, in bytes, so that the outcome fits
	// MaxSealed: base64 adds a third, and age some 2 KiB and a part in 4,096.
	MaxBody = MaxSealed/4*3 - 16<<10
	// MaxRecipient bounds a public recipient, in bytes; one has 1,959.
	MaxRecipient = 4 << 10
)

// Errors of this package; what callers get wraps one of them, as a sentence.
var (
	// ErrKey: the recipient or the identity is none of age's hybrid kind.
	ErrKey = errors.New("not a hybrid post-quantum key of age")
	// ErrWrongKey: the body is sealed to another key.
	ErrWrongKey = errors.New("the body is sealed to another key")
	// ErrNotSealed: the body has not the form of a sealed one, or was changed
	// on its way.
	ErrNotSealed = errors.New("the body is not whole as a sealed body")
	// ErrTooLarge: the body is over its bound.
	ErrTooLarge = errors.New("the body is too large to seal")
)

// envelope is a sealed body.
type envelope struct {
	Age *string `json:"age"`
}

// Generate makes a key of an agent: the identity, which opens and is the
// agent's secret, and the recipient, which is published.
func Generate() (identity, recipient string, err error) {
	i, err := age.GenerateHybridIdentity()
	if err != nil {
		return "", "", err
	}
	return i.String(), i.Recipient().String(), nil
}

// CheckRecipient says whether a body can be sealed to recipient, which begins
// with age1pq1. The error wraps ErrKey and is a sentence for people.
func CheckRecipient(recipient string) error {
	_, err := parseRecipient(recipient)
	return err
}

func parseRecipient(recipient string) (*age.HybridRecipient, error) {
	if len(recipient) > MaxRecipient {
		return nil, fmt.Errorf("%w: a recipient has about 2,000 characters, not %d", ErrKey, len(recipient))
	}
	r, err := age.ParseHybridRecipient(recipient)
	if err != nil { // age's error repeats the 2 KB
		return nil, fmt.Errorf("%w: a recipient begins with age1pq1, as \"meshd agents key NAME --generate FILE\" and \"age-keygen -pq\" print it", ErrKey)
	}
	return r, nil
}

// HashOf is the short name of a recipient: "sha256:" and 64 hex digits.
func HashOf(recipient string) string {
	sum := sha256.Sum256([]byte(recipient))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// Seal encrypts a body, one JSON value of at most MaxBody bytes, to recipient.
func Seal(recipient string, body []byte) (json.RawMessage, error) {
	r, err := parseRecipient(recipient)
	if err != nil {
		return nil, err
	}
	if len(body) > MaxBody {
		return nil, fmt.Errorf("%w: it has %d bytes, and %d can be sealed", ErrTooLarge, len(body), MaxBody)
	}
	if !json.Valid(body) {
		return nil, errors.New("a message body is one JSON value")
	}
	var out bytes.Buffer
	out.Grow(len(body)/3*4 + 8<<10)
	out.WriteString(`{"age":"`)
	text := base64.NewEncoder(base64.StdEncoding, &out)
	w, err := age.Encrypt(text, r)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(body); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Close(), text.Close()); err != nil {
		return nil, err
	}
	out.WriteString(`"}`)
	return out.Bytes(), nil
}

// Check says whether a body has the form of a sealed one, as those see it who
// cannot open it. Its errors wrap ErrNotSealed or ErrTooLarge.
func Check(sealed []byte) error {
	file, err := fileOf(sealed)
	if err == nil && !bytes.HasPrefix(file, []byte(fileBegins)) {
		err = fmt.Errorf("%w: what is in it is no file of age", ErrNotSealed)
	}
	return err
}

// fileBegins is how every file of age begins (age-encryption.org/v1).
const fileBegins = "age-encryption.org/v1\n"

// fileOf is the file of age in a sealed body.
func fileOf(sealed []byte) ([]byte, error) {
	if len(sealed) > MaxSealed {
		return nil, fmt.Errorf("%w: a sealed body has at most %d bytes, not %d", ErrTooLarge, MaxSealed, len(sealed))
	}
	var e envelope
	d := json.NewDecoder(bytes.NewReader(sealed))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil || e.Age == nil || d.More() {
		return nil, fmt.Errorf(`%w: it is an object {"age":"BASE64"}`, ErrNotSealed)
	}
	file, err := base64.StdEncoding.Strict().DecodeString(*e.Age)
	if err != nil {
		return nil, fmt.Errorf("%w: what is in it is not base64", ErrNotSealed)
	}
	return file, nil
}

// Open decrypts a sealed body with the text of an identity; see ParseIdentity.
func Open(identity string, sealed []byte) (json.RawMessage, error) {
	i, err := ParseIdentity(identity)
	if err != nil {
		return nil, err
	}
	return i.Open(sealed)
}

// Open decrypts a sealed body. Its errors wrap ErrNotSealed, ErrWrongKey or
// ErrTooLarge.
func (i *Identity) Open(sealed []byte) (json.RawMessage, error) {
	file, err := fileOf(sealed)
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(bytes.NewReader(file), i)
	if errors.Is(err, ErrWrongKey) {
		return nil, fmt.Errorf("%w: it opens with the identity whose recipient the sender had, which may be an older one", ErrWrongKey)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: what is in it is no file of age with one recipient", ErrNotSealed)
	}
	body, err := io.ReadAll(io.LimitReader(r, MaxSealed))
	if err != nil {
		return nil, fmt.Errorf("%w: it was cut off or changed", ErrNotSealed)
	}
	if !json.Valid(body) {
		return nil, fmt.Errorf("%w: what was sealed is not JSON", ErrNotSealed)
	}
	return body, nil
}
