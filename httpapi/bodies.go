package httpapi

import (
	"io"
	"sync/atomic"
)

const (
	// largeBody is the size, in bytes, from which on a body takes of the room
	// that all large bodies of the node share.
	largeBody = 1 << 20
	// bodyRoom is that room, in bytes: what is read whole is decoded beside it.
	bodyRoom = 64 << 20
	// largeAnswer is the size, in bytes, from which on a part of an answer takes of
	// answerRoom while it is written: clients that do not read what they ask for
	// hold no more of it at once. Streams share as much of their own, or answers
	// that nobody reads would end them.
	largeAnswer = 64 << 10
	answerRoom  = 256 << 20
	// roomStep is how much a body of unknown length takes at a time, in bytes.
	roomStep = 1 << 20
)

// room counts bytes that are left. Safe for concurrent use.
type room struct{ left atomic.Int64 }

func newRoom(bytes int64) *room {
	r := &room{}
	r.left.Store(bytes)
	return r
}

func (r *room) take(n int64) bool {
	if r.left.Add(-n) >= 0 {
		return true
	}
	r.left.Add(n)
	return false
}

func (r *room) give(n int64) { r.left.Add(n) }

func noRoom() *Error {
	return Fail(CodeOverloaded, "the node holds as many large request bodies as it has room for").With("room_bytes", bodyRoom)
}

func noAnswerRoom() *Error {
	return Fail(CodeOverloaded, "%s", errNoAnswerRoom).With("room_bytes", answerRoom)
}

// roomy is a body that takes room as it is read. It belongs to the request's
// goroutine; give is called at the end of the request.
type roomy struct {
	io.ReadCloser
	room       *room
	read, held int64
	full       bool
}

// enter takes the room for a body whose length is told; a body of unknown
// length takes it while it is read.
func (b *roomy) enter(length int64) bool {
	if length <= largeBody {
		return true
	}
	if !b.room.take(length) {
		return false
	}
	b.held = length
	return true
}

// Read implements io.Reader. Its error is an *Error where no room is left.
func (b *roomy) Read(p []byte) (int, error) {
	if b.full {
		return 0, noRoom()
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	for b.read > largeBody && b.read > b.held {
		if b.full = !b.room.take(roomStep); b.full {
			return 0, noRoom()
		}
		b.held += roomStep
	}
	return n, err
}

func (b *roomy) give() {
	b.room.give(b.held)
	b.held = 0
}
