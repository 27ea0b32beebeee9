package function

import (
	"math"
	"strconv"
	"strings"

	"github.com/meshd/meshd/graphsync/cypher/fault"
	"github.com/meshd/meshd/graphsync/cypher/value"
)

// round is to the nearest whole number, of two the greater one. With a number of
// decimals it rounds the decimal notation, halves away from zero if no mode says
// otherwise.
func round(c call) (value.Value, error) {
	x := number(c.args[0])
	if len(c.args) == 1 {
		below := math.Floor(x)
		if x-below >= 0.5 {
			below++
		}
		return value.Float(below), nil
	}
	decimals, err := c.length(1)
	if err != nil {
		return value.Null, err
	}
	mode := "HALF_UP"
	if len(c.args) > 2 {
		mode = strings.ToUpper(c.args[2].AsString())
	}
	up, ok := roundingModes[mode]
	if !ok {
		return value.Null, fault.Run(c.pos, fault.Argument, "InvalidArgumentValue", "round() knows no mode %q", c.args[2].AsString())
	}
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return value.Float(x), nil
	}
	return value.Float(roundDecimal(x, decimals, up)), nil
}

// rest is what rounding cuts off, beside one half.
type rest int

const (
	nothing rest = iota
	lessThanHalf
	half
	moreThanHalf
)

// roundingModes say whether to go away from zero.
var roundingModes = map[string]func(negative, odd bool, r rest) bool{
	"UP":        func(_, _ bool, r rest) bool { return r != nothing },
	"DOWN":      func(_, _ bool, _ rest) bool { return false },
	"CEILING":   func(negative, _ bool, r rest) bool { return r != nothing && !negative },
	"FLOOR":     func(negative, _ bool, r rest) bool { return r != nothing && negative },
	"HALF_UP":   func(_, _ bool, r rest) bool { return r >= half },
	"HALF_DOWN": func(_, _ bool, r rest) bool { return r > half },
	"HALF_EVEN": func(_, odd bool, r rest) bool { return r > half || r == half && odd },
}

// roundDecimal rounds the shortest decimal notation of x, as one who reads it
// expects: 1.255 has 1.26 as its nearest, though the float is a little less.
func roundDecimal(x float64, decimals int, up func(negative, odd bool, r rest) bool) float64 {
	text := strconv.FormatFloat(math.Abs(x), 'f', -1, 64)
	point := strings.IndexByte(text, '.')
	if point < 0 || len(text)-point-1 <= decimals {
		return x
	}
	kept, cut := text[:point+1+decimals], text[point+1+decimals:]
	r := lessThanHalf
	switch zeros := strings.TrimRight(cut, "0"); {
	case zeros == "":
		r = nothing
	case zeros == "5":
		r = half
	case cut[0] >= '5':
		r = moreThanHalf
	}
	digits := []byte(strings.TrimSuffix(kept, "."))
	odd := (digits[len(digits)-1]-'0')%2 == 1
	if up(x < 0, odd, r) {
		digits = increment(digits)
	}
	f, err := strconv.ParseFloat(string(digits), 64)
	if err != nil {
		panic(err) // they are digits
	}
	return math.Copysign(f, x)
}

// increment adds one to the last digit.
func increment(digits []byte) []byte {
	for i := len(digits) - 1; i >= 0; i-- {
		switch digits[i] {
		case '.':
		case '9':
			digits[i] = '0'
		default:
			digits[i]++
			return digits
		}
	}
	return append([]byte{'1'}, digits...)
}
