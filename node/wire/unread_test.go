package wire

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net/http"
	"testing"
	"time"
)

// h2Frame spells a frame of HTTP/2 (RFC 9113, 4.1).
func h2Frame(kind, flags byte, stream uint32, payload []byte) []byte {
	b := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	return append(binary.BigEndian.AppendUint32(b, stream), payload...)
}

// A client that gives an answer no room by flow control held its stream, and what
// the node keeps for it, for ever.
func TestAnAnswerThatNobodyTakesEndsItsStream(t *testing.T) {
	n := startNode(t)
	n.http.unread = 20 * time.Millisecond
	n.HandleHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.SetWriteDeadline(time.Now().Add(time.Hour))
		_, _ = io.WriteString(w, "small enough to wait until the handler has ended")
		_ = control.SetWriteDeadline(time.Time{})
	}))
	c, err := tls.Dial("tcp", n.address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const headers, reset, settings = 1, 3, 4
	request := []byte{0x82, 0x87, 0x84, 0x41, 4, 'h', 'o', 's', 't'} // GET https / of host, by RFC 7541
	out := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	out = append(out, h2Frame(settings, 0, 0, []byte{0, 4, 0, 0, 0, 0})...) // windows of no bytes
	out = append(out, h2Frame(headers, 0x5, 1, request)...)
	if _, err := c.Write(out); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	for answered := false; ; {
		var head [9]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			t.Fatalf("answered %v, and then: %v", answered, err)
		}
		if _, err := io.CopyN(io.Discard, c, int64(head[0])<<16|int64(head[1])<<8|int64(head[2])); err != nil {
			t.Fatal(err)
		}
		switch {
		case head[3] == headers:
			answered = true
		case head[3] == reset && answered:
			return
		}
	}
}
