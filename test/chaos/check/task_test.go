package check

import (
	"slices"
	"testing"
)

func TestTasks(t *testing.T) {
	op := func(kind Kind, o Outcome) Op { return Op{Kind: kind, Key: "a", Call: 1, Return: 2, Outcome: o} }
	for _, tt := range []struct {
		name    string
		history []Op
		there   []string
		want    []string
	}{
		{"under way", []Op{op(Task, OK)}, []string{"working"}, nil},
		{"perhaps asked for", []Op{op(Task, Unknown)}, nil, nil},
		{"completed", []Op{op(Task, OK), op(Report, OK)}, []string{"completed"}, nil},
		{"perhaps completed", []Op{op(Task, OK), op(Report, Unknown)}, []string{"working"}, nil},
		{"lost", []Op{op(Task, OK)}, nil, []string{"lost"}},
		{"there twice", []Op{op(Task, Unknown)}, []string{"working", "submitted"}, []string{"duplicated"}},
		{"completed and failed", []Op{op(Task, OK), op(Report, OK)}, []string{"failed"}, []string{"lost"}},
		{"completed by nobody", []Op{op(Task, OK), op(Report, Refused)}, []string{"completed"}, []string{"foreign"}},
		{"refused and there", []Op{op(Task, Refused)}, []string{"submitted"}, []string{"foreign"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := TaskList{Node: "n1", States: map[string][]string{}}
			if tt.there != nil {
				l.States["a"] = tt.there
			}
			if got := kinds(Tasks(tt.history, []TaskList{l})); !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
