package gossip

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A frame is a u32 length (big endian) of what follows, a kind byte and a body.
// The reader names the largest body it takes before it allocates anything.
type kind byte

const (
	// The first frame of a connection says what the connection is for; its
	// body is a hello.
	kindPackets kind = 1 // the one packet connection of a pair
	kindStream  kind = 2 // one memberlist stream, raw after the answer
	kindPull    kind = 3 // one request for records

	// The answer to it. The body of a refusal is a sentence.
	kindAccept kind = 8
	kindRefuse kind = 9

	kindPacket  kind = 16 // one memberlist packet
	kindDigests kind = 17 // what the asking side of a pull has
	kindRecord  kind = 18 // one record
	kindEnd     kind = 19 // the end of the records
)

const (
	frameHeader = 5

	maxHello   = 1 << 10
	maxPacket  = 1 << 16
	maxDigests = 1 << 20
)

var (
	errFrame   = errors.New("malformed frame")
	errRefused = errors.New("refused by the peer")
)

// protocolVersion is the version of the framing, not of memberlist.
const protocolVersion = 1

// hello opens every connection. The names in it are only compared with what
// the connection has proven; they find mistakes in wiring, they grant nothing.
type hello struct {
	Version uint8  `cbor:"1,keyasint"`
	MeshID  string `cbor:"2,keyasint"`
	From    string `cbor:"3,keyasint"`
	To      string `cbor:"4,keyasint"`
}

func appendFrame(dst []byte, k kind, body []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(body)+1))
	dst = append(dst, byte(k))
	return append(dst, body...)
}

func newFrame(k kind, body []byte) []byte {
	return appendFrame(make([]byte, 0, frameHeader+len(body)), k, body)
}

// readFrame reads one frame with a body of at most limit bytes.
func readFrame(r io.Reader, limit int) (kind, []byte, error) {
	var h [frameHeader]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, fmt.Errorf("reading frame header: %w", err)
	}
	n := binary.BigEndian.Uint32(h[:4])
	if n < 1 || uint64(n-1) > uint64(limit) {
		return 0, nil, fmt.Errorf("%w: length %d, at most %d", errFrame, n, limit+1)
	}
	body := make([]byte, n-1)
	if _, err := io.ReadFull(r, body); err != nil {
		return 0, nil, fmt.Errorf("reading frame body: %w", err)
	}
	return kind(h[4]), body, nil
}

// readHello reads the first frame of an accepted connection.
func readHello(r io.Reader) (kind, hello, error) {
	k, body, err := readFrame(r, maxHello)
	if err != nil {
		return 0, hello{}, err
	}
	if k != kindPackets && k != kindStream && k != kindPull {
		return 0, hello{}, fmt.Errorf("%w: kind %d does not open a connection", errFrame, k)
	}
	var h hello
	if err := decMode.Unmarshal(body, &h); err != nil {
		return 0, hello{}, fmt.Errorf("%w: %w", errFrame, err)
	}
	return k, h, nil
}

// readAnswer reads the acceptor's word on a hello.
func readAnswer(r io.Reader) error {
	k, body, err := readFrame(r, maxHello)
	switch {
	case err != nil:
		return err
	case k == kindAccept:
		return nil
	case k == kindRefuse:
		return fmt.Errorf("%w: %q", errRefused, body)
	default:
		return fmt.Errorf("%w: kind %d is no answer", errFrame, k)
	}
}
