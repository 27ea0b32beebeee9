package graphsync

import "bytes"

// mergeObject applies a JSON merge patch (RFC 7396) to a canonical object;
// both are canonical spellings, and so is the result. An empty slice stands
// for the empty object. Nesting is bounded by what canonicalObject let in.
func mergeObject(target, patch []byte) ([]byte, error) {
	if len(patch) == 0 {
		return target, nil
	}
	return appendMerged(make([]byte, 0, len(target)+len(patch)), target, patch, 0)
}

// appendMerged appends target patched by patch. A target that is no object
// counts as an empty one, which also strips nulls from a new value.
func appendMerged(out, target, patch []byte, depth int) ([]byte, error) {
	if depth > MaxDepth {
		return nil, errJSON
	}
	if len(patch) == 0 || patch[0] != '{' {
		return append(out, patch...), nil
	}
	var old []span
	var err error
	if len(target) > 0 && target[0] == '{' {
		if old, err = members(target); err != nil {
			return nil, err
		}
	}
	changes, err := members(patch)
	if err != nil {
		return nil, err
	}
	out = append(out, '{')
	first := true
	begin := func(name []byte) {
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(append(append(out, '"'), name...), '"', ':')
	}
	for len(old) > 0 || len(changes) > 0 {
		order := 0
		switch {
		case len(old) == 0:
			order = 1
		case len(changes) == 0:
			order = -1
		default:
			order = bytes.Compare(old[0].name(target), changes[0].name(patch))
		}
		if order < 0 {
			begin(old[0].name(target))
			out = append(out, old[0].value(target)...)
			old = old[1:]
			continue
		}
		var before []byte
		if order == 0 {
			before = old[0].value(target)
			old = old[1:]
		}
		if change := changes[0].value(patch); !bytes.Equal(change, []byte("null")) {
			begin(changes[0].name(patch))
			if out, err = appendMerged(out, before, change, depth+1); err != nil {
				return nil, err
			}
		}
		changes = changes[1:]
	}
	return append(out, '}'), nil
}

// members splits a canonical object.
func members(b []byte) ([]span, error) {
	if len(b) < 2 || b[0] != '{' || b[len(b)-1] != '}' {
		return nil, errJSON
	}
	var out []span
	for pos := 1; pos < len(b)-1; {
		m := span{from: pos}
		if b[pos] != '"' {
			return nil, errJSON
		}
		if pos = skipString(b, pos); pos >= len(b) || b[pos] != ':' {
			return nil, errJSON
		}
		m.colon = pos
		for depth := 0; pos < len(b); {
			c := b[pos]
			if depth == 0 && (c == ',' || c == '}') {
				break
			}
			switch c {
			case '"':
				pos = skipString(b, pos)
				continue
			case '{', '[':
				depth++
			case '}', ']':
				depth--
			}
			pos++
		}
		if pos >= len(b) || pos == m.colon+1 {
			return nil, errJSON
		}
		m.to = pos
		out = append(out, m)
		pos++
	}
	return out, nil
}

// skipString returns the position after the string that begins at pos.
func skipString(b []byte, pos int) int {
	if pos++; pos > len(b) {
		return len(b)
	}
	if n := bytes.IndexByte(b[pos:], '"'); n >= 0 && bytes.IndexByte(b[pos:pos+n], '\\') < 0 {
		return pos + n + 1
	}
	for ; pos < len(b); pos++ {
		switch b[pos] {
		case '\\':
			pos++
		case '"':
			return pos + 1
		}
	}
	return len(b)
}
