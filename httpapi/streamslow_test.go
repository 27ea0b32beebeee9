package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/meshd/meshd/node/message"
)

// What waits for a stream that takes nothing is bounded in bytes; what is to a
// topic and found no room is told behind what did.
func TestStreamOfASlowReaderIsBounded(t *testing.T) {
	f := &inboxFeed{live: make(chan *message.Delivery, maxStreamQueue)}
	body, err := json.Marshal(strings.Repeat("x", 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	deliver := func(to string, n int) (refused int) {
		for range n {
			if f.Deliver(&message.Delivery{Message: &message.Message{To: to, Body: body}}) != nil {
				refused++
			}
		}
		return refused
	}
	if refused := deliver("topic/a", 10); refused != 7 || len(f.live) != 3 || f.dropped.Load() != 7 {
		t.Errorf("%d refused, %d wait, %d dropped", refused, len(f.live), f.dropped.Load())
	}
	if refused := deliver("reviewer", 1); refused != 1 || f.dropped.Load() != 7 {
		t.Errorf("%d refused, %d dropped: its sender hears of it", refused, f.dropped.Load())
	}
	body = []byte(`1`)
	if refused := deliver("topic/a", maxStreamQueue); refused != 3 || f.dropped.Load() != 10 {
		t.Errorf("%d refused, %d dropped", refused, f.dropped.Load())
	}
}

// A stream that is slow hears how many messages to its topics it missed.
func TestStreamHearsWhatWasDropped(t *testing.T) {
	for i := range 2 {
		a, mesh := messageAPI(t)
		over(t, a, i, func(t *testing.T, url string, client *http.Client) {
			s := openFeed(t, url, client, "/messages/reviewer/stream?only=live&topics=a", userKey)
			s.next("bookmark")
			body := `"` + strings.Repeat("x", 900<<10) + `"`
			const sent = 64
			refused := make(chan int, sent)
			for range sent {
				go func() {
					r, err := mesh.Send(t.Context(), message.Message{To: "topic/a", Body: json.RawMessage(body), From: message.Sender{Principal: "p"}}, false)
					switch {
					case r.Counts != nil:
						refused <- r.Counts.Refused
					case err != nil:
						refused <- 1
					default:
						refused <- 0
					}
				}()
			}
			for heard := 1; <-refused == 0; heard++ { // some may be delivered before it is slow
				if heard == sent {
					t.Fatal("nothing of 64 messages was refused for a stream that nobody reads")
				}
			}
			told, dropped := 0, false
			for {
				line, err := s.lines.ReadString('\n')
				if err != nil {
					t.Fatal(err)
				}
				switch data, is := strings.CutPrefix(line, "data: "); {
				case strings.HasPrefix(line, "event: dropped"):
					dropped = true
				case is && dropped:
					var d streamDropped
					if err := json.Unmarshal([]byte(data), &d); err != nil || d.Count == 0 || told+int(d.Total) > sent {
						t.Fatalf("%s; %d of %d were told", data, told, sent)
					}
					if told+int(d.Total) == sent {
						return // each was told or counted
					}
					dropped = false
				case is:
					told++
				}
			}
		})
	}
}
