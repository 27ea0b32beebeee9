package inbox

import (
	"encoding/binary"
)

// chunksOf is how many pieces a body has.
func chunksOf(size uint64) int { return int((size + chunkBody - 1) / chunkBody) }

// encodeChunk is the command that puts one piece of a body aside.
func encodeChunk(id blobID, n int, data []byte) []byte {
	b := make([]byte, 0, len(data)+len(id)+8)
	b = append(b, kindChunk, format)
	b = append(b, id[:]...)
	b = binary.AppendUvarint(b, uint64(n))
	return append(b, data...)
}

// chunk puts a piece aside. Pieces come in their order; one that was put aside
// before changes nothing.
func (r *run) chunk(c *cursor) error {
	if c.byte() != format {
		c.fail()
	}
	var id blobID
	copy(id[:], c.take(len(id)))
	n, data := c.uvarint(), c.b
	if c.bad || len(data) == 0 || len(data) > chunkBody || n >= uint64(chunksOf(MaxBody)) || binary.BigEndian.Uint64(id[:]) == 0 {
		return errCommand()
	}
	b := blobRecord{At: uint64(r.now)}
	if v := r.w.Get(tableBlob, id[:]); v != nil && !b.read(v) {
		return errBroken("a body")
	}
	switch {
	case n < b.Chunks:
		return nil
	case n > b.Chunks || b.Refs > 0 || b.Size%chunkBody != 0:
		return refuse(CodeInvalid, "a part of the message's body is missing; send the message again")
	case r.m.Staged+uint64(len(data)) > maxStaged:
		return refuse(CodeOverloaded, "more large bodies are on their way than the mesh takes; repeat it a little later")
	}
	b.At = uint64(r.now)
	b.Size += uint64(len(data))
	b.Chunks++
	r.m.Staged += uint64(len(data))
	r.w.Put(tableChunk, chunkKey(id, int(n)), data)
	r.w.Put(tableBlob, id[:], b.encode(nil))
	return nil
}

// encodeUnstage is the command that lets go of what was put aside for a body
// that no message is to name.
func encodeUnstage(id blobID) []byte {
	return append([]byte{kindUnstage, format}, id[:]...)
}

func (r *run) unstageCommand(c *cursor) error {
	if c.byte() != format {
		c.fail()
	}
	var id blobID
	copy(id[:], c.take(len(id)))
	if !c.whole() {
		return errCommand()
	}
	return r.unstage(id)
}

// unnamed lets go of the body that was put aside for a message which was not
// accepted: what clients try again and again would fill the room of all.
func (r *run) unnamed(a *accept) error {
	if a.Flags&acceptBlob == 0 || r.level < LevelUnstage {
		return nil
	}
	return r.unstage(a.Blob)
}

// unstage lets go of a body that was put aside, unless a message has it.
func (r *run) unstage(id blobID) error {
	var b blobRecord
	v := r.w.Get(tableBlob, id[:])
	if v == nil {
		return nil
	}
	if !b.read(v) {
		return errBroken("a body")
	}
	if b.Refs == 0 {
		r.m.Staged -= b.Size
		r.dropBlob(id, &b)
	}
	return nil
}
