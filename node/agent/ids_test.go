package agent

import (
	"strings"
	"testing"

	"github.com/meshd/meshd/node/message"
)

// A second send with the id of one under way is told as such, and the first ends
// as it would have.
func TestAnIdUsedTwiceIsNotTheEndOfTheFirst(t *testing.T) {
	n := newNode(t)
	reader := n.dial(t, "reader")
	reader.expect("hello")
	p := n.dial(t, "worker")
	p.expect("hello")
	p.write(`{"type":"send","id":"1","to":"reader","body":1,"wait":true}`)
	asked := reader.expect("receive")
	p.write(`{"type":"send","id":"1","to":"reader","body":2,"wait":true}`)
	if f := p.expect("error"); f.ID != "1" || f.Code != CodeDuplicateID || f.Status != "" {
		t.Errorf("the second: %+v", f)
	}
	reader.write(`{"type":"reply","in_reply_to":"` + asked.ID + `","body":3}`)
	if f := p.expect("reply"); f.ID != "1" || string(f.Body) != "3" {
		t.Errorf("the first: %+v", f)
	}
}

// A send whose body is no JSON is refused by its id.
func TestASendThatIsNoJSONIsRefusedByItsId(t *testing.T) {
	n := newNode(t)
	p := n.dial(t, "worker")
	p.expect("hello")
	for name, body := range map[string]string{"too deep": strings.Repeat("[", 10001) + strings.Repeat("]", 10001), "broken": `{"a":}`, "cut off": `"`} {
		p.write(`{"type":"send","id":"7","to":"worker","body":` + body + `}`)
		if f := p.expect("error"); f.ID != "7" || f.Status != message.Refused || f.Code != message.CodeInvalid {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
