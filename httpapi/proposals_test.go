package httpapi

import (
	"math"
	"testing"

	"github.com/meshd/meshd/node/proposal"
)

// A share that was asked for as a fraction is reached by just as many votes: two
// of three did not reach a quorum of two thirds.
func TestTwoThirdsAreTwoOfThree(t *testing.T) {
	for n := int64(1); n <= proposal.MaxElectors; n++ {
		for k := int64(1); k <= n; k++ {
			m := millionths(float64(k) / float64(n))
			if k*proposal.Million < m*n || (k-1)*proposal.Million >= m*n {
				t.Fatalf("%d/%d became %d millionths", k, n, m)
			}
		}
	}
	for m := int64(1); m <= proposal.Million; m++ {
		if got := millionths(float64(m) / proposal.Million); got != m {
			t.Fatalf("%d millionths became %d", m, got)
		}
	}
	for _, none := range []float64{0, -1, 1e-7, 1.0000001, math.NaN(), math.Inf(1)} {
		if got := millionths(none); got != 0 {
			t.Errorf("%g is %d millionths", none, got)
		}
	}
}
