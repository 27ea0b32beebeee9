package function

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/meshd/meshd/graphsync/cypher/value"
)

func init() {
	text, textAndLength := types(String), types(String, Integer)
	register(
		mapText("toUpper", strings.ToUpper),
		mapText("upper", strings.ToUpper),
		mapText("toLower", strings.ToLower),
		mapText("lower", strings.ToLower),
		mapText("trim", strings.TrimSpace),
		mapText("lTrim", func(s string) string { return strings.TrimLeftFunc(s, unicode.IsSpace) }),
		mapText("rTrim", func(s string) string { return strings.TrimRightFunc(s, unicode.IsSpace) }),
		strict("char_length", 1, 1, text, Integer, charLength),
		strict("character_length", 1, 1, text, Integer, charLength),
		strict("left", 2, 2, textAndLength, String, func(c call) (value.Value, error) {
			n, err := c.length(1)
			s := c.args[0].AsString()
			return part(s[:offset(s, n)], s), err
		}),
		strict("right", 2, 2, textAndLength, String, func(c call) (value.Value, error) {
			n, err := c.length(1)
			s := c.args[0].AsString()
			return part(s[offset(s, max(0, utf8.RuneCountInString(s)-n)):], s), err
		}),
		strict("substring", 2, 3, types(String, Integer), String, substring),
		strict("replace", 3, 3, text, String, replace),
		strict("split", 2, 2, types(String, String|List), List, split),
	)
}

func mapText(name string, to func(string) string) *Func {
	return strict(name, 1, 1, types(String), String, func(c call) (value.Value, error) {
		if err := c.env.Budget.Room(value.Size(c.args[0])); err != nil {
			return value.Null, err
		}
		return part(to(c.args[0].AsString()), c.args[0].AsString()), nil
	})
}

func charLength(c call) (value.Value, error) {
	return value.Int(int64(utf8.RuneCountInString(c.args[0].AsString()))), nil
}

// offset is where the n-th character begins, or the end. Characters are Unicode
// code points.
func offset(s string, n int) int {
	if n >= len(s) {
		return len(s)
	}
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}

func substring(c call) (value.Value, error) {
	whole := c.args[0].AsString()
	start, err := c.length(1)
	if err != nil {
		return value.Null, err
	}
	s := whole[offset(whole, start):]
	if len(c.args) > 2 {
		n, err := c.length(2)
		if err != nil {
			return value.Null, err
		}
		s = s[:offset(s, n)]
	}
	return part(s, whole), nil
}

// part is a text that was cut out of another one. A small part of a large text is
// copied, so as not to keep all of it.
func part(s, of string) value.Value {
	if len(s) < len(of)/2 {
		s = strings.Clone(s)
	}
	return value.String(s)
}

func replace(c call) (value.Value, error) {
	s, search, by := c.args[0].AsString(), c.args[1].AsString(), c.args[2].AsString()
	if err := c.room(len(s) + strings.Count(s, search)*(len(by)-len(search))); err != nil {
		return value.Null, err
	}
	return value.String(strings.ReplaceAll(s, search, by)), nil
}

func split(c call) (value.Value, error) {
	s := c.args[0].AsString()
	by, err := c.delimiters()
	if err != nil {
		return value.Null, err
	}
	if s == "" {
		return value.List([]value.Value{value.String("")}), nil
	}
	n := 1
	for _, d := range by {
		n += strings.Count(s, d)
	}
	if err := c.room(n*value.Size(value.Null) + len(s)); err != nil {
		return value.Null, err
	}
	parts := make([]value.Value, 0, n)
	if len(by) == 1 {
		for one := range strings.SplitSeq(s, by[0]) {
			parts = append(parts, part(one, s))
		}
		return value.List(parts), nil
	}
	start := 0
	for i := 0; i < len(s); {
		cut := cutAt(s[i:], by)
		if err := c.env.Budget.Step(len(by)); err != nil {
			return value.Null, err
		}
		if cut == 0 {
			i++
			continue
		}
		parts = append(parts, part(s[start:i], s))
		i += cut
		start = i
	}
	return value.List(append(parts, part(s[start:], s))), nil
}

// delimiters are what split cuts at: a text, or any of a list of them.
func (c call) delimiters() ([]string, error) {
	if c.args[1].Kind() == value.KindString {
		return []string{c.args[1].AsString()}, nil
	}
	var by []string
	for _, v := range c.args[1].AsList() {
		if v.Kind() != value.KindString {
			return nil, wrongArgument(c.pos, c.name, v)
		}
		by = append(by, v.AsString())
	}
	return by, nil
}

// cutAt is how long the longest delimiter at the start of s is, or 0.
func cutAt(s string, by []string) int {
	longest := 0
	for _, d := range by {
		if len(d) > longest && strings.HasPrefix(s, d) {
			longest = len(d)
		}
	}
	return longest
}
