package gossip

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/hashicorp/go-msgpack/v2/codec"
)

const (
	// maxStateBytes bounds the user half of a push/pull, maxStreamNodes and
	// maxStreamBytes the whole. memberlist's own limits are a million nodes,
	// allocated at once on the word of a header, and 20 MiB.
	maxStateBytes  = 1 << 20
	maxStreamNodes = 4096
	maxStreamBytes = 4 << 20
)

// stream is one memberlist stream over a connection of its own. Its first read
// looks at what memberlist is about to parse; in all it yields at most
// maxStreamBytes.
type stream struct {
	net.Conn
	label    string
	accepted bool // the side that is greeted with a label header

	first  sync.Once
	vetErr error
	source io.Reader

	closing sync.Once
	done    chan struct{}
	onClose func()
}

func newStream(c net.Conn, label string, accepted bool, onClose func()) *stream {
	return &stream{
		Conn: c, label: label, accepted: accepted,
		source: &cappedReader{r: c, left: maxStreamBytes},
		done:   make(chan struct{}), onClose: onClose,
	}
}

func (s *stream) Read(p []byte) (int, error) {
	s.first.Do(func() {
		var seen bytes.Buffer
		s.vetErr = vetStream(io.TeeReader(s.source, &seen), s.label, s.accepted)
		s.source = io.MultiReader(&seen, s.source)
	})
	if s.vetErr != nil {
		return 0, s.vetErr
	}
	return s.source.Read(p)
}

// Close may be called several times and by both sides of the transport.
func (s *stream) Close() error {
	var err error
	s.closing.Do(func() {
		err = s.Conn.Close()
		close(s.done)
		s.onClose()
	})
	return err
}

// vetStream reads the beginning of a stream as far as it announces sizes.
func vetStream(r io.Reader, label string, accepted bool) error {
	if accepted {
		head := make([]byte, 2+len(label))
		if _, err := io.ReadFull(r, head); err != nil {
			return err
		}
		if head[0] != mlLabel || int(head[1]) != len(label) || string(head[2:]) != label {
			return fmt.Errorf("%w: the stream has another label", errVet)
		}
	}
	var messageType [1]byte
	if _, err := io.ReadFull(r, messageType[:]); err != nil {
		return err
	}
	switch messageType[0] {
	case mlPing, mlAck, mlError:
		return nil
	case mlPushPull:
	default:
		return fmt.Errorf("%w: stream of type %d", errVet, messageType[0])
	}
	var header struct{ Nodes, UserStateLen int }
	if err := codec.NewDecoder(r, &codec.MsgpackHandle{}).Decode(&header); err != nil {
		return fmt.Errorf("%w: push/pull header: %w", errVet, err)
	}
	if header.Nodes < 0 || header.Nodes > maxStreamNodes || header.UserStateLen < 0 || header.UserStateLen > maxStateBytes {
		return fmt.Errorf("%w: push/pull of %d nodes and %d bytes", errVet, header.Nodes, header.UserStateLen)
	}
	return nil
}

// cappedReader fails, unlike io.LimitedReader, which would pretend the stream
// ended.
type cappedReader struct {
	r    io.Reader
	left int
}

func (c *cappedReader) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, fmt.Errorf("%w: more than %d bytes", errVet, maxStreamBytes)
	}
	if len(p) > c.left {
		p = p[:c.left]
	}
	n, err := c.r.Read(p)
	c.left -= n
	return n, err
}
