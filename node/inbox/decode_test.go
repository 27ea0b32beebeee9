package inbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/consensus/consensustest"
	"github.com/meshd/meshd/node/message"
)

// twins applies every command twice, the second time by a part that knows
// nothing: the effects and answers must be the same.
type twins struct{ *Part }

func (p twins) Apply(w consensus.Writer, c consensus.Command) ([]byte, error) {
	one, two := consensus.NewOverlay(w), consensus.NewOverlay(w)
	body := bytes.Clone(c.Body)
	second, errTwo := NewPart().Apply(two, c)
	second = bytes.Clone(second)
	first, err := p.Part.Apply(one, c)
	if fmt.Sprint(err) != fmt.Sprint(errTwo) || !bytes.Equal(first, second) || !bytes.Equal(body, c.Body) {
		panic(fmt.Sprintf("%q, %v, and %q, %v", first, err, second, errTwo))
	}
	if err != nil {
		return nil, err
	}
	a, b := one.Writes(), two.Writes()
	if fmt.Sprint(a) != fmt.Sprint(b) {
		panic(fmt.Sprintf("%v and %v", a, b))
	}
	for _, x := range a {
		if x.Deleted {
			w.Delete(x.Table, x.Key)
		} else {
			w.Put(x.Table, x.Key, x.Value)
		}
	}
	return first, nil
}

// spelled collects the commands that are proposed.
type spelled struct {
	*consensustest.Local
	bodies *[][]byte
}

func (s spelled) Propose(ctx context.Context, p consensus.Proposal) (consensus.Outcome, error) {
	*s.bodies = append(*s.bodies, bytes.Clone(p.Body))
	return s.Local.Propose(ctx, p)
}

// script has every kind of command.
func script(t testing.TB) (commands [][]byte) {
	w := newWorld(t)
	w.Service.state = spelled{w.state, &commands}
	from := message.Sender{Agent: "alice", Principal: "p", Node: "n"}
	ctx := context.Background()
	for i, size := range []int{1, inlineBody + 1, chunkBody + 1} {
		a := w.send(Outgoing{ID: fmt.Sprint("id", i), From: from, To: to("bob"), Body: json.RawMessage(`"` + strings.Repeat("x", size) + `"`), TTL: time.Hour, Delay: time.Duration(i) * time.Second})
		w.send(Outgoing{From: from, To: to("carol", "dave"), Body: json.RawMessage(`"` + strings.Repeat("x", size) + `"`)})
		if i == 0 {
			_, _ = w.Acknowledge(ctx, "bob", []uint64{a.Seq})
		}
	}
	w.send(Outgoing{From: from, To: to("bob"), Conversation: "c", Sticky: true})
	_ = w.Subscribe(ctx, "bob", "a/*")
	w.send(Outgoing{From: from, Topic: "a/b"})
	_, _ = w.Claim(ctx, []Claim{{Agent: "bob", Principal: "p", Node: "n"}})
	w.send(Outgoing{From: from, Broadcast: true})
	list, _ := w.Lease(ctx, "carol", 2, time.Minute)
	_, _ = w.Return(ctx, "carol", []Returned{{Seq: list[0].Seq, Counts: true, Delay: time.Second, Reason: "r"}})
	_, _ = w.Purge(ctx, "dave")
	_, _ = w.Redrive(ctx, "dave", nil)
	_, _ = w.Purge(ctx, "dave")
	_, _ = w.DropDead(ctx, "dave", nil)
	_, _ = w.PublishKey(ctx, "bob", "age1")
	_ = w.Unsubscribe(ctx, "bob", "a/*")
	_ = w.Release(ctx, "bob", KeepLetters)
	w.pass(25 * time.Hour)
	_ = w.Tidy(ctx, true)
	return commands
}

// Whatever bytes a command has: it is executed whole or refused, the same each
// time, and all that is counted is there.
func FuzzCommand(f *testing.F) {
	commands := script(f)
	for i, c := range commands {
		if len(c) < 4096 {
			f.Add(uint8(i), c)
		}
	}
	f.Fuzz(func(t *testing.T, n uint8, body []byte) {
		part := NewPart()
		state := consensustest.New(twins{part})
		at := time.UnixMilli(1_800_000_000_000)
		state.Now = func() time.Time { return at }
		propose := func(body []byte) {
			_, _ = state.Propose(context.Background(), consensus.Proposal{Part: PartName, Body: body})
		}
		for _, c := range commands[:int(n)%len(commands)] {
			if len(c) < 4096 {
				propose(c)
			}
		}
		propose(body)
		at = at.Add(48 * time.Hour)
		propose(body)
		_, err := state.View(context.Background(), consensus.ReadOptions{}, func(r consensus.Reader) error { return audit(r, part.index) })
		if err != nil {
			t.Fatal(err)
		}
	})
}

