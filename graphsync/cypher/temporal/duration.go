package temporal

import (
	"fmt"
	"math"
	"math/big"
	"strconv"
)

// secondsPerMonth is a twelfth of 365.2425 days.
const secondsPerMonth = 2_629_746

// NewDuration takes any numbers; nanos turn into seconds. The whole, taking a month
// for 30.436875 days, must fit 64 bits in seconds.
func NewDuration(months, days, seconds, nanos int64) (Duration, error) {
	seconds, ok := add(seconds, floorDiv(nanos, nanosPerSecond))
	d := Duration{months, days, seconds, int32(floorMod(nanos, nanosPerSecond))}
	if ok {
		_, ok = d.length()
	}
	if !ok {
		return Duration{}, errLength
	}
	return d, nil
}

// length is the average length in seconds, without the nanoseconds.
func (d Duration) length() (int64, bool) {
	m, ok1 := mul(d.Months, secondsPerMonth)
	n, ok2 := mul(d.Days, secondsPerDay)
	sum, ok3 := add(m, n)
	sum, ok4 := add(sum, d.Seconds)
	return sum, ok1 && ok2 && ok3 && ok4
}

func (d Duration) average() int64 {
	n, _ := d.length()
	return n
}

// Plus adds each part.
func (d Duration) Plus(e Duration) (Duration, error) {
	months, ok1 := add(d.Months, e.Months)
	days, ok2 := add(d.Days, e.Days)
	seconds, ok3 := add(d.Seconds, e.Seconds)
	if !ok1 || !ok2 || !ok3 {
		return Duration{}, errLength
	}
	return NewDuration(months, days, seconds, int64(d.Nanos)+int64(e.Nanos))
}

// Minus subtracts each part.
func (d Duration) Minus(e Duration) (Duration, error) {
	n, err := e.Negate()
	if err != nil {
		return Duration{}, err
	}
	return d.Plus(n)
}

// Negate turns the sign of each part.
func (d Duration) Negate() (Duration, error) { return d.Times(-1) }

// Times multiplies each part.
func (d Duration) Times(n int64) (Duration, error) {
	months, ok1 := mul(d.Months, n)
	days, ok2 := mul(d.Days, n)
	hi := new(big.Int).Mul(d.nanos(), big.NewInt(n))
	seconds, nanos := new(big.Int).DivMod(hi, big.NewInt(nanosPerSecond), new(big.Int))
	if !ok1 || !ok2 || !seconds.IsInt64() {
		return Duration{}, errLength
	}
	return NewDuration(months, days, seconds.Int64(), nanos.Int64())
}

// TimesFloat multiplies each part; what remains of a month or a day goes on to days
// and seconds.
func (d Duration) TimesFloat(f float64) (Duration, error) {
	r, err := rational(f)
	if err != nil {
		return Duration{}, err
	}
	return d.scale(r)
}

// Over divides each part as TimesFloat multiplies it.
func (d Duration) Over(n int64) (Duration, error) {
	if n == 0 {
		return Duration{}, ErrDivision
	}
	return d.scale(new(big.Rat).SetFrac(big.NewInt(1), big.NewInt(n)))
}

// OverFloat divides each part as TimesFloat multiplies it.
func (d Duration) OverFloat(f float64) (Duration, error) {
	if f == 0 {
		return Duration{}, ErrDivision
	}
	if math.IsInf(f, 0) {
		return Duration{}, nil
	}
	r, err := rational(f)
	if err != nil {
		return Duration{}, err
	}
	return d.scale(r.Inv(r))
}

// nanos are the seconds and nanoseconds together.
func (d Duration) nanos() *big.Int {
	n := new(big.Int).Mul(big.NewInt(d.Seconds), big.NewInt(nanosPerSecond))
	return n.Add(n, big.NewInt(int64(d.Nanos)))
}

func (d Duration) scale(r *big.Rat) (Duration, error) {
	return carry(
		new(big.Rat).Mul(new(big.Rat).SetInt64(d.Months), r),
		new(big.Rat).Mul(new(big.Rat).SetInt64(d.Days), r),
		new(big.Rat).Mul(new(big.Rat).SetInt(d.nanos()), r))
}

// carry makes a duration of fractions: that of a month counts as days at 30.436875
// each month, that of a day as time at 24 hours, that of a nanosecond is lost. It is
// exact, so that a tenth ten times is one.
func carry(months, days, nanos *big.Rat) (Duration, error) {
	whole, rest := split(months)
	days = new(big.Rat).Add(days, rest.Mul(rest, big.NewRat(secondsPerMonth, secondsPerDay)))
	wholeDays, rest := split(days)
	nanos = new(big.Rat).Add(nanos, rest.Mul(rest, big.NewRat(nanosPerDay, 1)))
	wholeNanos, _ := split(nanos)
	seconds, subsecond := new(big.Int).DivMod(wholeNanos, big.NewInt(nanosPerSecond), new(big.Int))
	if !whole.IsInt64() || !wholeDays.IsInt64() || !seconds.IsInt64() {
		return Duration{}, errLength
	}
	return NewDuration(whole.Int64(), wholeDays.Int64(), seconds.Int64(), subsecond.Int64())
}

// split gives the whole part, towards zero, and what remains of it.
func split(r *big.Rat) (whole *big.Int, rest *big.Rat) {
	whole = new(big.Int).Quo(r.Num(), r.Denom())
	return whole, new(big.Rat).Sub(r, new(big.Rat).SetInt(whole))
}

// rational is the number that f is written as: 0.1 is a tenth.
func rational(f float64) (*big.Rat, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, fmt.Errorf("%v is no length of a duration", f)
	}
	r, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	return r, nil
}
