package gossip

import (
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-msgpack/v2/codec"
)

func TestOnlyTheRosterIsListed(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := three(t)
		defer f.stopAll()

		// d gossips to the others but is in nobody's roster.
		stranger := f.config("d")
		stranger.Known = func(string) bool { return true }
		stranger.Roster = func() []string { return []string{"a", "b", "c", "d"} }
		d := f.startWith(stranger)
		time.Sleep(30 * time.Second)
		for _, v := range f.ids() {
			if m := f.nodes[v].Members(); len(m) != 3 {
				t.Errorf("%s lists %v", v, m)
			}
		}
		for _, m := range d.Members() {
			if m.NodeID != "d" && m.Status == StatusAlive {
				t.Errorf("the stranger sees %s alive", m.NodeID)
			}
		}

		// Admitted, it is seen at once.
		f.setRoster("a", "b", "c", "d")
		for _, id := range f.ids() {
			f.nodes[id].Kick()
		}
		f.within(2*time.Second, "admission", func() bool { return f.allAlive("a", "b", "c", "d") })

		// Removed, it is gone from the lists at once and its record soon after.
		f.setRoster("a", "b", "c")
		for _, id := range f.ids() {
			f.nodes[id].Kick()
		}
		f.within(5*time.Second, "removal", func() bool {
			for _, id := range f.ids() {
				g := f.nodes[id]
				g.mu.Lock()
				_, kept := g.table.entries["d"]
				g.mu.Unlock()
				if kept || len(g.Members()) != 3 {
					return false
				}
			}
			return true
		})
		time.Sleep(time.Minute)
		if !f.allAlive("a", "b", "c") {
			t.Errorf("the rest suffers\n%s", f.describe())
		}

		// Admitted again, it is seen again.
		f.setRoster("a", "b", "c", "d")
		for _, id := range f.ids() {
			f.nodes[id].Kick()
		}
		f.within(15*time.Second, "return", func() bool { return f.allAlive("a", "b", "c", "d") })
	})
}

func TestMeshesDoNotMerge(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := newFabric(t, "a", "b")
		defer f.stopAll()
		f.start("a")
		other := f.config("b")
		other.MeshID = "another"
		f.startWith(other)
		time.Sleep(time.Minute)
		if f.sees([]string{"a"}, "b", StatusAlive) || f.sees([]string{"b"}, "a", StatusAlive) {
			t.Errorf("two meshes have merged\n%s", f.describe())
		}
	})
}

func TestLeaveIsToldApartFromFailure(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := three(t)
		defer f.stopAll()
		began := time.Now()
		if err := f.nodes["c"].Leave(3 * time.Second); err != nil {
			t.Fatal(err)
		}
		t.Logf("left after %v", time.Since(began))
		f.kill("c")
		f.within(time.Second, "left", func() bool { return f.sees([]string{"a", "b"}, "c", StatusLeft) })
		time.Sleep(3 * time.Minute)
		// One that starts after all that hears of it too.
		f.kill("b")
		f.start("b")
		f.within(5*time.Second, "told", func() bool { return f.sees([]string{"a", "b"}, "c", StatusLeft) })
		f.start("c")
		f.within(5*time.Second, "back", func() bool { return f.allAlive("a", "b", "c") })
		f.kill("c")
		f.within(10*time.Second, "failed", func() bool { return f.sees([]string{"a", "b"}, "c", StatusFailed) })
	})
}

func TestNeverSeenIsFailed(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := newFabric(t, "a", "b")
		defer f.stopAll()
		f.start("a")
		time.Sleep(time.Second)
		if m := f.member("a", "b"); m.Status != StatusFailed || !m.LastSeen.IsZero() || m.Record.NodeID != "b" {
			t.Errorf("got %+v", m)
		}
		if m := f.member("a", "a"); m.Status != StatusAlive || m.LastSeen.IsZero() {
			t.Errorf("got %+v", m)
		}
	})
}

// raw opens a connection to "a" that is authenticated as "b".
func (f *fabric) raw() net.Conn {
	near, far := net.Pipe()
	f.wg.Go(func() {
		f.nodes["a"].Serve("b", far)
	})
	_ = near.SetDeadline(time.Now().Add(2 * helloTimeout))
	return near
}

func greeting(k kind, h hello) []byte { return newFrame(k, encode(h)) }

var goodHello = hello{Version: protocolVersion, MeshID: "mesh", From: "b", To: "a"}

func TestHelloMustMatchTheConnection(t *testing.T) {
	with := func(change func(*hello)) hello {
		h := goodHello
		change(&h)
		return h
	}
	for name, c := range map[string]struct {
		h    hello
		want string
	}{
		"another's name": {with(func(h *hello) { h.From = "c" }), "not yours"},
		"another mesh":   {with(func(h *hello) { h.MeshID = "other" }), "another mesh"},
		"wrong node":     {with(func(h *hello) { h.To = "c" }), "not the node"},
		"new protocol":   {with(func(h *hello) { h.Version = 9 }), "not spoken"},
		"good":           {goodHello, ""},
	} {
		t.Run(name, func(t *testing.T) {
			virtually(t, func(t *testing.T) {
				f := newFabric(t, "a", "b", "c")
				defer f.stopAll()
				f.start("a")
				conn := f.raw()
				defer conn.Close()
				if _, err := conn.Write(greeting(kindPackets, c.h)); err != nil {
					t.Fatal(err)
				}
				err := readAnswer(conn)
				if c.want == "" {
					if err != nil {
						t.Error(err)
					}
				} else if !errors.Is(err, errRefused) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v", err)
				}
			})
		})
	}
}

