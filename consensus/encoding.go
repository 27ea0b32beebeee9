package consensus

import (
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

// Everything replicated or stored is CBOR in its Core Deterministic Encoding
// (RFC 8949 §4.2): the same value has the same bytes on every node.
var (
	encoder = must(cbor.CoreDetEncOptions().EncMode())
	decoder = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   64,
		MaxArrayElements:  1 << 20,
		MaxMapPairs:       1 << 17,
		DefaultMapType:    nil,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Encode returns the deterministic CBOR of v. Struct fields are best numbered
// (`cbor:"1,keyasint,omitempty"`). It panics on a type CBOR cannot hold, which
// is a mistake in the program, not in its input.
func Encode(v any) []byte {
	data, err := encoder.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("consensus: encoding %T: %v", v, err))
	}
	return data
}

// Decode reads deterministic CBOR into v. Unknown fields, duplicate keys,
// indefinite lengths, trailing bytes and deep nesting are errors.
func Decode(data []byte, v any) error {
	if err := decoder.Unmarshal(data, v); err != nil {
		return fmt.Errorf("decoding %T: %w", v, err)
	}
	return nil
}
