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
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// MaxDepth bounds how deep what clients send may nest. Readers take 10,000 levels
// (encoding/json does), and what is kept of a text comes to them in an answer or a
// page around it: at 10,000 by itself one message would make its whole inbox
// unreadable.
const MaxDepth = 9_900

// Check says what is wrong with a text that must be one JSON value: a name
// twice in one object, text that is not UTF-8, nesting beyond MaxDepth, or a
// fault of syntax. The error names the byte.
func Check(text []byte) error {
	if jsontext.Value(text).IsValid() {
		return checkDepth(text)
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

// fault is what is wrong with one member.
type fault struct{ member, sentence string }

func (f *fault) Error() string { return f.sentence }

func faulty(at jsontext.Pointer, format string, args ...any) error {
	return &fault{dotted(at), fmt.Sprintf(format, args...)}
}

// Member names the member that an error of Check or Decode is about, as a path
// with dots and indexes, such as progress.percent or events[2]; "" is the value
// itself, or none that can be named.
func Member(err error) string {
	var f *fault
	if errors.As(err, &f) {
		return f.member
	}
	return ""
}

func sentence(err error) error {
	var at *jsontext.SyntacticError
	switch {
	case !errors.As(err, &at):
		return fmt.Errorf("not JSON: %w", err)
	case errors.Is(err, jsontext.ErrDuplicateName):
		return faulty(at.JSONPointer, "the field %q stands twice in one object, at byte %d", clip(at.JSONPointer.LastToken()), at.ByteOffset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the JSON ends too soon, at byte %d", at.ByteOffset)
	}
	switch text := at.Err.Error(); {
	case strings.Contains(text, "surrogate"): // whose text repeats the string
		return fmt.Errorf("not JSON: half of a surrogate pair in a string, at byte %d", at.ByteOffset)
	case strings.Contains(text, "max depth"):
		return tooDeep(int(at.ByteOffset))
	}
	return fmt.Errorf("not JSON: %w at byte %d", at.Err, at.ByteOffset)
}

func tooDeep(at int) error { return fmt.Errorf("nested deeper than 9,900 levels, at byte %d", at) }

// checkDepth holds text, which is JSON, to MaxDepth. Nearly all has fewer
// brackets than that, and is only counted.
func checkDepth(text []byte) error {
	if bytes.Count(text, []byte{'['})+bytes.Count(text, []byte{'{'}) <= MaxDepth {
		return nil
	}
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '[' || c == '{':
			if depth++; depth > MaxDepth {
				return tooDeep(i)
			}
		case c == ']' || c == '}':
			depth--
		}
	}
	return nil
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
		return checkDepth(text)
	case !errors.As(err, &at):
		return sentence(err)
	case errors.Is(err, json.ErrUnknownName):
		return faulty(at.JSONPointer, "the field %q is not known", clip(at.JSONPointer.LastToken()))
	case at.JSONPointer == "":
		return fmt.Errorf("the JSON value has the wrong type: it must be %s", Wanted(at.GoType))
	}
	return faulty(at.JSONPointer, "the field %q has the wrong type: it must be %s", clip(at.JSONPointer.LastToken()), Wanted(at.GoType))
}

// Wanted says what a member of a type must be, in a client's language.
func Wanted(t reflect.Type) string {
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == nil:
		return "something else"
	case t == reflect.TypeFor[time.Time]():
		return "a time such as 2030-01-02T15:04:05Z"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		most := int64(1)<<(t.Bits()-1) - 1
		return fmt.Sprintf("a whole number from %d to %d", -most-1, most)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return fmt.Sprintf("a whole number from 0 to %d", ^uint64(0)>>(64-t.Bits()))
	case reflect.Float32:
		return "a number that a 32-bit float holds"
	case reflect.Float64:
		return "a number that a 64-bit float holds"
	case reflect.String:
		return "a string"
	case reflect.Slice, reflect.Array:
		return "an array"
	case reflect.Struct, reflect.Map:
		return "an object"
	}
	return "something else"
}

// Huge finds the member whose number no 64-bit float holds, as a path with dots
// and indexes; "" is the value itself. Text has passed Check.
func Huge(text []byte) (member string, found bool) {
	d := jsontext.NewDecoder(bytes.NewReader(text))
	for {
		token, err := d.ReadToken()
		if err != nil {
			return "", false
		}
		if token.Kind() != '0' {
			continue
		}
		if _, err := strconv.ParseFloat(token.String(), 64); err != nil {
			return dotted(d.StackPointer()), true
		}
	}
}

// dotted spells a pointer as other errors name members: a.b[2].c.
func dotted(p jsontext.Pointer) string {
	var b strings.Builder
	for token := range p.Tokens() {
		switch _, err := strconv.Atoi(token); {
		case err == nil:
			fmt.Fprintf(&b, "[%s]", token)
		case b.Len() == 0:
			b.WriteString(clip(token))
		default:
			b.WriteString("." + clip(token))
		}
	}
	return b.String()
}

// clip keeps a name that a stranger chose short.
func clip(name string) string {
	if len(name) > 64 {
		return name[:64] + "…"
	}
	return name
}
