//go:build unix

package agent

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/meshd/meshd/node/message"
)

// cpu returns how much of the processors this process has had.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// appendMasked appends a client's frame, masked with zeros.
func appendMasked(b []byte, payload string) []byte {
	if b = append(b, 0x81); len(payload) < 126 {
		b = append(b, 0x80|byte(len(payload)))
	} else {
		b = binary.BigEndian.AppendUint16(append(b, 0x80|126), uint16(len(payload)))
	}
	return append(append(b, 0, 0, 0, 0), payload...)
}

// eachFrame calls fn for each frame that a node sends.
func eachFrame(r *bufio.Reader, fn func(payload []byte) bool) error {
	for {
		head, err := r.Peek(2)
		if err != nil {
			return err
		}
		size, skip := int(head[1]), 2
		if size == 126 {
			if head, err = r.Peek(4); err != nil {
				return err
			}
			size, skip = int(binary.BigEndian.Uint16(head[2:])), 4
		}
		_, _ = r.Discard(skip)
		payload := make([]byte, size)
		if _, err := io.ReadFull(r, payload); err != nil {
			return err
		}
		if size > 0 && !fn(payload) { // what is empty is a ping
			return nil
		}
	}
}

// One-way messages of 256 bytes from one client to another of the same node,
// over TLS, with 1,024 under way; the clients share the machine and do little
// more than count.
func BenchmarkOneWay(b *testing.B) {
	for _, mode := range []struct{ name, sender, receiver string }{
		{"plain", `{"type":"hello","batch":true}`, `{"type":"hello"}`},
		{"acks", `{"type":"hello","batch":true}`, `{"type":"hello","acks":true}`},
		{"resume", `{"type":"hello","batch":true,"resume":true}`, `{"type":"hello","resume":true}`},
	} {
		b.Run(mode.name, func(b *testing.B) {
			_, dial := tlsNode(b)
			to, from := dial("to"), dial("from")
			_ = to.WriteMessage(websocket.TextMessage, []byte(mode.receiver))
			_ = to.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`))
			_ = from.WriteMessage(websocket.TextMessage, []byte(mode.sender))
			for range 2 {
				if _, _, err := to.ReadMessage(); err != nil { // hello, pong
					b.Fatal(err)
				}
			}
			if _, _, err := from.ReadMessage(); err != nil {
				b.Fatal(err)
			}
			numbered := strings.Contains(mode.sender, "resume")
			body := `"` + strings.Repeat("x", 254) + `"`
			const window = 1024
			room := make(chan int, window)
			b.ReportAllocs()
			began := cpu()
			b.ResetTimer()
			var done sync.WaitGroup
			done.Go(func() { // the receiver
				var out []byte
				n, acks := 0, strings.Contains(mode.receiver, "acks")
				_ = eachFrame(bufio.NewReaderSize(to.NetConn(), 64<<10), func(p []byte) bool {
					if !strings.HasPrefix(string(p), `{"type":"receive",`) {
						return true
					}
					n++
					if acks && (n%64 == 0 || n == b.N) {
						out = append(out[:0], `{"type":"ack","ids":[`...)
						for i := n - (n-1)%64; i <= n; i++ {
							if i > n-(n-1)%64 {
								out = append(out, ',')
							}
							out = fmt.Appendf(out, `"%d"`, i)
						}
						_, _ = to.NetConn().Write(appendMasked(nil, string(append(out, `]}`...))))
					}
					if numbered && (n%64 == 0 || n == b.N) {
						_, _ = to.NetConn().Write(appendMasked(nil, fmt.Sprintf(`{"type":"seen","frame":%d}`, n)))
					}
					return n < b.N
				})
			})
			done.Go(func() { // what the sender hears
				n, seen := 0, 0
				_ = eachFrame(bufio.NewReaderSize(from.NetConn(), 64<<10), func(p []byte) bool {
					var f struct {
						Type, Status string
						IDs          []string
						ID           string
						Frame        int
					}
					if err := json.Unmarshal(p, &f); err != nil || f.Type == "error" {
						panic(fmt.Sprintf("%s %v", p, err)) // the sender waits for room that will not come
					}
					if f.Type != "ack" {
						return true
					}
					if seen++; numbered && seen%16 == 0 {
						_, _ = from.NetConn().Write(appendMasked(nil, fmt.Sprintf(`{"type":"seen","frame":%d}`, f.Frame)))
					}
					got := max(len(f.IDs), 1)
					n += got
					room <- got
					return n < b.N
				})
			})
			var out []byte
			free := window
			for i := 1; i <= b.N; i++ {
				if free == 0 {
					if len(out) > 0 {
						_, _ = from.NetConn().Write(out)
						out = out[:0]
					}
					free += <-room
				}
				free--
				number := ""
				if numbered {
					number = fmt.Sprintf(`"frame":%d,`, i)
				}
				if out = appendMasked(out, fmt.Sprintf(`{"type":"send","id":"%d",%s"to":"to","body":%s}`, i, number, body)); len(out) > 16<<10 {
					if _, err := from.NetConn().Write(out); err != nil {
						b.Fatal(err)
					}
					out = out[:0]
				}
			drain:
				for {
					select {
					case got := <-room:
						free += got
					default:
						break drain
					}
				}
			}
			_, _ = from.NetConn().Write(out)
			done.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			b.ReportMetric(float64((cpu()-began).Microseconds())/float64(b.N), "cpu-µs/msg")
		})
	}
}

// A request and its answer, one at a time.
func BenchmarkRequest(b *testing.B) {
	_, dial := tlsNode(b)
	to, from := dial("to"), dial("from")
	for _, c := range []*websocket.Conn{to, from} {
		if _, _, err := c.ReadMessage(); err != nil {
			b.Fatal(err)
		}
	}
	go func() {
		for {
			var f struct{ ID string }
			if to.ReadJSON(&f) != nil {
				return
			}
			_ = to.WriteMessage(websocket.TextMessage, []byte(`{"type":"reply","in_reply_to":"`+f.ID+`","body":1}`))
		}
	}()
	body := strings.Repeat("x", 254)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		_ = from.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"type":"send","id":"%d","to":"to","wait":true,"body":"%s"}`, i, body))
		if _, data, err := from.ReadMessage(); err != nil || !strings.Contains(string(data), `"delivered"`) {
			b.Fatalf("%s %v", data, err)
		}
	}
}

// One message to 1,000 subscribers of a topic at one node.
func BenchmarkFanOut(b *testing.B) {
	const subscribers = 1000
	n, dial := tlsNode(b)
	var got sync.WaitGroup
	for range subscribers {
		c := dial("")
		if _, _, err := c.ReadMessage(); err != nil {
			b.Fatal(err)
		}
		_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"subscribe","id":"s","topics":["news/>"]}`))
		if _, data, err := c.ReadMessage(); err != nil || !strings.Contains(string(data), "result") {
			b.Fatalf("%s %v", data, err)
		}
		go func() {
			_ = eachFrame(bufio.NewReaderSize(c.NetConn(), 4<<10), func(p []byte) bool {
				if strings.HasPrefix(string(p), `{"type":"receive",`) {
					got.Done()
				}
				return true
			})
		}()
	}
	body := json.RawMessage(`"` + strings.Repeat("x", 254) + `"`)
	b.ResetTimer()
	for range b.N {
		got.Add(subscribers)
		r, err := n.router.Send(context.Background(), message.Message{To: "topic/news/today", Body: body, From: message.Sender{Principal: "p"}}, false)
		if err != nil || r.Counts == nil || r.Counts.Delivered != subscribers {
			b.Fatalf("%+v %v", r, err)
		}
		got.Wait()
	}
	b.ReportMetric(float64(b.N)*subscribers/b.Elapsed().Seconds(), "deliveries/s")
}
