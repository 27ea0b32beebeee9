package value

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"
)

// MaxJSONDepth is how deep JSON from outside may be nested.
const MaxJSONDepth = 200

// FromJSON reads one JSON value, as that of a parameter. A number without
// fraction and exponent is an integer and must fit into 64 bits; any other is a
// float. Names must not be repeated in an object.
func FromJSON(text []byte) (Value, error) {
	dec := jsontext.NewDecoder(bytes.NewReader(text))
	v, err := readJSON(dec, 0)
	if err != nil {
		return Null, err
	}
	if _, err := dec.ReadToken(); !errors.Is(err, io.EOF) {
		return Null, fmt.Errorf("there is more than one JSON value")
	}
	return v, nil
}

func readJSON(dec *jsontext.Decoder, depth int) (Value, error) {
	if depth > MaxJSONDepth {
		return Null, fmt.Errorf("the JSON is nested more than %d levels deep", MaxJSONDepth)
	}
	tok, err := dec.ReadToken()
	if err != nil {
		return Null, fmt.Errorf("no JSON: %w", err)
	}
	switch tok.Kind() {
	case 't', 'f':
		return Bool(tok.Bool()), nil
	case '"':
		return String(tok.String()), nil
	case '0':
		return jsonNumber(tok.String())
	case '[':
		var list []Value
		for dec.PeekKind() != ']' {
			v, err := readJSON(dec, depth+1)
			if err != nil {
				return Null, err
			}
			list = append(list, v)
		}
		_, err := dec.ReadToken()
		return List(list), err
	case '{':
		m := Map{}
		for dec.PeekKind() != '}' {
			name, err := dec.ReadToken()
			if err != nil {
				return Null, fmt.Errorf("no JSON: %w", err)
			}
			key := name.String()
			if m[key], err = readJSON(dec, depth+1); err != nil {
				return Null, err
			}
		}
		_, err := dec.ReadToken()
		return MapOf(m), err
	}
	return Null, nil
}

func jsonNumber(text string) (Value, error) {
	for i := range len(text) {
		if text[i] == '.' || text[i]|0x20 == 'e' {
			f, err := strconv.ParseFloat(text, 64)
			if err != nil {
				return Null, fmt.Errorf("the number %s does not fit into a float of 64 bits", shown(text))
			}
			return Float(f), nil
		}
	}
	i, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return Null, fmt.Errorf("the number %s does not fit into an integer of 64 bits", shown(text))
	}
	return Int(i), nil
}

// shown is a text from outside, short enough for a sentence.
func shown(text string) string {
	if len(text) > 40 {
		return text[:40] + "…"
	}
	return text
}
