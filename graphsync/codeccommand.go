package graphsync

import (
	"math"

	"github.com/meshd/meshd/consensus"
)

func (o *op) encode(b []byte) []byte {
	f := mapFields(b)
	f.uint(1, uint64(o.Kind))
	f.uintIf(2, o.Flags)
	f.uintIf(3, o.ID)
	f.textIf(4, o.Key)
	f.textIf(5, o.Norm)
	f.textIf(6, o.Type)
	f.textIf(7, o.Label)
	f.textIf(8, o.Name)
	f.bytesIf(9, o.Props)
	f.uintIf(10, o.Source)
	f.uintIf(11, o.Target)
	f.textIf(12, o.SourceKey)
	f.textIf(13, o.TargetKey)
	f.floatIf(14, o.Weight)
	f.textIf(15, o.Predicate)
	f.uintIf(16, uint64(o.Parallel))
	f.uintIf(17, o.IfVersion)
	f.intIf(18, o.ValidFrom)
	f.intIf(19, o.ValidTo)
	f.textIf(20, o.From)
	f.floatIf(21, o.Confidence)
	f.intIf(22, o.Expires)
	f.textIf(23, o.Text)
	f.bytesIf(24, o.Data)
	f.uintIf(25, o.Days)
	f.uintIf(26, o.Bytes)
	f.uintIf(27, o.Rev)
	return f.end()
}

func (o *op) read(r *cborReader) {
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			o.Kind = opKind(r.uintTo(math.MaxUint8))
		case 2:
			o.Flags = r.uint()
		case 3:
			o.ID = r.uint()
		case 4:
			o.Key = r.text()
		case 5:
			o.Norm = r.text()
		case 6:
			o.Type = r.text()
		case 7:
			o.Label = r.text()
		case 8:
			o.Name = r.text()
		case 9:
			o.Props = r.bytes()
		case 10:
			o.Source = r.uint()
		case 11:
			o.Target = r.uint()
		case 12:
			o.SourceKey = r.text()
		case 13:
			o.TargetKey = r.text()
		case 14:
			o.Weight = r.float()
		case 15:
			o.Predicate = r.text()
		case 16:
			o.Parallel = uint32(r.uintTo(math.MaxUint32))
		case 17:
			o.IfVersion = r.uint()
		case 18:
			o.ValidFrom = r.int()
		case 19:
			o.ValidTo = r.int()
		case 20:
			o.From = r.text()
		case 21:
			o.Confidence = r.float()
		case 22:
			o.Expires = r.int()
		case 23:
			o.Text = r.text()
		case 24:
			o.Data = r.bytes()
		case 25:
			o.Days = r.uint()
		case 26:
			o.Bytes = r.uint()
		case 27:
			o.Rev = r.uint()
		default:
			return false
		}
		return true
	})
}

func (c *command) encode() []byte {
	size := 64 + len(c.Namespace) + len(c.Author)
	for i := range c.Ops {
		o := &c.Ops[i]
		size += 64 + len(o.Text) + len(o.Data) + len(o.From) + len(o.Key) + len(o.Norm) + len(o.Type) + len(o.Label) + len(o.Name) + len(o.Props) + len(o.SourceKey) + len(o.TargetKey) + len(o.Predicate)
	}
	f := mapFields(make([]byte, 0, size))
	f.textIf(1, c.Namespace)
	f.textIf(2, c.Author)
	f.name(3)
	f.b = appendHead(f.b, cborArray, uint64(len(c.Ops)))
	for i := range c.Ops {
		f.b = c.Ops[i].encode(f.b)
	}
	f.trueIf(4, c.Lenient)
	f.trueIf(5, c.Whole)
	if c.Push != nil {
		f.name(6)
		f.b = c.Push.encode(f.b)
	}
	return f.end()
}

// decodeCommand reads a command; its properties are parts of body.
func decodeCommand(body []byte) (*command, error) {
	c := new(command)
	r := cborReader{b: body}
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			c.Namespace = r.text()
		case 2:
			c.Author = r.text()
		case 3:
			n := r.head(cborArray)
			if n > uint64(len(r.b)) {
				return false
			}
			c.Ops = make([]op, n)
			for i := range c.Ops {
				c.Ops[i].read(&r)
			}
		case 4:
			c.Lenient = r.bool()
		case 5:
			c.Whole = r.bool()
		case 6:
			c.Push = new(pushPart)
			c.Push.read(&r)
		default:
			return false
		}
		return true
	})
	if r.whole() {
		return c, nil
	}
	c = new(command)
	return c, consensus.Decode(body, c)
}

func (res *result) encode() []byte {
	if len(res.Refusals) > 0 {
		return consensus.Encode(res)
	}
	size := 16 + 24*len(res.Ops)
	if w := res.Node; w != nil {
		size += 96 + len(w.Namespace) + len(w.Type) + len(w.Label) + len(w.Key) + len(w.Props) + len(w.CreatedBy) + len(w.UpdatedBy)
	}
	if w := res.Edge; w != nil {
		size += 128 + len(w.Namespace) + len(w.Type) + len(w.Predicate) + len(w.Props) + len(w.CreatedBy) + len(w.UpdatedBy) + len(w.Origin)
	}
	f := mapFields(make([]byte, 0, size))
	f.name(1)
	f.b = appendHead(f.b, cborArray, uint64(len(res.Ops)))
	for _, o := range res.Ops {
		f.b = append(f.b, cborArray|3)
		f.b = appendHead(f.b, cborUint, o.ID)
		f.b = appendHead(f.b, cborUint, uint64(o.Status))
		f.b = appendHead(f.b, cborUint, o.Version)
	}
	if res.Node != nil {
		f.name(3)
		f.b = res.Node.encode(f.b)
	}
	if res.Edge != nil {
		f.name(4)
		f.b = res.Edge.encode(f.b)
	}
	if res.Push != nil {
		f.name(5)
		f.b = res.Push.encode(f.b)
	}
	return f.end()
}

// decodeResult reads an answer; the properties in it are a part of b.
func decodeResult(b []byte) (result, error) {
	var res result
	r := cborReader{b: b}
	r.members(func(name uint64) bool {
		switch name {
		case 1:
			n := r.head(cborArray)
			if n > uint64(len(r.b)) {
				return false
			}
			res.Ops = make([]opResult, n)
			for i := range res.Ops {
				if r.head(cborArray) != 3 {
					return false
				}
				o := &res.Ops[i]
				o.ID, o.Status, o.Version = r.uint(), status(r.uintTo(math.MaxUint8)), r.uint()
			}
		case 3:
			res.Node = new(wireNode)
			res.Node.read(&r)
		case 4:
			res.Edge = new(wireEdge)
			res.Edge.read(&r)
		case 5:
			res.Push = new(pushResult)
			res.Push.read(&r)
		default:
			return false
		}
		return true
	})
	if r.whole() {
		return res, nil
	}
	return decodeSlowly[result](b)
}
