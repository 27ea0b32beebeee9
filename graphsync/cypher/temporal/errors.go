package temporal

import "errors"

// ErrOverflow is wrapped by what is out of the range of years, or of a duration's
// numbers. All other errors say that a text or a component is not valid.
var ErrOverflow = errors.New("out of range")

// ErrNoField says that a value has no component of that name.
var ErrNoField = errors.New("no such component")

// ErrDivision says that a duration is divided by zero.
var ErrDivision = errors.New("division of a duration by zero")

// wrapped is an error of a kind, told in its own words.
type wrapped struct {
	kind error
	text string
}

func (e *wrapped) Error() string { return e.text }
func (e *wrapped) Unwrap() error { return e.kind }

func overflow(text string) error { return &wrapped{ErrOverflow, text} }

var errYears = overflow("the year would be out of ±999999999")

var errLength = overflow("the duration would be too long")

// add and mul are exact, or not ok.
func add(a, b int64) (int64, bool) {
	c := a + b
	return c, (c > a) == (b > 0)
}

func mul(a, b int64) (int64, bool) {
	if a == 0 || b == 0 {
		return 0, true
	}
	c := a * b
	// The smallest number times -1 is itself again.
	return c, c/b == a && (a != -1 || b != -1<<63) && (b != -1 || a != -1<<63)
}