// What can be read of a record is written again as it was.
func FuzzRecord(f *testing.F) {
	m := record{
		Where: bodyOwn, Sealed: true, Back: true, Priority: High, Attempts: 1, MaxAttempts: 5, Inbox: 3, Accepted: 1e12, TTL: 1000, NotBefore: 1e12,
		LeaseUntil: 1e12, Redelivery: 30_000, Charge: 400, BodySize: 300, BodyAt: 9, Node: []byte("n"), Reason: []byte("r"), Tail: []byte("tail"),
	}
	f.Add(m.encode(nil))
	f.Add((&deadRecord{Death: diedExpired, At: 5, Record: m.encode(nil)}).encode(nil))
	f.Add((&counts{Name: "bob", Messages: 1, Bytes: 300}).encode(nil))
	f.Add((&agentRecord{Inbox: 1, Known: true, Since: 4, Owner: "o", Node: "n", Epoch: 3, Subs: 2, KeyHash: "k"}).encode(nil))
	f.Add((&blobRecord{1, 2, 3, 4}).encode(nil))
	f.Add((&idRecord{N: 1, At: 2, Seq: 3, Count: 4, Known: 1}).encode(nil))
	f.Add((&idRecord{N: 1, At: 2, Seq: 3, Count: 4, Known: 1, Print: imprint{1, 11: 2}}).encode(nil))
	f.Add((&fromRecord{Number: 1, At: 2, Result: []byte("x")}).encode(nil))
	f.Add(appendTail(nil, &Outgoing{ID: "i", Topic: "t", Type: "y"}, []byte("{}")))
	f.Fuzz(func(t *testing.T, data []byte) {
		check := func(name string, ok bool, again func() []byte) {
			t.Helper()
			// Numbers may be spelled longer than need be; what is written is not.
			if ok && len(again()) > len(data) {
				t.Fatalf("%s %x is written as %x", name, data, again())
			}
		}
		var (
			m record
			d deadRecord
			n counts
			a agentRecord
			b blobRecord
			i idRecord
			r fromRecord
			x tail
		)
		check("record", m.read(data), func() []byte { return m.encode(nil) })
		check("dead letter", d.read(data), func() []byte { return d.encode(nil) })
		check("counts", n.read(data), func() []byte { return n.encode(nil) })
		check("agent", a.read(data), func() []byte { return a.encode(nil) })
		check("blob", b.read(data), func() []byte { return b.encode(nil) })
		check("id", i.read(data), func() []byte { return i.encode(nil) })
		check("answer", r.read(data), func() []byte { return r.encode(nil) })
		if x.read(data) && m.read(data) {
			_, _ = m.stored("bob", 1)
		}
		c, last := cursor{b: data}, uint64(0)
		for range 100 {
			if readAnswer(&c, &last); c.bad {
				break
			}
		}
	})
}

func TestRecordsAreReadAsWritten(t *testing.T) {
	m := record{
		Where: bodyShared, Sealed: true, Back: true, Priority: Critical, Attempts: 1, MaxAttempts: 5, Inbox: 3, Accepted: 1e12, TTL: 1000, NotBefore: 1e12,
		LeaseUntil: 1e12, Redelivery: 30_000, Charge: 400, BodySize: 300, Blob: blobID{1, 2}, Node: []byte("n"), Reason: []byte("r"), Tail: []byte("tail"),
	}
	var got record
	if !got.read(m.encode(nil)) || fmt.Sprint(got) != fmt.Sprint(m) {
		t.Fatalf("%+v", got)
	}
	a := agentRecord{Inbox: 1, Known: true, Since: 4, Owner: "o", Node: "n", Epoch: 3, Subs: 2, KeyHash: "k"}
	var b agentRecord
	if !b.read(a.encode(nil)) || a != b {
		t.Fatalf("%+v", b)
	}
	full := m.encode(nil)
	for i := range full[:len(full)-len(m.Tail)] {
		if (&record{}).read(full[:i]) {
			t.Fatal("half a record was read", i)
		}
	}
}
