package exec

import (
	"github.com/meshd/meshd/graphsync/cypher/eval"
	"github.com/meshd/meshd/graphsync/cypher/plan"
)

// condition is a compiled predicate.
type condition struct {
	pred eval.Pred
	soft bool
}

// pass says whether the row passes all conditions.
func (m *machine) pass(list []condition) (bool, error) {
	for i := range list {
		ok, err := list[i].pred(m.env, m.row)
		if err != nil {
			if list[i].soft && !fatal(err) {
				continue
			}
			return false, err
		}
		if !ok {
			return false, nil
		}
	}
	return true, nil
}

type filter struct {
	link
	m    *machine
	list []condition
}

func (f *filter) push() error {
	if ok, err := f.m.pass(f.list); !ok || err != nil {
		return err
	}
	return f.next.push()
}

func (b *builder) conditions(list []plan.Filter) ([]condition, error) {
	var out []condition
	for _, f := range list {
		pred, err := b.compiler(f.Expr).Predicate(f.Expr)
		if err != nil {
			return nil, err
		}
		out = append(out, condition{pred: pred, soft: f.Soft})
	}
	return out, nil
}
