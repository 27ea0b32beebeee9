package graphsync

import "math"

// pushPart is what a command says of a client's mutations beside the
// operations.
type pushPart struct {
	// Client is the client's own name; empty in a payload, which has no
	// sequence.
	Client string `cbor:"1,keyasint,omitempty"`
	// First is the sequence number of the first operation.
	First uint64 `cbor:"2,keyasint,omitempty"`
	// Base is the revision that the client had seen.
	Base  uint64     `cbor:"3,keyasint,omitempty"`
	Heads []pushHead `cbor:"4,keyasint"` // of the operations
	// From is the instance that a payload comes from, and Clock what it has seen.
	From  string      `cbor:"5,keyasint,omitempty"`
	Clock []clockPart `cbor:"6,keyasint,omitempty"`
}

// pushHead is what a mutation says beside its operation.
type pushHead struct {
	Base      uint64 `cbor:"1,keyasint,omitempty"` // 0: the push's
	IfRev     uint64 `cbor:"2,keyasint,omitempty"`
	Ref       uint64 `cbor:"3,keyasint,omitempty"`
	SourceRef uint64 `cbor:"4,keyasint,omitempty"`
	TargetRef uint64 `cbor:"5,keyasint,omitempty"`
	At        int64  `cbor:"6,keyasint,omitempty"` // ms
	Cascade   bool   `cbor:"7,keyasint,omitempty"`
	// Code and Field say that the proposer found the operation invalid.
	Code  string `cbor:"8,keyasint,omitempty"`
	Field string `cbor:"9,keyasint,omitempty"`
	// Of a payload: the counters of other instances, and by what the thing and
	// an edge's ends are known there, as hashes.
	Clock         []clockPart `cbor:"10,keyasint,omitempty"`
	Foreign       []byte      `cbor:"11,keyasint,omitempty"`
	SourceForeign []byte      `cbor:"12,keyasint,omitempty"`
	TargetForeign []byte      `cbor:"13,keyasint,omitempty"`
}

// clockPart is one instance's counter in a vector clock.
type clockPart struct {
	_        struct{} `cbor:",toarray"`
	Instance string
	Count    uint64
}

// pushResult is what a push came to: Outcomes of the first mutations. Where
// Stopped is given, it says why the others were not looked at.
type pushResult struct {
	Last     uint64    `cbor:"1,keyasint,omitempty"`
	Outcomes []outcome `cbor:"2,keyasint"`
	Stopped  string    `cbor:"3,keyasint,omitempty"`
}

// pushStatus is a status of a mutation.
type pushStatus uint8

const (
	pushApplied pushStatus = iota
	pushDuplicate
	pushRebased
	pushConflict
	pushInvalid
)

var pushStatuses = [...]string{PushApplied, PushDuplicate, PushRebased, PushConflict, PushInvalid}

// reason of a conflict.
type reason uint8

const (
	reasonChanged reason = 1 + iota
	reasonKeptBoth
	reasonDeleted
	reasonMerged
	reasonInUse
	reasonValidFrom
	reasonKeyTaken
	reasonIfRev
)

var reasons = [...]string{"", ReasonChanged, ReasonKeptBoth, ReasonDeleted, ReasonMerged, ReasonInUse, ReasonValidFrom, ReasonKeyTaken, ReasonIfRev}

// outcome is what one mutation came to. Message is in answers only.
type outcome struct {
	Status   pushStatus `cbor:"1,keyasint,omitempty"`
	Reason   reason     `cbor:"2,keyasint,omitempty"`
	ID       uint64     `cbor:"3,keyasint,omitempty"`
	Version  uint64     `cbor:"4,keyasint,omitempty"`
	Conflict uint64     `cbor:"5,keyasint,omitempty"`
	Fields   []string   `cbor:"6,keyasint,omitempty"`
	Code     string     `cbor:"7,keyasint,omitempty"`
	Field    string     `cbor:"8,keyasint,omitempty"`
	Message  string     `cbor:"9,keyasint,omitempty"`
	Repeated bool       `cbor:"10,keyasint,omitempty"`
}

func appendText(b []byte, s string) []byte {
	return append(appendHead(b, cborText, uint64(len(s))), s...)
}

func (p *pushPart) encode(b []byte) []byte {
	f := mapFields(b)
	f.textIf(1, p.Client)
	f.uintIf(2, p.First)
	f.uintIf(3, p.Base)
	f.name(4)
	f.b = appendHead(f.b, cborArray, uint64(len(p.Heads)))
	for i := range p.Heads {
		f.b = p.Heads[i].encode(f.b)
	}
	f.textIf(5, p.From)
	if len(p.Clock) > 0 {
		f.name(6)
		f.b = appendClock(f.b, p.Clock)
	}
	return f.end()
}