func msgpack(v any) []byte {
	var b []byte
	if err := codec.NewEncoderBytes(&b, &codec.MsgpackHandle{}).Encode(v); err != nil {
		panic(err)
	}
	return b
}

func labelled(message ...byte) []byte { return append([]byte("\xf4\x04mesh"), message...) }

type probe struct {
	SeqNo      uint32
	Node       string
	SourceNode string
}

// F17, and a sender that is not who it says: the connection ends, and the node
// goes on.
func TestHostileBytesEndTheConnection(t *testing.T) {
	ping := func(from string) []byte {
		return append([]byte{mlPing}, msgpack(probe{SeqNo: 1, Node: "a", SourceNode: from})...)
	}
	compound := func(part []byte) []byte {
		return append(binary.BigEndian.AppendUint16([]byte{mlCompound, 1}, uint16(len(part))), part...)
	}
	open := greeting(kindPackets, goodHello)
	for name, c := range map[string]struct{ first, then []byte }{
		"4 GiB hello":       {[]byte{0xff, 0xff, 0xff, 0xff, 1}, nil},
		"empty frame":       {[]byte{0, 0, 0, 0, 1}, nil},
		"garbage":           {[]byte("GET / HTTP/1.1\r\n\r\n"), nil},
		"garbage hello":     {newFrame(kindPackets, []byte("xyz")), nil},
		"half a hello":      {open[:8], nil},
		"4 GiB packet":      {open, []byte{0xff, 0xff, 0xff, 0xff, byte(kindPacket)}},
		"other kind":        {open, newFrame(kindRecord, nil)},
		"no label":          {open, newFrame(kindPacket, ping("b"))},
		"other label":       {open, newFrame(kindPacket, append([]byte("\xf4\x04hsem"), ping("b")...))},
		"spoofed ping":      {open, newFrame(kindPacket, labelled(ping("c")...))},
		"spoofed in parts":  {open, newFrame(kindPacket, labelled(compound(ping("c"))...))},
		"compressed":        {open, newFrame(kindPacket, labelled(9, 1, 2, 3))},
		"nested compound":   {open, newFrame(kindPacket, labelled(compound(compound(ping("b")))...))},
		"truncated compund": {open, newFrame(kindPacket, labelled(mlCompound, 9, 0))},
		"stream of garbage": {greeting(kindStream, goodHello), labelled(99, 99)},
		"a million nodes":   {greeting(kindStream, goodHello), labelled(append([]byte{mlPushPull}, msgpack(map[string]int{"Nodes": 1 << 20, "UserStateLen": 0})...)...)},
		"20 MiB of state":   {greeting(kindStream, goodHello), labelled(append([]byte{mlPushPull}, msgpack(map[string]int{"Nodes": 1, "UserStateLen": 20 << 20})...)...)},
		"pull of garbage":   {greeting(kindPull, goodHello), newFrame(kindDigests, []byte{0xff})},
		"stalled pull":      {greeting(kindPull, goodHello), newFrame(kindDigests, []byte{0x80})[:3]},
	} {
		t.Run(name, func(t *testing.T) {
			virtually(t, func(t *testing.T) {
				f := newFabric(t, "a", "b", "c")
				defer f.stopAll()
				f.start("a")
				f.start("c")
				f.within(5*time.Second, "forming", func() bool { return f.allAlive("a", "c") })
				conn := f.raw()
				defer conn.Close()
				_, err := conn.Write(c.first)
				if c.then != nil {
					if err != nil {
						t.Fatal(err)
					}
					if err := readAnswer(conn); err != nil {
						t.Fatal(err)
					}
					_, _ = conn.Write(c.then)
				}
				_ = conn.SetDeadline(time.Now().Add(2 * pullTimeout))
				for err == nil {
					_, err = conn.Read(make([]byte, 512)) // until it is closed
				}
				var timeout net.Error
				if errors.As(err, &timeout) && timeout.Timeout() {
					t.Errorf("the connection is still open")
				}
				if !f.allAlive("a", "c") {
					t.Error("the node suffered")
				}
			})
		})
	}
}

func TestConnectionsOfOnePeerAreBounded(t *testing.T) {
	virtually(t, func(t *testing.T) {
		f := newFabric(t, "a", "b")
		defer f.stopAll()
		f.start("a")
		open := 0
		for range 3 * maxServed {
			conn := f.raw()
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Second))
			if _, err := conn.Write(greeting(kindStream, goodHello)); err == nil && readAnswer(conn) == nil {
				open++
			}
		}
		if open != maxServed {
			t.Errorf("%d connections, want %d", open, maxServed)
		}
	})
}
