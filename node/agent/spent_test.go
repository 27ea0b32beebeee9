package agent

import (
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// What follows the fifth bad frame, or a gap, is not acted on, in the same array
// or after it.
func TestWhatFollowsTheLastBadFrameIsNotActedOn(t *testing.T) {
	const good = `{"type":"send","id":"1","to":"reader","body":"late"}`
	for name, text := range map[string]string{
		"in an array": `[` + strings.Repeat(`{"type":"what"},`, maxBadFrames) + good + `]`,
		"one by one":  strings.Repeat(`{"type":"what"}`+"\n", maxBadFrames) + good,
		"after a gap": `{"type":"hello","resume":true}` + "\n" + `[{"type":"send","id":"2","frame":7,"to":"reader","body":"lost"},` + strings.Replace(good, `"id"`, `"frame":1,"id"`, 1) + `]`,
	} {
		t.Run(name, func(t *testing.T) {
			n := newNode(t)
			reader := n.dial(t, "reader")
			reader.expect("hello")
			p := n.dial(t, "worker")
			p.expect("hello")
			for one := range strings.SplitSeq(text, "\n") {
				_ = p.WriteMessage(websocket.TextMessage, []byte(one)) // the node may have closed
			}
			<-n.ended // all of it was read
			reader.write(`{"type":"ping"}`)
			if f := reader.read(); f.Type != "pong" {
				t.Errorf("the reader was sent %+v", f)
			}
		})
	}
}
