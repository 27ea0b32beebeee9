package search

// fuseK is the constant of reciprocal rank fusion (Cormack, Clarke and Büttcher
// 2009).
const fuseK = 60

// Fuse makes one ranking of several by the sum of 1/(60+rank): what is good in
// two of them comes before what is best in one. It returns the k best.
func Fuse(k int, rankings ...[]Hit) []Hit {
	sums := map[uint64]float32{}
	for _, r := range rankings {
		for i, h := range r {
			sums[h.ID] += 1 / float32(fuseK+i+1)
		}
	}
	out := &top{k: k}
	if k <= 0 {
		return nil
	}
	for id, s := range sums {
		out.offer(Hit{id, s})
	}
	return out.sorted()
}
