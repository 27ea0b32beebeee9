package check

import (
	"slices"
	"testing"
)

func TestInboxes(t *testing.T) {
	send := func(label string, call int64, o Outcome) Op {
		return Op{Kind: Send, Key: label, To: []string{"box"}, Call: call, Return: call + 1, Outcome: o}
	}
	take := func(call int64, labels ...string) Op {
		return Op{Kind: Take, Key: "box", Keys: labels, Lease: 20e9, Call: call, Return: call + 1, Outcome: OK}
	}
	ack := func(call int64, o Outcome, labels ...string) Op {
		return Op{Kind: Ack, Key: "box", Keys: labels, Call: call, Return: call + 1, Outcome: o}
	}
	for _, tt := range []struct {
		name    string
		history []Op
		waiting []string
		dead    []string
		want    []string
	}{
		{"taken and done with", []Op{send("a", 1, OK), take(3, "a"), ack(5, OK, "a")}, nil, nil, nil},
		{"waiting", []Op{send("a", 1, OK)}, []string{"a"}, nil, nil},
		{"given up", []Op{send("a", 1, OK)}, nil, []string{"a"}, nil},
		{"taken again once the lease was over", []Op{send("a", 1, OK), take(3, "a"), take(25e9, "a")}, []string{"a"}, nil, nil},
		{"perhaps acknowledged", []Op{send("a", 1, OK), ack(5, Unknown, "a")}, nil, nil, nil},
		{"perhaps sent", []Op{send("a", 1, Unknown), send("b", 1, Unknown)}, []string{"b"}, nil, nil},
		{"lost", []Op{send("a", 1, OK), take(3, "a")}, nil, nil, []string{"lost"}},
		{"a refused acknowledgement", []Op{send("a", 1, OK), ack(5, Refused, "a")}, nil, nil, []string{"lost"}},
		{"there twice", []Op{send("a", 1, Unknown)}, []string{"a", "a"}, nil, []string{"duplicated"}},
		{"waiting and dead", []Op{send("a", 1, OK)}, []string{"a"}, []string{"a"}, []string{"duplicated"}},
		{"there after the acknowledgement", []Op{send("a", 1, OK), ack(5, OK, "a")}, []string{"a"}, nil, []string{"duplicated"}},
		{"taken after the acknowledgement", []Op{send("a", 1, OK), ack(5, OK, "a"), take(9, "a")}, nil, nil, []string{"duplicated"}},
		{"leased to two", []Op{send("a", 1, OK), take(3, "a"), take(4e9, "a")}, []string{"a"}, nil, []string{"duplicated"}},
		{"refused and there", []Op{send("a", 1, Refused)}, []string{"a"}, nil, []string{"foreign"}},
		{"never sent and taken", []Op{take(3, "a")}, nil, nil, []string{"foreign"}},
		{"in order", []Op{send("a", 1, OK), send("b", 3, OK), take(5, "a", "b")}, []string{"a", "b"}, nil, nil},
		{"out of order", []Op{send("a", 1, OK), send("b", 3, OK), take(5, "b", "a")}, []string{"a", "b"}, nil, []string{"order"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := kinds(Inboxes(tt.history, []Inbox{{Node: "n1", Name: "box", Waiting: tt.waiting, Dead: tt.dead}}))
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

// Of a message to two inboxes each is acknowledged for itself.
func TestInboxesAreAcknowledgedOneByOne(t *testing.T) {
	history := []Op{
		{Kind: Send, Key: "a", To: []string{"x", "y"}, Call: 1, Return: 2, Outcome: OK},
		{Kind: Ack, Key: "x", Keys: []string{"a"}, Call: 3, Return: 4, Outcome: OK},
	}
	at := func(x, y []string) []Inbox {
		return []Inbox{{Node: "n1", Name: "x", Waiting: x}, {Node: "n1", Name: "y", Waiting: y}}
	}
	if got := Inboxes(history, at(nil, []string{"a"})); len(got) > 0 {
		t.Errorf("as promised: %v", got)
	}
	if got := kinds(Inboxes(history, at(nil, nil))); !slices.Equal(got, []string{"lost"}) {
		t.Errorf("gone from the other: %v", got)
	}
}
