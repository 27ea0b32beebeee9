package graphsync

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/meshd/meshd/consensus"
)

// prepareVerb checks the fields that only some verbs take.
func prepareVerb(in *Op, out *op) *consensus.Refusal {
	switch out.Kind {
	case opAddAlias, opRemoveAlias:
		return prepareAlias(in, out)
	case opAddObservation:
		return prepareText(in, out)
	case opDeleteObservation:
		if in.ID == 0 {
			return prepareText(in, out)
		}
		switch {
		case in.NodeID != 0:
			return invalid("node_id", "must not be given beside id")
		case in.Key != "":
			return invalid("key", "must not be given beside id")
		case in.Text != "":
			return invalid("text", "must not be given beside id")
		case in.ID > maxID:
			return invalid("id", "is larger than any id")
		}
	case opSetVector, opDeleteVector:
		return prepareVector(in, out)
	case opSetSchema:
		return prepareSchema(in, out)
	case opSetRetention:
		return prepareRetention(in, out)
	case opEraseNode, opEraseEdge, opEraseObservation:
		out.Text = in.Reason
		return checkText("reason", in.Reason, 0, MaxReason)
	}
	return nil
}

func prepareText(in *Op, out *op) *consensus.Refusal {
	if r := checkText("text", in.Text, 1, MaxText); r != nil {
		return r
	}
	if strings.TrimSpace(in.Text) == "" {
		return invalid("text", "must not be blank")
	}
	out.Text = in.Text
	if out.Kind == opAddObservation {
		return checkShown("text", in.Text)
	}
	return nil
}

// prepareAlias puts the alias as given into Text and as indexed into TargetKey.
// An alias may be a key that an export made: that of a node which was merged.
func prepareAlias(in *Op, out *op) *consensus.Refusal {
	norm, r := checkKey("alias", in.Alias)
	if r == nil && out.Kind == opAddAlias {
		r = checkShown("alias", in.Alias)
	}
	if r != nil {
		return r
	}
	out.Text, out.TargetKey = in.Alias, norm
	return nil
}

func prepareVector(in *Op, out *op) *consensus.Refusal {
	if r := checkText("model", in.Model, 1, MaxModel); r != nil {
		return r
	}
	out.Text = in.Model
	if out.Kind == opDeleteVector {
		return nil
	}
	if len(in.Vector) == 0 {
		return invalid("vector", "must not be empty")
	}
	if len(in.Vector) > MaxDimension {
		return invalid("vector", "has %d dimensions, at most %d are allowed", len(in.Vector), MaxDimension)
	}
	out.Data = make([]byte, 0, 4*len(in.Vector))
	for i, f := range in.Vector {
		if !finite(float64(f)) {
			return invalid("vector", "has at %d what is not a finite number", i)
		}
		out.Data = binary.LittleEndian.AppendUint32(out.Data, math.Float32bits(f))
	}
	return nil
}

// Bounds of what set_retention takes.
const (
	maxKeepDays  = 36_500
	minKeepBytes = 1 << 20
	maxKeepBytes = 1 << 50
)

func prepareRetention(in *Op, out *op) *consensus.Refusal {
	switch {
	case in.Days > maxKeepDays:
		return invalid("days", "must be at most %d", maxKeepDays)
	case in.Bytes != 0 && in.Bytes < minKeepBytes || in.Bytes > maxKeepBytes:
		return invalid("bytes", "must be %d to %d, or 0 for the default", minKeepBytes, uint64(maxKeepBytes))
	}
	out.Days, out.Bytes = in.Days, in.Bytes
	return nil
}

// checkVerb is what the tables rely on, whoever made the command.
func (o *op) checkVerb() *consensus.Refusal {
	switch o.Kind {
	case opAddObservation, opDeleteObservation:
		if len(o.Text) > MaxText || o.Text == "" && (o.Kind == opAddObservation || o.ID == 0) {
			return invalid("text", "must have 1 to %d bytes", MaxText)
		}
	case opAddAlias, opRemoveAlias:
		if o.Text == "" || len(o.Text) > MaxKey || o.TargetKey == "" {
			return invalid("alias", "must have 1 to %d bytes", MaxKey)
		}
	case opSetVector, opDeleteVector:
		if o.Text == "" || len(o.Text) > MaxModel {
			return invalid("model", "must have 1 to %d bytes", MaxModel)
		}
		if o.Kind == opSetVector && !goodVector(o.Data) {
			return invalid("vector", "must have 1 to %d finite numbers", MaxDimension)
		}
	case opSetRetention:
		if o.Days > maxKeepDays || o.Bytes > maxKeepBytes {
			return invalid("days", "and bytes are too large")
		}
	case opEraseNode, opEraseEdge, opEraseObservation:
		if len(o.Text) > MaxReason {
			return invalid("reason", "is too long")
		}
	}
	return nil
}

// goodVector says that stored numbers are finite and as many as may be.
func goodVector(data []byte) bool {
	if len(data) == 0 || len(data)%4 != 0 || len(data) > 4*MaxDimension {
		return false
	}
	for i := 0; i < len(data); i += 4 {
		if binary.LittleEndian.Uint32(data[i:])&0x7f80_0000 == 0x7f80_0000 { // infinite or not a number
			return false
		}
	}
	return true
}
