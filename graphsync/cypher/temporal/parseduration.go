package temporal

import (
	"math/big"
	"strconv"
	"strings"
)

// ParseDuration takes units, as P1Y2M3W4DT5H6M7.5S, where each may have a sign, the
// last a fraction, and the whole a sign before P; or the form of a date and a time, as
// P2012-02-02T14:37:21.545.
func ParseDuration(s string) (Duration, error) {
	p := scanner{text: s}
	if len(s) > maxText {
		return Duration{}, notA("duration", s)
	}
	sign, signed := p.sign()
	if !p.skip('P') {
		return Duration{}, notA("duration", s)
	}
	if !signed {
		dated := p
		if d, ok := dated.datedDuration(); ok {
			return d, nil
		}
	}
	var sum amounts
	if !p.units(&sum) {
		return Duration{}, notA("duration", s)
	}
	d, err := sum.duration()
	if err != nil || sign > 0 {
		return d, err
	}
	return d.Negate()
}

// units takes all units that follow P.
func (p *scanner) units(sum *amounts) bool {
	const dates, times = "YMWD", "HMS"
	letters, inTime, last := dates, false, false
	for !p.end() {
		if last {
			return false // a fraction was not the last
		}
		if !inTime && p.skip('T') {
			letters, inTime = times, true
			if p.end() {
				return false
			}
		}
		from := p.at
		p.sign()
		n := p.run()
		if n == 0 || n > 19 {
			return false
		}
		p.at += n
		number, fraction := p.text[from:p.at], ""
		if p.skip('.') || p.skip(',') {
			m := p.run()
			if m == 0 || m > 18 {
				return false
			}
			fraction, last = p.text[p.at:p.at+m], true
			p.at += m
		}
		i := strings.IndexByte(letters, p.peek())
		if i < 0 || p.end() {
			return false
		}
		sum.text(unitOf(letters[i], inTime), number, fraction)
		letters = letters[i+1:]
		p.at++
	}
	return sum.given
}

func unitOf(letter byte, inTime bool) unit {
	switch letter {
	case 'Y':
		return unitYears
	case 'W':
		return unitWeeks
	case 'D':
		return unitDays
	case 'H':
		return unitHours
	case 'S':
		return unitSeconds
	}
	if inTime {
		return unitMinutes
	}
	return unitMonths
}

// datedDuration takes YYYY-MM-DD or YYYYMMDD, T and a time, or one of them. None may
// be past what a calendar and a clock show.
func (p *scanner) datedDuration() (Duration, bool) {
	var year, month, day int64
	given := false
	if p.run() >= 4 {
		given = true
		year, _ = p.digits(4)
		dash := p.skip('-')
		var ok bool
		if month, ok = p.digits(2); !ok || dash && !p.skip('-') {
			return Duration{}, false
		}
		if day, ok = p.digits(2); !ok || month > 12 || day > 31 {
			return Duration{}, false
		}
	}
	var t LocalTime
	if p.skip('T') {
		given = true
		var ok bool
		if t, ok = p.clock(); !ok {
			return Duration{}, false
		}
	}
	return Duration{
		Months: year*12 + month, Days: day,
		Seconds: t.Nanos / nanosPerSecond, Nanos: int32(t.Nanos % nanosPerSecond),
	}, given && p.end()
}

// unit is one of a duration's.
type unit uint8

const (
	unitYears unit = iota
	unitQuarters
	unitMonths
	unitWeeks
	unitDays
	unitHours
	unitMinutes
	unitSeconds
	unitMilliseconds
	unitMicroseconds
	unitNanoseconds
)

// amounts adds up what a duration is made of. Whole numbers stay numbers; the first
// fraction makes all of them rational.
type amounts struct {
	months, days, seconds, nanos int64
	over, given                  bool
	rest                         *[3]big.Rat // of months, days, nanoseconds
}

// whole adds n units.
func (a *amounts) whole(u unit, n int64) {
	a.given = true
	plus := func(to *int64, n, factor int64) {
		product, ok1 := mul(n, factor)
		sum, ok2 := add(*to, product)
		a.over = a.over || !ok1 || !ok2
		*to = sum
	}
	small := func(perSecond int64) {
		plus(&a.seconds, n/perSecond, 1)
		plus(&a.nanos, n%perSecond, nanosPerSecond/perSecond)
	}
	switch u {
	case unitYears:
		plus(&a.months, n, 12)
	case unitQuarters:
		plus(&a.months, n, 3)
	case unitMonths:
		plus(&a.months, n, 1)
	case unitWeeks:
		plus(&a.days, n, 7)
	case unitDays:
		plus(&a.days, n, 1)
	case unitHours:
		plus(&a.seconds, n, 3600)
	case unitMinutes:
		plus(&a.seconds, n, 60)
	case unitSeconds:
		plus(&a.seconds, n, 1)
	case unitMilliseconds:
		small(1_000)
	case unitMicroseconds:
		small(1_000_000)
	case unitNanoseconds:
		small(nanosPerSecond)
	}
}

// text adds as many units as are written in digits, with a sign or without.
func (a *amounts) text(u unit, number, fraction string) {
	n, err := strconv.ParseInt(number, 10, 64)
	switch {
	case err != nil:
		a.over = true
	case fraction == "":
		a.whole(u, n)
	case u == unitSeconds && len(fraction) <= 9:
		// What nearly all texts have needs no rational number.
		nanos, _ := strconv.ParseInt((fraction + "00000000")[:9], 10, 64)
		if number[0] == '-' {
			nanos = -nanos
		}
		a.whole(u, n)
		a.whole(unitNanoseconds, nanos)
	default:
		r, _ := new(big.Rat).SetString(number + "." + fraction)
		a.rational(u, r)
	}
	a.given = true
}

// rational adds r units.
func (a *amounts) rational(u unit, r *big.Rat) {
	a.given = true
	if r.IsInt() && r.Num().IsInt64() {
		a.whole(u, r.Num().Int64())
		return
	}
	if a.rest == nil {
		a.rest = new([3]big.Rat)
	}
	group, num, denom := 2, int64(nanosPerSecond), int64(1)
	switch u {
	case unitYears:
		group, num = 0, 12
	case unitQuarters:
		group, num = 0, 3
	case unitMonths:
		group, num = 0, 1
	case unitWeeks:
		group, num = 1, 7
	case unitDays:
		group, num = 1, 1
	case unitHours:
		num = 3600 * nanosPerSecond
	case unitMinutes:
		num = 60 * nanosPerSecond
	case unitMilliseconds:
		denom = 1_000
	case unitMicroseconds:
		denom = 1_000_000
	case unitNanoseconds:
		denom = nanosPerSecond
	}
	to := &a.rest[group]
	to.Add(to, new(big.Rat).Mul(r, big.NewRat(num, denom)))
}

func (a *amounts) duration() (Duration, error) {
	if a.over {
		return Duration{}, errLength
	}
	if a.rest == nil {
		return NewDuration(a.months, a.days, a.seconds, a.nanos)
	}
	nanos := Duration{Seconds: a.seconds}.nanos()
	nanos.Add(nanos, big.NewInt(a.nanos))
	return carry(
		a.rest[0].Add(&a.rest[0], new(big.Rat).SetInt64(a.months)),
		a.rest[1].Add(&a.rest[1], new(big.Rat).SetInt64(a.days)),
		a.rest[2].Add(&a.rest[2], new(big.Rat).SetInt(nanos)))
}
