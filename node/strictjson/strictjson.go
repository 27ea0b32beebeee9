// Package strictjson refuses JSON that two readers could understand in two
// ways. encoding/json takes the last of two members of one name and puts
// U+FFFD in place of what is not UTF-8: the caller then has something stored
// that it did not send. RFC 8259 sections 4 and 8.1 leave both open; RFC 7493
// (I-JSON) forbids them.
//
// Check is for who decodes elsewhere; Decode does both.
package strictjson

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Check says what is wrong with a text that must be one JSON value: a name
// twice in one object, text that is not UTF-8, or a fault of syntax. The error
// names the byte.
func Check(text []byte) error {
	if jsontext.Value(text).IsValid() {
		return nil
	}
	d := jsontext.NewDecoder(bytes.NewReader(text))
	if err := d.SkipValue(); err != nil {
		if errors.Is(err, io.EOF) {
			return errors.New("no JSON value is there")
		}
		return sentence(err)
	}
	return fmt.Errorf("something stands behind the JSON value, at byte %d", d.InputOffset())
}

func sentence(err error) error {
	var at *jsontext.SyntacticError
	switch {
	case !errors.As(err, &at):
		return fmt.Errorf("not JSON: %w", err)
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Errorf("the field %q stands twice in one object, at byte %d", clip(at.JSONPointer.LastToken()), at.ByteOffset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the JSON ends too soon, at byte %d", at.ByteOffset)
	}
	return fmt.Errorf("not JSON: %w at byte %d", at.Err, at.ByteOffset)
}

// Decode reads one JSON value into v after Check's rules, names exactly as
// they are written and every member known. Its errors are in a client's
// language, name the member, and repeat nothing of its value, which may be a
// secret.
func Decode(text []byte, v any) error {
	err := json.Unmarshal(text, v, json.RejectUnknownMembers(true))
	var at *json.SemanticError
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &at):
		return sentence(err)
	case errors.Is(err, json.ErrUnknownName):
		return fmt.Errorf("the field %q is not known", clip(at.JSONPointer.LastToken()))
	case at.JSONPointer == "":
		return errors.New("the JSON value has the wrong type")
	}
	return fmt.Errorf("the field %q has the wrong type", clip(at.JSONPointer.LastToken()))
}

// clip keeps a name that a stranger chose short.
func clip(name string) string {
	if len(name) > 64 {
		return name[:64] + "…"
	}
	return name
}
