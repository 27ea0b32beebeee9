package agent

import "github.com/meshd/meshd/node/jsonwalk"

// peekType returns the value of a frame's member "type", so that a frame is
// parsed once only, by the one who knows its type. It gives "" for whatever is
// unusual (no object, an escape in a name or in the type, the member missing),
// which the strict decoder then judges. It checks nothing: whoever decodes the
// frame must find the same type in it.
func peekType(frame []byte) string { return peekText(frame, "type") }

// peekText returns the value of any member that is a text, likewise. What follows
// the member may be no JSON.
func peekText(frame []byte, member string) string {
	i := jsonwalk.Space(frame, 0)
	if i >= len(frame) || frame[i] != '{' {
		return ""
	}
	i++
	for {
		i = jsonwalk.Space(frame, i)
		name, next := plainString(frame, i)
		if next < 0 {
			return ""
		}
		i = jsonwalk.Space(frame, next)
		if i >= len(frame) || frame[i] != ':' {
			return ""
		}
		i = jsonwalk.Space(frame, i+1)
		if string(name) == member {
			text, next := plainString(frame, i)
			if next < 0 {
				return ""
			}
			return string(text)
		}
		if i = jsonwalk.Value(frame, i); i < 0 {
			return ""
		}
		i = jsonwalk.Space(frame, i)
		if i >= len(frame) || frame[i] != ',' {
			return ""
		}
		i++
	}
}

// plainString returns the string at i, which must have no escapes, and where it
// ends; -1 where there is none.
func plainString(b []byte, i int) ([]byte, int) {
	if i >= len(b) || b[i] != '"' {
		return nil, -1
	}
	for j := i + 1; j < len(b); j++ {
		switch b[j] {
		case '"':
			return b[i+1 : j], j + 1
		case '\\':
			return nil, -1
		}
	}
	return nil, -1
}

// cutNumber takes the number out of a numbered frame that somebody else reads;
// 0 where it has none that is spelled plainly.
func cutNumber(b []byte) (rest []byte, number uint64) {
	i := jsonwalk.Space(b, 0)
	if i >= len(b) || b[i] != '{' {
		return b, 0
	}
	before := i // of the comma, or the brace, in front of the member
	for i++; ; i++ {
		i = jsonwalk.Space(b, i)
		name, next := plainString(b, i)
		if next < 0 {
			return b, 0
		}
		if next = jsonwalk.Space(b, next); next >= len(b) || b[next] != ':' {
			return b, 0
		}
		value := jsonwalk.Space(b, next+1)
		if string(name) == "frame" {
			n, end := scanNumber(b, value)
			if end < 0 {
				return b, 0
			}
			end = jsonwalk.Space(b, end)
			rest = append([]byte(nil), b[:before]...)
			switch {
			case end < len(b) && b[end] == ',' && b[before] == '{':
				return append(append(rest, '{'), b[end+1:]...), n
			case end < len(b) && b[end] == '}' && b[before] == '{':
				return append(append(rest, '{'), b[end:]...), n
			}
			return append(rest, b[end:]...), n
		}
		if i = jsonwalk.Value(b, value); i < 0 {
			return b, 0
		}
		if i = jsonwalk.Space(b, i); i >= len(b) || b[i] != ',' {
			return b, 0
		}
		before = i
	}
}
