package cursor

import (
	"bytes"
	"testing"
)

func TestDamagedCursorsAreRefused(t *testing.T) {
	for _, place := range [][]byte{nil, {0}, []byte("place in a list"), bytes.Repeat([]byte{0xff}, 1040)} {
		c := Seal("l", place)
		if got, ok := Open("l", c); !ok || !bytes.Equal(got, place) {
			t.Fatalf("%q: %q %v", c, got, ok)
		}
		if _, ok := Open("m", c); ok {
			t.Errorf("%q is taken for that of another list", c)
		}
		for i := range len(c) {
			if _, ok := Open("l", c[:i]); ok {
				t.Errorf("%q is taken without its end", c[:i])
			}
			if _, ok := Open("l", c[:i]+c[i+1:]); ok {
				t.Errorf("%q is taken without its character %d", c, i)
			}
			for _, other := range []byte("A_9-z=") {
				bad := []byte(c)
				if bad[i] == other {
					continue
				}
				bad[i] = other
				if _, ok := Open("l", string(bad)); ok {
					t.Errorf("%q is taken for %q", bad, c)
				}
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	f.Add("l", Seal("l", []byte("x")))
	f.Add("", "====")
	f.Fuzz(func(t *testing.T, list, c string) {
		if place, ok := Open(list, c); ok && Seal(list, place) != c {
			t.Errorf("%q has another spelling", c)
		}
	})
}