func (p *pushPart) read(r *cborReader) {
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			p.Client = r.text()
		case 2:
			p.First = r.uint()
		case 3:
			p.Base = r.uint()
		case 4:
			n := r.head(cborArray)
			if n > uint64(len(r.b)) {
				return false
			}
			p.Heads = make([]pushHead, n)
			for i := range p.Heads {
				p.Heads[i].read(r)
			}
		case 5:
			p.From = r.text()
		case 6:
			p.Clock = readClock(r)
		default:
			return false
		}
		return true
	})
}

func (h *pushHead) encode(b []byte) []byte {
	f := mapFields(b)
	f.uintIf(1, h.Base)
	f.uintIf(2, h.IfRev)
	f.uintIf(3, h.Ref)
	f.uintIf(4, h.SourceRef)
	f.uintIf(5, h.TargetRef)
	f.intIf(6, h.At)
	f.trueIf(7, h.Cascade)
	f.textIf(8, h.Code)
	f.textIf(9, h.Field)
	if len(h.Clock) > 0 {
		f.name(10)
		f.b = appendClock(f.b, h.Clock)
	}
	f.bytesIf(11, h.Foreign)
	f.bytesIf(12, h.SourceForeign)
	f.bytesIf(13, h.TargetForeign)
	return f.end()
}

func (h *pushHead) read(r *cborReader) {
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			h.Base = r.uint()
		case 2:
			h.IfRev = r.uint()
		case 3:
			h.Ref = r.uint()
		case 4:
			h.SourceRef = r.uint()
		case 5:
			h.TargetRef = r.uint()
		case 6:
			h.At = r.int()
		case 7:
			h.Cascade = r.bool()
		case 8:
			h.Code = r.text()
		case 9:
			h.Field = r.text()
		case 10:
			h.Clock = readClock(r)
		case 11:
			h.Foreign = r.bytes()
		case 12:
			h.SourceForeign = r.bytes()
		case 13:
			h.TargetForeign = r.bytes()
		default:
			return false
		}
		return true
	})
}

func appendClock(b []byte, clock []clockPart) []byte {
	b = appendHead(b, cborArray, uint64(len(clock)))
	for _, c := range clock {
		b = appendHead(appendText(append(b, cborArray|2), c.Instance), cborUint, c.Count)
	}
	return b
}

func readClock(r *cborReader) []clockPart {
	n := r.head(cborArray)
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	clock := make([]clockPart, n)
	for i := range clock {
		if r.head(cborArray) != 2 {
			r.fail()
			return nil
		}
		clock[i] = clockPart{Instance: r.text(), Count: r.uint()}
	}
	return clock
}

func (p *pushResult) encode(b []byte) []byte {
	f := mapFields(b)
	f.uintIf(1, p.Last)
	f.name(2)
	f.b = appendOutcomes(f.b, p.Outcomes)
	f.textIf(3, p.Stopped)
	return f.end()
}

func (p *pushResult) read(r *cborReader) {
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			p.Last = r.uint()
		case 2:
			p.Outcomes = readOutcomes(r)
		case 3:
			p.Stopped = r.text()
		default:
			return false
		}
		return true
	})
}

func appendOutcomes(b []byte, list []outcome) []byte {
	b = appendHead(b, cborArray, uint64(len(list)))
	for i := range list {
		b = list[i].encode(b)
	}
	return b
}

func readOutcomes(r *cborReader) []outcome {
	n := r.head(cborArray)
	if n > uint64(len(r.b)) {
		r.fail()
		return nil
	}
	list := make([]outcome, n)
	for i := range list {
		list[i].read(r)
	}
	return list
}

func (o *outcome) encode(b []byte) []byte {
	f := mapFields(b)
	f.uintIf(1, uint64(o.Status))
	f.uintIf(2, uint64(o.Reason))
	f.uintIf(3, o.ID)
	f.uintIf(4, o.Version)
	f.uintIf(5, o.Conflict)
	if len(o.Fields) > 0 {
		f.name(6)
		f.b = appendHead(f.b, cborArray, uint64(len(o.Fields)))
		for _, s := range o.Fields {
			f.b = appendText(f.b, s)
		}
	}
	f.textIf(7, o.Code)
	f.textIf(8, o.Field)
	f.textIf(9, o.Message)
	f.trueIf(10, o.Repeated)
	return f.end()
}

func (o *outcome) read(r *cborReader) {
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			o.Status = pushStatus(r.uintTo(math.MaxUint8))
		case 2:
			o.Reason = reason(r.uintTo(math.MaxUint8))
		case 3:
			o.ID = r.uint()
		case 4:
			o.Version = r.uint()
		case 5:
			o.Conflict = r.uint()
		case 6:
			n := r.head(cborArray)
			if n > uint64(len(r.b)) {
				return false
			}
			o.Fields = make([]string, n)
			for i := range o.Fields {
				o.Fields[i] = r.text()
			}
		case 7:
			o.Code = r.text()
		case 8:
			o.Field = r.text()
		case 9:
			o.Message = r.text()
		case 10:
			o.Repeated = r.bool()
		default:
			return false
		}
		return true
	})
}
