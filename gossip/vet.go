package gossip

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/hashicorp/go-msgpack/v2/codec"
)

// The message types of memberlist that may cross, by the numbers of its
// protocol. Compressed and encrypted messages may not: we never send them, and
// a decompressor is a way to make 64 KiB into 40 MiB.
const (
	mlPing         = 0
	mlIndirectPing = 1
	mlAck          = 2
	mlSuspect      = 3
	mlAlive        = 4
	mlDead         = 5
	mlPushPull     = 6
	mlCompound     = 7
	mlUser         = 8
	mlNack         = 11
	mlCRC          = 12
	mlError        = 13
	mlLabel        = 244
)

var errVet = errors.New("packet refused")

// vetPacket checks a memberlist packet before memberlist sees it: the label is
// ours, only message types we send occur, and a probe asks for its answer to be
// sent to the peer the connection belongs to and to nobody else. What is
// hearsay by design (alive, suspect, dead) is judged by the delegates.
func vetPacket(buf []byte, label, peerID string) error {
	if len(buf) < 2 || buf[0] != mlLabel || len(buf) < 2+int(buf[1]) {
		return fmt.Errorf("%w: no label", errVet)
	}
	if string(buf[2:2+int(buf[1])]) != label {
		return fmt.Errorf("%w: the label of another mesh", errVet)
	}
	buf = buf[2+int(buf[1]):]
	if len(buf) >= 5 && buf[0] == mlCRC {
		buf = buf[5:]
	}
	if len(buf) > 0 && buf[0] == mlCompound {
		return vetCompound(buf[1:], peerID)
	}
	return vetMessage(buf, peerID)
}

func vetCompound(buf []byte, peerID string) error {
	if len(buf) < 1 || len(buf) < 1+2*int(buf[0]) {
		return fmt.Errorf("%w: truncated compound", errVet)
	}
	n := int(buf[0])
	sizes, rest := buf[1:1+2*n], buf[1+2*n:]
	for i := range n {
		size := int(binary.BigEndian.Uint16(sizes[2*i:]))
		if size > len(rest) {
			return fmt.Errorf("%w: truncated part", errVet)
		}
		if err := vetMessage(rest[:size], peerID); err != nil {
			return err
		}
		rest = rest[size:]
	}
	if len(rest) != 0 {
		return fmt.Errorf("%w: %d bytes after the last part", errVet, len(rest))
	}
	return nil
}

func vetMessage(buf []byte, peerID string) error {
	if len(buf) == 0 {
		return fmt.Errorf("%w: empty message", errVet)
	}
	switch buf[0] {
	case mlPing, mlIndirectPing:
		var probe struct{ SourceNode string }
		if err := codec.NewDecoderBytes(buf[1:], &codec.MsgpackHandle{}).Decode(&probe); err != nil {
			return fmt.Errorf("%w: probe: %w", errVet, err)
		}
		if probe.SourceNode != peerID {
			return fmt.Errorf("%w: a probe claims to come from %q", errVet, probe.SourceNode)
		}
		return nil
	case mlAck, mlNack, mlSuspect, mlAlive, mlDead, mlUser:
		return nil
	default:
		return fmt.Errorf("%w: message type %d", errVet, buf[0])
	}
}
