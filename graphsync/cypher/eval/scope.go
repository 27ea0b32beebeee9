package eval

import "sort"

// Scope maps the names of variables to slots of a row. All scopes that come from
// one NewScope share one frame: a slot is never given twice, so that a row fits
// all of them.
type Scope struct {
	parent *Scope
	slots  map[string]int
	frame  *int
}

// NewScope is the empty scope of a new frame.
func NewScope() *Scope { return &Scope{slots: map[string]int{}, frame: new(int)} }

// Bind gives a name a slot of its own, hiding what had that name.
func (s *Scope) Bind(name string) int {
	slot := s.Slot()
	s.slots[name] = slot
	return slot
}

// BindTo gives a name a slot that there is already.
func (s *Scope) BindTo(name string, slot int) { s.slots[name] = slot }

// Slot is a slot without a name.
func (s *Scope) Slot() int {
	*s.frame++
	return *s.frame - 1
}

// Lookup finds the slot of a name, here or around.
func (s *Scope) Lookup(name string) (slot int, ok bool) {
	for ; s != nil; s = s.parent {
		if slot, ok := s.slots[name]; ok {
			return slot, true
		}
	}
	return 0, false
}

// Child is a scope inside of this one, as that of a comprehension.
func (s *Scope) Child() *Scope {
	return &Scope{parent: s, slots: map[string]int{}, frame: s.frame}
}

// Names are the names that can be seen, in order.
func (s *Scope) Names() []string {
	seen := map[string]bool{}
	var names []string
	for ; s != nil; s = s.parent {
		for name := range s.slots {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	sort.Strings(names)
	return names
}

// Size is how many slots a row of this frame must have. It grows with the
// compiling of expressions: make rows when that is done.
func (s *Scope) Size() int { return *s.frame }
