package temporal

import "fmt"

// maxText is how long a text of a date, a time or a duration may be in bytes.
const maxText = 256

func notA(kind, text string) error { return fmt.Errorf("%s is no %s", quote(text), kind) }

// ParseDate takes the forms of ISO 8601, with dashes or without, and shortened from
// the right: 2015-07-21, 2015-W30-2, 2015-Q3-21, 2015-202, 20150721, 2015W302,
// 2015Q321, 2015202, 2015-07, 2015. A year with a sign has up to nine digits, and
// then a dash, W or Q behind it.
func ParseDate(s string) (Date, error) {
	p := scanner{text: s}
	if len(s) <= maxText {
		if d, ok := p.date(); ok && p.end() {
			return d, nil
		}
	}
	return Date{}, notA("date", s)
}

// ParseLocalTime takes 21:40:32.142, 214032.142, and both shortened down to 21. The
// fraction has up to nine digits behind a point or a comma. A T may come before.
func ParseLocalTime(s string) (LocalTime, error) {
	p := scanner{text: s}
	if len(s) <= maxText {
		p.skip('T')
		if t, ok := p.clock(); ok && p.end() {
			return t, nil
		}
	}
	return LocalTime{}, notA("local time", s)
}

// ParseTime takes a local time and an offset, which is UTC if there is none.
func ParseTime(s string) (Time, error) {
	p := scanner{text: s}
	if len(s) <= maxText {
		p.skip('T')
		if t, ok := p.clock(); ok {
			if offset, ok := p.zoneOffset(); ok && p.end() {
				return Time{t.Nanos, offset}, nil
			}
		}
	}
	return Time{}, notA("time", s)
}

// ParseLocalDateTime takes a date, or a date and a time with T between.
func ParseLocalDateTime(s string) (LocalDateTime, error) {
	p := scanner{text: s}
	if len(s) <= maxText {
		if d, ok := p.date(); ok {
			if t, ok := p.timeBehind(); ok && p.end() {
				return d.at(t), nil
			}
		}
	}
	return LocalDateTime{}, notA("local date and time", s)
}

// ParseDateTime takes what ParseLocalDateTime does, then an offset, the name of a
// region in brackets, or both where they agree: 2015-07-21T21:40:32+02:00,
// 2015-07-21T21:40[Europe/Stockholm]. It is UTC if there is neither.
func ParseDateTime(s string) (DateTime, error) {
	p := scanner{text: s}
	if len(s) > maxText {
		return DateTime{}, notA("date and time", s)
	}
	d, ok := p.date()
	if !ok {
		return DateTime{}, notA("date and time", s)
	}
	t, ok := p.timeBehind()
	if !ok {
		return DateTime{}, notA("date and time", s)
	}
	given := p.peek() == '+' || p.peek() == '-' || p.peek() == 'Z'
	offset, ok := p.zoneOffset()
	if !ok {
		return DateTime{}, notA("date and time", s)
	}
	zone := Zone{offset: offset}
	if rest := s[p.at:]; len(rest) > 2 && rest[0] == '[' && rest[len(rest)-1] == ']' {
		z, err := ParseZone(rest[1 : len(rest)-1])
		if err != nil {
			return DateTime{}, err
		}
		zone = z
	} else if !p.end() {
		return DateTime{}, notA("date and time", s)
	}
	local := d.at(t)
	at, err := zone.resolve(local, offset, given)
	if err != nil {
		return DateTime{}, err
	}
	if given && at.Offset != offset {
		return DateTime{}, fmt.Errorf("%s: at this time the offset of %s is %s", quote(s), zone, OffsetZone(at.Offset))
	}
	return at, nil
}

// zoneOffset takes Z or an offset, or nothing for UTC.
func (p *scanner) zoneOffset() (int32, bool) {
	switch p.peek() {
	case 'Z':
		p.at++
		return 0, true
	case '+', '-':
		return p.offset()
	}
	return 0, true
}

// timeBehind takes T and a time, or nothing for midnight.
func (p *scanner) timeBehind() (LocalTime, bool) {
	if !p.skip('T') {
		return LocalTime{}, true
	}
	return p.clock()
}

func (p *scanner) clock() (LocalTime, bool) {
	part := [3]int64{}
	colon := false
	for i, limit := range []int64{23, 59, 59} {
		if i == 1 {
			colon = p.peek() == ':'
		}
		if i > 0 && (colon && !p.skip(':') || !colon && p.run() == 0) {
			return clockOf(part[0], part[1], part[2], 0), true
		}
		n, ok := p.digits(2)
		if !ok || n > limit {
			return LocalTime{}, false
		}
		part[i] = n
	}
	nanos, ok := p.fraction()
	return clockOf(part[0], part[1], part[2], nanos), ok
}

func clockOf(hour, minute, second, nanos int64) LocalTime {
	return LocalTime{(hour*3600+minute*60+second)*nanosPerSecond + nanos}
}

func (p *scanner) date() (Date, bool) {
	sign, signed := p.sign()
	width := 4
	if signed {
		if width = p.run(); width < 1 || width > 9 {
			return Date{}, false
		}
	}
	year, ok := p.digits(width)
	if !ok {
		return Date{}, false
	}
	year *= sign
	dash := p.skip('-')
	switch c := p.peek(); {
	case c == 'W':
		p.at++
		return p.weekDate(year, dash)
	case c == 'Q':
		p.at++
		return p.quarterDate(year, dash)
	case dash:
		return p.dashed(year)
	}
	return p.compact(year)
}

// behind takes digits that are the last part of a date, with a dash before them if
// the form has dashes. There may be none: then it is 1.
func (p *scanner) behind(n int, dash bool) (int64, bool) {
	if dash {
		if p.peek() != '-' {
			return 1, true
		}
		p.at++
	} else if p.run() == 0 {
		return 1, true
	}
	return p.digits(n)
}

func (p *scanner) weekDate(year int64, dash bool) (Date, bool) {
	week, ok := p.digits(2)
	if !ok {
		return Date{}, false
	}
	day, ok := p.behind(1, dash)
	if !ok {
		return Date{}, false
	}
	d, err := weekDate(year, week, day)
	return d, err == nil
}

func (p *scanner) quarterDate(year int64, dash bool) (Date, bool) {
	quarter, ok := p.digits(1)
	if !ok {
		return Date{}, false
	}
	day, ok := p.behind(2, dash)
	if !ok {
		return Date{}, false
	}
	d, err := quarterDate(year, quarter, day)
	return d, err == nil
}

// dashed is what follows a year and a dash: MM, MM-DD or DDD.
func (p *scanner) dashed(year int64) (Date, bool) {
	if p.run() == 3 {
		day, _ := p.digits(3)
		d, err := ordinalDate(year, day)
		return d, err == nil
	}
	month, ok := p.digits(2)
	if !ok {
		return Date{}, false
	}
	day, ok := p.behind(2, true)
	if !ok {
		return Date{}, false
	}
	d, err := calendarDate(year, month, day)
	return d, err == nil
}

// compact is what follows a year without a dash: nothing, MM, MMDD or DDD.
func (p *scanner) compact(year int64) (Date, bool) {
	month, day := int64(1), int64(1)
	switch p.run() {
	case 0:
	case 2:
		month, _ = p.digits(2)
	case 3:
		day, _ = p.digits(3)
		d, err := ordinalDate(year, day)
		return d, err == nil
	case 4:
		month, _ = p.digits(2)
		day, _ = p.digits(2)
	default:
		return Date{}, false
	}
	d, err := calendarDate(year, month, day)
	return d, err == nil
}
