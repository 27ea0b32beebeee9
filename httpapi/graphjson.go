package httpapi

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/meshd/meshd/graphsync"
)

// The shapes of answers that are asked for most are written by hand, to the
// byte as encoding/json does it: reflection would cost a walk more than the
// graph does.

// appendNode is a node as encoding/json writes it.
func appendNode(b []byte, n *graphsync.Node) []byte {
	return append(appendNodeFields(append(b, '{'), n), '}')
}

func appendNodeFields(b []byte, n *graphsync.Node) []byte {
	b = strconv.AppendUint(append(b, `"id":`...), n.ID, 10)
	b = appendText(append(b, `,"session_id":`...), n.SessionID)
	b = appendText(append(b, `,"node_type":`...), n.NodeType)
	b = appendText(append(b, `,"label":`...), n.Label)
	if n.Key != "" {
		b = appendText(append(b, `,"key":`...), n.Key)
	}
	b = append(append(b, `,"properties":`...), n.Properties...)
	b = appendStamp(b, n.Version, n.CreatedBy, n.UpdatedBy, n.CreatedAt, n.UpdatedAt)
	if len(n.Aliases) > 0 {
		b = append(b, `,"aliases":[`...)
		for i, alias := range n.Aliases {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendText(b, alias)
		}
		b = append(b, ']')
	}
	return appendTime(b, "expires_at", n.ExpiresAt)
}

// appendEdge is an edge as encoding/json writes it.
func appendEdge(b []byte, e *graphsync.Edge) []byte {
	b = strconv.AppendUint(append(b, `{"id":`...), e.ID, 10)
	b = appendText(append(b, `,"session_id":`...), e.SessionID)
	b = strconv.AppendUint(append(b, `,"source_id":`...), e.SourceID, 10)
	b = strconv.AppendUint(append(b, `,"target_id":`...), e.TargetID, 10)
	b = appendText(append(b, `,"edge_type":`...), e.EdgeType)
	if e.Predicate != "" {
		b = appendText(append(b, `,"predicate":`...), e.Predicate)
	}
	if len(e.Properties) > 0 {
		b = append(append(b, `,"properties":`...), e.Properties...)
	}
	b = appendFloat(append(b, `,"weight":`...), e.Weight)
	b = appendStamp(b, e.Version, e.CreatedBy, e.UpdatedBy, e.CreatedAt, e.UpdatedAt)
	b = appendTime(b, "valid_from", e.ValidFrom)
	b = appendTime(b, "valid_to", e.ValidTo)
	if e.Provenance.Provenance != "" {
		b = appendText(append(b, `,"provenance":`...), e.Provenance.Provenance)
	}
	if e.Confidence != nil {
		b = appendFloat(append(b, `,"confidence":`...), *e.Confidence)
	}
	return append(appendTime(b, "expires_at", e.ExpiresAt), '}')
}

func appendStamp(b []byte, version uint64, createdBy, updatedBy string, created, updated time.Time) []byte {
	b = strconv.AppendUint(append(b, `,"version":`...), version, 10)
	if createdBy != "" {
		b = appendText(append(b, `,"created_by":`...), createdBy)
	}
	if updatedBy != "" {
		b = appendText(append(b, `,"updated_by":`...), updatedBy)
	}
	b = appendTime(b, "created_at", &created)
	return appendTime(b, "updated_at", &updated)
}

func appendTime(b []byte, name string, t *time.Time) []byte {
	if t == nil {
		return b
	}
	b = append(append(append(b, `,"`...), name...), `":"`...)
	return append(t.AppendFormat(b, time.RFC3339Nano), '"')
}

// appendFloat is a finite number as encoding/json writes it (ECMA-262, 7.1.12.1).
func appendFloat(b []byte, f float64) []byte {
	format := byte('f')
	if abs := math.Abs(f); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	b = strconv.AppendFloat(b, f, format, -1, 64)
	if n := len(b); format == 'e' && n >= 4 && b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
		b[n-2] = b[n-1] // e-09 is written e-9
		b = b[:n-1]
	}
	return b
}

// appendText is a string as encoding/json writes it, without the escapes that
// only HTML needs.
func appendText(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' || c >= 0x7f {
			var quoted bytes.Buffer
			e := json.NewEncoder(&quoted)
			e.SetEscapeHTML(false)
			_ = e.Encode(s) // a string always can be
			return append(b, bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendValue is any value as encoding/json writes it.
func appendValue(b []byte, v any) ([]byte, error) {
	out := bytes.NewBuffer(b)
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return b, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
