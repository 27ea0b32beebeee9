package temporal

import "strconv"

// maxQuoted is how much of a text is repeated in an error.
const maxQuoted = 64

func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.Quote(s[:maxQuoted]) + "…"
	}
	return strconv.Quote(s)
}

// The texts are those of ISO 8601 that the parsers take again: extended calendar
// dates, times to the minute at least with the fraction in groups of three digits.

func (d Date) String() string      { return string(d.append(nil)) }
func (t LocalTime) String() string { return string(t.append(nil)) }
func (t Time) String() string {
	return string(appendOffset(t.Clock().append(nil), t.Offset))
}
func (l LocalDateTime) String() string { return string(l.append(nil)) }
func (t DateTime) String() string {
	b := appendOffset(t.Local().append(make([]byte, 0, 48)), t.Offset)
	if t.Zone != "" {
		b = append(append(append(b, '['), t.Zone...), ']')
	}
	return string(b)
}

// appendPadded writes n with at least width digits.
func appendPadded(b []byte, n int64, width int) []byte {
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], n, 10)
	for i := len(text); i < width; i++ {
		b = append(b, '0')
	}
	return append(b, text...)
}

func (d Date) append(b []byte) []byte {
	year, month, day := civil(d.Days)
	switch {
	case year < 0:
		b, year = append(b, '-'), -year
	case year > 9999:
		b = append(b, '+')
	}
	b = append(appendPadded(b, year, 4), '-')
	b = append(appendPadded(b, month, 2), '-')
	return appendPadded(b, day, 2)
}

func (t LocalTime) append(b []byte) []byte {
	seconds, nanos := t.Nanos/nanosPerSecond, t.Nanos%nanosPerSecond
	b = append(appendPadded(b, seconds/3600, 2), ':')
	b = appendPadded(b, seconds/60%60, 2)
	if seconds%60 == 0 && nanos == 0 {
		return b
	}
	b = appendPadded(append(b, ':'), seconds%60, 2)
	switch {
	case nanos == 0:
		return b
	case nanos%1_000_000 == 0:
		return appendPadded(append(b, '.'), nanos/1_000_000, 3)
	case nanos%1_000 == 0:
		return appendPadded(append(b, '.'), nanos/1_000, 6)
	}
	return appendPadded(append(b, '.'), nanos, 9)
}

func (l LocalDateTime) append(b []byte) []byte {
	return l.Clock().append(append(l.Date().append(b), 'T'))
}

// appendOffset writes Z, ±HH:MM, or ±HH:MM:SS where there are seconds.
func appendOffset(b []byte, offset int32) []byte {
	if offset == 0 {
		return append(b, 'Z')
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	o := int64(offset)
	b = append(appendPadded(append(b, sign), o/3600, 2), ':')
	b = appendPadded(b, o/60%60, 2)
	if o%60 != 0 {
		b = appendPadded(append(b, ':'), o%60, 2)
	}
	return b
}

// String is the duration in units, as P1Y2M3DT4H5M6.7S: months as years and months,
// seconds as hours, minutes and seconds; PT0S for none.
func (d Duration) String() string {
	if d == (Duration{}) {
		return "PT0S"
	}
	b := append(make([]byte, 0, 32), 'P')
	part := func(n int64, unit byte) {
		if n != 0 {
			b = append(strconv.AppendInt(b, n, 10), unit)
		}
	}
	part(d.Months/12, 'Y')
	part(d.Months%12, 'M')
	part(d.Days, 'D')
	if d.Seconds == 0 && d.Nanos == 0 {
		return string(b)
	}
	b = append(b, 'T')
	seconds, nanos := d.Seconds, int64(d.Nanos)
	if seconds < 0 && nanos > 0 {
		// -1.5 s is held as -2 s and a half.
		seconds, nanos = seconds+1, nanosPerSecond-nanos
	}
	part(seconds/3600, 'H')
	part(seconds/60%60, 'M')
	if seconds%60 == 0 && nanos == 0 {
		return string(b)
	}
	if seconds%60 == 0 && d.Seconds < 0 {
		b = append(b, '-')
	}
	b = strconv.AppendInt(b, seconds%60, 10)
	if nanos != 0 {
		b = appendPadded(append(b, '.'), nanos, 9)
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return string(append(b, 'S'))
}
