package agent

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meshd/meshd/node/message"
)

// A subscribe that is refused begins nothing: those of its topics for which there
// was room stayed, though its client had heard that it was refused.
func TestASubscribeThatIsRefusedBeginsNothing(t *testing.T) {
	n := newNode(t)
	p := n.dial(t, "")
	p.expect("hello")
	topics := make([]string, maxPatterns-1)
	for i := range topics {
		topics[i] = fmt.Sprintf(`"a/%d"`, i)
	}
	p.write(`{"type":"subscribe","id":"1","topics":[` + strings.Join(topics, ",") + `]}`)
	p.expect("result")
	p.write(`{"type":"subscribe","id":"2","topics":["a/0","b/0","b/1"]}`)
	if f := p.expect("error"); f.ID != "2" || f.Code != message.CodeOverloaded {
		t.Errorf("%+v", f)
	}
	p.write(`{"type":"send","id":"3","to":"topic/b/0","body":1}`)
	if f := p.expect("error"); f.ID != "3" || f.Code != message.CodeNoSubscribers {
		t.Errorf("%+v", f)
	}
	p.write(`{"type":"send","id":"4","to":"topic/a/0","body":1}`)
	p.expect("receive")
	p.expect("ack")
	p.write(`{"type":"subscribe","id":"5","topics":["b/1"]}`)
	if f := p.expect("result"); f.ID != "5" {
		t.Errorf("%+v", f)
	}
}
