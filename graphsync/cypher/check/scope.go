package check

import "slices"

// scope is the variables that are seen somewhere. Those of the outer one are seen
// too, unless one of the same name hides them.
type scope struct {
	outer *scope
	vars  map[string]typ
}

func inside(outer *scope) *scope { return &scope{outer: outer, vars: map[string]typ{}} }

func (s *scope) lookup(name string) (typ, bool) {
	for ; s != nil; s = s.outer {
		if t, ok := s.vars[name]; ok {
			return t, true
		}
	}
	return typ{}, false
}

// set gives a variable its type, where it was introduced or else here.
func (s *scope) set(name string, t typ) {
	for at := s; at != nil; at = at.outer {
		if _, ok := at.vars[name]; ok {
			at.vars[name] = t
			return
		}
	}
	s.vars[name] = t
}

// names are the variables of this scope alone, in order: what * stands for.
func (s *scope) names() []string {
	out := make([]string, 0, len(s.vars))
	for name := range s.vars {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// empty says that no variable is seen at all.
func (s *scope) empty() bool {
	for ; s != nil; s = s.outer {
		if len(s.vars) > 0 {
			return false
		}
	}
	return true
}

// size is how many variables are seen, those that are hidden included.
func (s *scope) size() int {
	n := 0
	for ; s != nil; s = s.outer {
		n += len(s.vars)
	}
	return n
}

// with is s and one more variable, inside.
func (s *scope) with(name string, t typ) *scope {
	in := inside(s)
	in.vars[name] = t
	return in
}
