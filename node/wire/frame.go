package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A frame of ProtocolPeer is a big-endian u32 length of what follows, u8 kind,
// u64 id and, by kind:
//
//	request  u32 timeout in ms (0: none), u8 n, n bytes of method,
//	         u8 n, n bytes of request id, body
//	result   body
//	failure  CBOR RemoteError
//	cancel   nothing
//	ping     u64 roster revision, i64 clock in Unix microseconds
//	pong     the same
//	traffic  a frame of Traffic; its id is 0
//
// Each side numbers its own requests; the other kinds carry the number of the
// request or ping they belong to.
type frame struct {
	kind     frameKind
	id       uint64
	timeout  uint32
	method   string
	trace    string
	body     []byte
	revision uint64
	clock    int64
}

type frameKind uint8

const (
	frameRequest frameKind = iota + 1
	frameResult
	frameFailure
	frameCancel
	framePing
	framePong
	frameTraffic
)

const (
	// MaxBody is the largest body of a call or its answer.
	MaxBody      = 1 << 20
	maxFrame     = MaxBody + 1<<10
	frameMinimum = 1 + 8
	maxMethod    = 64
	maxTrace     = 128
)

var errFrame = errors.New("malformed frame")

// appendHead appends everything but the body.
func (f *frame) appendHead(b []byte) []byte {
	start := len(b)
	b = append(b, 0, 0, 0, 0, byte(f.kind))
	b = binary.BigEndian.AppendUint64(b, f.id)
	switch f.kind {
	case frameRequest:
		b = binary.BigEndian.AppendUint32(b, f.timeout)
		b = append(b, byte(len(f.method)))
		b = append(b, f.method...)
		b = append(b, byte(len(f.trace)))
		b = append(b, f.trace...)
	case framePing, framePong:
		b = binary.BigEndian.AppendUint64(b, f.revision)
		b = binary.BigEndian.AppendUint64(b, uint64(f.clock))
	}
	binary.BigEndian.PutUint32(b[start:], uint32(len(b)-start-4+len(f.body)))
	return b
}

// size is about what the frame costs in a queue.
func (f *frame) size() int { return 64 + len(f.method) + len(f.trace) + len(f.body) }

// frameReader reads frames. The body of each is a slice of its own, but that
// of traffic is good until the next frame only.
type frameReader struct {
	r *bufio.Reader
	// spare is the memory of traffic.
	spare []byte
	// methods keeps the strings of methods seen, as there are few.
	methods map[string]string
}

func newFrameReader(r io.Reader) *frameReader {
	return &frameReader{r: bufio.NewReaderSize(r, 32<<10), methods: make(map[string]string)}
}

func (r *frameReader) next() (frame, error) {
	head, err := r.r.Peek(4 + frameMinimum)
	if err != nil {
		if len(head) > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return frame{}, err
	}
	n := binary.BigEndian.Uint32(head)
	f := frame{kind: frameKind(head[4]), id: binary.BigEndian.Uint64(head[5:])}
	limit := uint32(maxFrame)
	if f.kind == frameTraffic {
		limit = frameMinimum + MaxTraffic
	}
	if n < frameMinimum || n > limit {
		return frame{}, fmt.Errorf("%w: %d bytes are announced", errFrame, n)
	}
	if _, err := r.r.Discard(4 + frameMinimum); err != nil {
		return frame{}, err
	}
	var rest []byte
	if f.kind == frameTraffic {
		rest = r.shared(int(n - frameMinimum))
	} else {
		rest = make([]byte, n-frameMinimum)
	}
	if _, err := io.ReadFull(r.r, rest); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return frame{}, err
	}
	return f, r.fill(&f, rest)
}

// keepSpare is how much memory an idle connection keeps for traffic.
const keepSpare = 128 << 10

func (r *frameReader) shared(n int) []byte {
	if cap(r.spare) < n || cap(r.spare) > keepSpare && n <= keepSpare {
		r.spare = make([]byte, max(n, 4<<10))
	}
	return r.spare[:n]
}

func (r *frameReader) fill(f *frame, rest []byte) error {
	switch f.kind {
	case frameRequest:
		if len(rest) < 4 {
			return fmt.Errorf("%w: request cut short", errFrame)
		}
		f.timeout = binary.BigEndian.Uint32(rest)
		method, rest, ok := shortString(rest[4:], maxMethod)
		if !ok || len(method) == 0 {
			return fmt.Errorf("%w: method", errFrame)
		}
		trace, body, ok := shortString(rest, maxTrace)
		if !ok || len(body) > MaxBody {
			return fmt.Errorf("%w: request", errFrame)
		}
		f.method, f.trace, f.body = r.intern(method), string(trace), body
	case frameResult:
		if len(rest) > MaxBody {
			return fmt.Errorf("%w: result too large", errFrame)
		}
		f.body = rest
	case frameFailure, frameTraffic:
		f.body = rest
	case frameCancel:
		if len(rest) != 0 {
			return fmt.Errorf("%w: cancel", errFrame)
		}
	case framePing, framePong:
		if len(rest) != 16 {
			return fmt.Errorf("%w: ping", errFrame)
		}
		f.revision = binary.BigEndian.Uint64(rest)
		f.clock = int64(binary.BigEndian.Uint64(rest[8:]))
	default:
		return fmt.Errorf("%w: kind %d", errFrame, f.kind)
	}
	return nil
}

func (r *frameReader) intern(method []byte) string {
	if s, ok := r.methods[string(method)]; ok {
		return s
	}
	s := string(method)
	if len(r.methods) < 256 {
		r.methods[s] = s
	}
	return s
}

func shortString(b []byte, limit int) (s, rest []byte, ok bool) {
	if len(b) == 0 || int(b[0]) > limit || len(b) < 1+int(b[0]) {
		return nil, nil, false
	}
	n := 1 + int(b[0])
	return b[1:n], b[n:], true
}
