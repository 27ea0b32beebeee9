package temporal

// Plus adds months, then days, then seconds, to an instant; a day that a month has
// not becomes its last. What the type has no place for is left out, but whole days
// of a duration's seconds count for a date. Minus does the same backwards.

func (d Date) Plus(e Duration) (Date, error) {
	d, err := d.plusMonths(e.Months)
	if err != nil {
		return Date{}, err
	}
	if d, err = d.plusDays(e.Days); err != nil {
		return Date{}, err
	}
	seconds := e.Seconds
	if seconds < 0 && e.Nanos > 0 {
		seconds++
	}
	return d.plusDays(seconds / secondsPerDay)
}

// Plus goes around midnight.
func (t LocalTime) Plus(e Duration) (LocalTime, error) {
	nanos := t.Nanos + e.Seconds%secondsPerDay*nanosPerSecond + int64(e.Nanos)
	return LocalTime{floorMod(nanos, nanosPerDay)}, nil
}

// Plus goes around midnight.
func (t Time) Plus(e Duration) (Time, error) {
	c, err := t.Clock().Plus(e)
	return Time{c.Nanos, t.Offset}, err
}

func (l LocalDateTime) plusDate(e Duration) (LocalDateTime, error) {
	d, err := l.Date().plusMonths(e.Months)
	if err != nil {
		return LocalDateTime{}, err
	}
	if d, err = d.plusDays(e.Days); err != nil {
		return LocalDateTime{}, err
	}
	return d.at(l.Clock()), nil
}

// plusSeconds adds the seconds of e to seconds and nanos, which are an instant.
func plusSeconds(seconds int64, nanos int32, e Duration) (int64, int32, error) {
	sub := int64(nanos) + int64(e.Nanos)
	sum, ok := add(seconds, e.Seconds)
	if ok {
		sum, ok = add(sum, sub/nanosPerSecond)
	}
	if !ok {
		return 0, 0, errYears
	}
	return sum, int32(sub % nanosPerSecond), nil
}

func (l LocalDateTime) Plus(e Duration) (LocalDateTime, error) {
	l, err := l.plusDate(e)
	if err != nil {
		return LocalDateTime{}, err
	}
	seconds, nanos, err := plusSeconds(l.Seconds, l.Nanos, e)
	if err != nil {
		return LocalDateTime{}, err
	}
	return localOf(seconds, nanos)
}

// Plus adds months and days on the zone's clock and calendar, seconds as they pass.
func (t DateTime) Plus(e Duration) (DateTime, error) {
	if e.Months != 0 || e.Days != 0 {
		l, err := t.Local().plusDate(e)
		if err != nil {
			return DateTime{}, err
		}
		if t, err = t.zone().resolve(l, t.Offset, true); err != nil {
			return DateTime{}, err
		}
	}
	seconds, nanos, err := plusSeconds(t.Seconds, t.Nanos, e)
	if err != nil {
		return DateTime{}, err
	}
	return t.zone().instant(seconds, nanos)
}

func minus[T interface{ Plus(Duration) (T, error) }](t T, e Duration) (T, error) {
	n, err := e.Negate()
	if err != nil {
		var none T
		return none, err
	}
	return t.Plus(n)
}

func (d Date) Minus(e Duration) (Date, error)                   { return minus(d, e) }
func (t LocalTime) Minus(e Duration) (LocalTime, error)         { return minus(t, e) }
func (t Time) Minus(e Duration) (Time, error)                   { return minus(t, e) }
func (l LocalDateTime) Minus(e Duration) (LocalDateTime, error) { return minus(l, e) }
func (t DateTime) Minus(e Duration) (DateTime, error)           { return minus(t, e) }
