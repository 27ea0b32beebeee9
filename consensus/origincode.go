package consensus

import "encoding/binary"

// What each entry writes of its origins is coded here by hand, to the byte as
// Encode does it: it is written on every node for each command.

// Major types of CBOR (RFC 8949, section 3.1), in place.
const (
	cborUint  = 0x00
	cborBytes = 0x40
	cborArray = 0x80
	cborMap   = 0xa0
)

// appendHead writes the head of an item in its shortest form.
func appendHead(b []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(b, major|byte(n))
	case n < 1<<8:
		return append(b, major|24, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(b, major|25), uint16(n))
	case n < 1<<32:
		return binary.BigEndian.AppendUint32(append(b, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(b, major|27), n)
}

func (r originRecord) encode() []byte {
	if r.Last < 0 {
		return Encode(r)
	}
	b := append(make([]byte, 0, 24+trailer), cborMap|2, 1)
	b = append(appendHead(b, cborUint, r.Acked), 2)
	return appendHead(b, cborUint, uint64(r.Last))
}

func encodeOutcomes(list []seqOutcome) []byte {
	size := 9 + trailer
	for i := range list {
		size += 32 + len(list[i].Outcome.Result)
	}
	b := appendHead(make([]byte, 0, size), cborArray, uint64(len(list)))
	for i := range list {
		o := &list[i].Outcome
		if o.Refusal != nil || o.Replayed {
			b = append(b, Encode(list[i])...)
			continue
		}
		b = append(appendHead(append(b, cborMap|2, 1), cborUint, list[i].Seq), 2)
		if len(o.Result) == 0 {
			b = appendHead(append(b, cborMap|1, 1), cborUint, o.Revision)
			continue
		}
		b = append(appendHead(append(b, cborMap|2, 1), cborUint, o.Revision), 2)
		b = append(appendHead(b, cborBytes, uint64(len(o.Result))), o.Result...)
	}
	return b
}
