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

// Streams of a connection are few, and it ends when its client takes nothing of
// what waits to be written: a handler would wait with it, whatever the deadline.
func TestAConnectionThatTakesNothingEnds(t *testing.T) {
	n := startNode(t, func(_ *Config, l *limits) { l.unread = 50 * time.Millisecond })
	ended := make(chan error, 1)
	n.HandleHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b := make([]byte, 1<<20)
		for range 1 << 10 {
			if _, err := w.Write(b); err != nil {
				ended <- err
				return
			}
		}
		ended <- nil
	}))
	c, err := tls.Dial("tcp", n.address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const headers, settings, window = 1, 4, 8
	out := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	out = append(out, h2Frame(settings, 0, 0, []byte{0, 4, 0x7f, 0xff, 0xff, 0xff})...) // windows of 2 GiB
	out = append(out, h2Frame(window, 0, 0, []byte{0x7f, 0, 0, 0})...)
	out = append(out, h2Frame(headers, 0x5, 1, []byte{0x82, 0x87, 0x84, 0x41, 4, 'h', 'o', 's', 't'})...)
	if _, err := c.Write(out); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	var first [9 + 6]byte
	if _, err := io.ReadFull(c, first[:]); err != nil || first[3] != settings {
		t.Fatalf("%x %v", first, err)
	}
	rest := make([]byte, int(first[2])-6)
	if _, err := io.ReadFull(c, rest); err != nil {
		t.Fatal(err)
	}
	streams := uint32(0)
	for s := append(first[9:], rest...); len(s) >= 6; s = s[6:] {
		if binary.BigEndian.Uint16(s) == 3 {
			streams = binary.BigEndian.Uint32(s[2:])
		}
	}
	if streams != maxStreams {
		t.Errorf("a connection may have %d streams", streams)
	}
	select {
	case err := <-ended:
		if err == nil {
			t.Fatal("a GiB was written for a client that reads nothing")
		}
	case <-time.After(patience):
		t.Fatal("the handler still writes to a client that reads nothing")
	}
}
