package graphsync

import (
	"bytes"
	"slices"
)

// Bounds of one search for duplicates: the labels it reads, in order, of which
// those of the first half are compared with what follows where there are more;
// those it looks at for their type; the runs of letters in them; the comparisons of names; and the nodes that
// share a rare run of letters.
const (
	duplicateWindow = 10_000
	duplicateScan   = 50_000
	duplicateGrams  = 400_000
	duplicateWork   = 300_000
	rareGrams       = 5
	commonGram      = 64
)

// likePair are two nodes that may be one, by index in the window.
type likePair struct {
	a, b  int
	score float64
	why   string
}

// window reads the names that follow a key of tName; full says that it ends for
// its size, cut is the last key where it ends for having looked at too many.
func (v *view) window(ns nsID, from []byte, only symbol) (list []likeness, full bool, cut []byte, err error) {
	end := after(appendSymbol(nil, ns))
	size, scanned := 0, 0
	for k := range v.r.Scan(tName, from, end) {
		if len(k) < minNameKey {
			return nil, false, nil, errRecord
		}
		if len(list) == duplicateWindow || size > duplicateGrams {
			return list, true, nil, nil
		}
		if scanned++; scanned > duplicateScan {
			return list, false, cut, nil
		}
		cut = append(cut[:0], k...)
		id := readID(k[len(k)-5:])
		n, ok, err := v.seeNode(ns, id)
		if err != nil {
			return nil, false, nil, err
		}
		if !ok || only != 0 && n.Type != only {
			continue
		}
		l := newLikeness(id, bytes.Clone(k), &n)
		for _, grams := range l.grams {
			size += len(grams)
		}
		list = append(list, l)
	}
	return list, false, nil, nil
}

// pairsIn compares the nodes of a window, each with those behind it, until it
// has limit pairs or has worked enough. done is how many it has compared with
// all that follow.
func pairsIn(list []likeness, more bool, minScore float64, limit int) (pairs []likePair, done int) {
	index := map[uint64][]int32{}
	for i := range list {
		for _, grams := range list[i].grams {
			for _, g := range grams {
				if at := index[g]; len(at) == 0 || at[len(at)-1] != int32(i) {
					index[g] = append(at, int32(i))
				}
			}
		}
	}
	last := len(list)
	if more {
		last = len(list) / 2
	}
	work := 0
	var candidates []int32
	for i := range last {
		if work > duplicateWork || len(pairs) >= limit {
			return pairs, i
		}
		candidates = candidatesOf(list, index, i, candidates[:0])
		for _, j := range candidates {
			work++
			if list[j].typ != list[i].typ {
				continue
			}
			work += len(list[i].names) * len(list[j].names)
			if score, why := list[i].like(&list[j]); score >= minScore {
				pairs = append(pairs, likePair{i, int(j), score, why})
			}
		}
	}
	return pairs, last
}

// candidatesOf lists the nodes behind one that share its label or one of its
// rarest runs of letters. Labels are in order, so that equal ones are next.
func candidatesOf(list []likeness, index map[uint64][]int32, i int, out []int32) []int32 {
	for j := i + 1; j < len(list) && j <= i+commonGram && list[j].label == list[i].label; j++ {
		out = append(out, int32(j))
	}
	for _, grams := range list[i].grams {
		byRarity := slices.Clone(grams)
		slices.SortFunc(byRarity, func(a, b uint64) int {
			if d := len(index[a]) - len(index[b]); d != 0 {
				return d
			}
			if a < b {
				return -1
			}
			return 1
		})
		taken := 0
		for _, g := range byRarity {
			at := index[g]
			if len(at) < 2 {
				continue
			}
			if len(at) > commonGram && taken > 0 || taken == rareGrams {
				break
			}
			taken++
			from, _ := slices.BinarySearch(at, int32(i+1))
			out = append(out, at[from:min(len(at), from+commonGram)]...)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
