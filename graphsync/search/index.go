package search

import (
	"strings"
	"sync"
)

// Index holds the documents of many namespaces. Queries may run at any time
// beside each other and beside one writer; they see whole batches. Writers of
// one namespace take turns.
type Index struct {
	fold   func(string) string
	mu     sync.RWMutex
	spaces map[string]*space
}

// New returns an empty index. Texts that are looked for as parts of others are
// compared after fold; nil only lowers their case.
func New(fold func(string) string) *Index {
	if fold == nil {
		fold = strings.ToLower
	}
	return &Index{fold: fold, spaces: map[string]*space{}}
}

func (x *Index) space(namespace string) *space {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.spaces[namespace]
}

// Apply changes documents of a namespace, in the order given. The texts may be
// reused when it returns.
func (x *Index) Apply(namespace string, changes []Change) {
	if len(changes) == 0 {
		return
	}
	s := x.space(namespace)
	if s == nil {
		x.mu.Lock()
		if s = x.spaces[namespace]; s == nil {
			s = newSpace(x.fold)
			x.spaces[namespace] = s
		}
		x.mu.Unlock()
	}
	s.apply(changes)
}

// Compact does one merge that is too large to be part of a write, and says
// whether there may be more to do. It may run beside everything else; a caller
// who never calls it gets slower queries in time.
func (x *Index) Compact() bool {
	x.mu.RLock()
	all := make([]*space, 0, len(x.spaces))
	for _, s := range x.spaces {
		all = append(all, s)
	}
	x.mu.RUnlock()
	for _, s := range all {
		if s.compact() {
			return true
		}
	}
	return false
}

// Stats counts what an index holds.
type Stats struct {
	Namespaces int   `json:"namespaces"`
	Documents  int   `json:"documents"`
	Segments   int   `json:"segments"`
	Bytes      int64 `json:"bytes" doc:"about what they take in memory"`
}

// Stats counts over all namespaces.
func (x *Index) Stats() Stats {
	x.mu.RLock()
	defer x.mu.RUnlock()
	st := Stats{Namespaces: len(x.spaces)}
	for _, s := range x.spaces {
		snap := s.snap.Load()
		st.Documents += snap.docs
		st.Segments += len(snap.segs)
		for i := range snap.segs {
			st.Bytes += int64(snap.segs[i].bytes())
		}
		for _, v := range snap.vectors {
			st.Bytes += v.bytes()
		}
	}
	return st
}
