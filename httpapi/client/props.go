package client

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/meshd/meshd/graphsync"
)

func object(props json.RawMessage) json.RawMessage {
	if len(props) == 0 || string(props) == "null" {
		return json.RawMessage("{}")
	}
	return props
}

// changed is what an operation makes of properties.
func changed(old json.RawMessage, op *graphsync.Op) (json.RawMessage, error) {
	switch {
	case len(op.Properties) == 0:
		return old, nil
	case op.Merge:
		return merged(old, op.Properties)
	}
	return object(op.Properties), nil
}

// merged is a merge patch (RFC 7396).
func merged(old, patch json.RawMessage) (json.RawMessage, error) {
	to, err := members(old)
	if err != nil {
		return nil, err
	}
	by, err := members(patch)
	if err != nil {
		return nil, err
	}
	return spelled(mergePatch(to, by))
}

func mergePatch(to, by any) any {
	patch, ok := by.(map[string]any)
	if !ok {
		return by
	}
	out, ok := to.(map[string]any)
	if !ok {
		out = map[string]any{}
	}
	for name, value := range patch {
		if value == nil {
			delete(out, name)
		} else {
			out[name] = mergePatch(out[name], value)
		}
	}
	return out
}

// missing is to with the members of from that it lacks.
func missing(to, from json.RawMessage) (json.RawMessage, error) {
	out, err := members(to)
	if err != nil {
		return nil, err
	}
	more, err := members(from)
	if err != nil {
		return nil, err
	}
	for name, value := range more {
		if _, has := out[name]; !has {
			out[name] = value
		}
	}
	return spelled(out)
}

func members(props json.RawMessage) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(object(props)))
	d.UseNumber()
	var out map[string]any
	if err := d.Decode(&out); err != nil {
		return nil, fmt.Errorf("%w: properties: %w", ErrInvalid, err)
	}
	return out, nil
}

func spelled(v any) (json.RawMessage, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(out.Bytes()), err
}
