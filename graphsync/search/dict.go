package search

import (
	"sort"
	"strings"
)

// dict is a sorted list of strings in one allocation.
type dict struct {
	blob string
	offs []uint32 // one more than there are terms
}

func (d *dict) len() int { return max(0, len(d.offs)-1) }

func (d *dict) at(i int) string { return d.blob[d.offs[i]:d.offs[i+1]] }

// seek returns the first term that is not less than t.
func (d *dict) seek(t string) int {
	return sort.Search(d.len(), func(i int) bool { return d.at(i) >= t })
}

func (d *dict) find(t string) (int, bool) {
	i := d.seek(t)
	return i, i < d.len() && d.at(i) == t
}

// span returns the terms that begin with a prefix as [from, to).
func (d *dict) span(prefix string) (from, to int) {
	from = d.seek(prefix)
	n := sort.Search(d.len()-from, func(i int) bool { return !strings.HasPrefix(d.at(from+i), prefix) })
	return from, from + n
}

// stemTable finds the terms of a dictionary by their stem in one language.
type stemTable struct {
	hashes []uint32 // ascending
	terms  []uint32 // beside hashes
}

func hashOf(s string) uint32 { // FNV-1a
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

// newStemTable lists the terms that are not their own stem: those that are, the
// dictionary itself finds.
func newStemTable(d *dict, l *language) *stemTable {
	t := &stemTable{}
	s := l.stemmer()
	for i := range d.len() {
		term := d.at(i)
		if stem := s.of(term); stem != term {
			t.hashes = append(t.hashes, hashOf(stem))
			t.terms = append(t.terms, uint32(i))
		}
	}
	sort.Sort(t)
	return t
}

func (t *stemTable) Len() int { return len(t.hashes) }
func (t *stemTable) Less(i, j int) bool {
	return t.hashes[i] < t.hashes[j] || t.hashes[i] == t.hashes[j] && t.terms[i] < t.terms[j]
}
func (t *stemTable) Swap(i, j int) {
	t.hashes[i], t.hashes[j] = t.hashes[j], t.hashes[i]
	t.terms[i], t.terms[j] = t.terms[j], t.terms[i]
}

// find appends the terms that have a stem, which s confirms.
func (t *stemTable) find(d *dict, s *stemmer, stem string, out []uint32, limit int) []uint32 {
	h := hashOf(stem)
	for i := sort.Search(len(t.hashes), func(i int) bool { return t.hashes[i] >= h }); i < len(t.hashes) && t.hashes[i] == h && len(out) < limit; i++ {
		if s.of(d.at(int(t.terms[i]))) == stem {
			out = append(out, t.terms[i])
		}
	}
	return out
}
