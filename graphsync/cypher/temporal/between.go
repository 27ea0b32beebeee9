package temporal

// pair is two instants made alike, on the calendar and the clock of the first one's
// zone. What one of them lacks it has from the other: the date, the zone; and a date
// alone is midnight.
type pair struct {
	from, to DateTime
	zone     Zone
	dated    bool
}

func pairOf(a, b Instant) (pair, error) {
	p, q := a.parts(), b.parts()
	dated := p.dated || q.dated
	if !p.dated {
		p.date = q.date
	} else if !q.dated {
		q.date = p.date
	}
	if !p.zoned {
		p.zone = q.zone
	} else if !q.zoned {
		q.zone = p.zone
	}
	from, err := p.zone.resolve(p.date.at(p.clock), p.offset, p.zoned)
	if err != nil {
		return pair{}, err
	}
	to, err := q.zone.resolve(q.date.at(q.clock), q.offset, q.zoned)
	return pair{from, to, p.zone, dated}, err
}

// clocks are what the zone's clock shows at both. The other instant may be out of
// the range of years there.
func (p pair) clocks() (from, to LocalDateTime) {
	return p.from.Local(), LocalDateTime{p.to.Seconds + int64(p.zone.at(p.to.Seconds)), p.to.Nanos}
}

// dates gives the days that whole days lie between: if the clock is not yet as far on
// the last day as on the first, that day is not whole.
func dates(from, to LocalDateTime) (first, last Date) {
	first, last = from.Date(), to.Date()
	switch {
	case last.Days > first.Days && to.Clock().Nanos < from.Clock().Nanos:
		last.Days--
	case last.Days < first.Days && to.Clock().Nanos > from.Clock().Nanos:
		last.Days++
	}
	return first, last
}

// wholeMonths is negative backwards.
func wholeMonths(from, to LocalDateTime) int64 {
	first, last := dates(from, to)
	y1, m1, d1 := civil(first.Days)
	y2, m2, d2 := civil(last.Days)
	n := (y2-y1)*12 + m2 - m1
	switch {
	case n > 0 && d2 < d1:
		n--
	case n < 0 && d2 > d1:
		n++
	}
	return n
}

// wholeDays are those of the calendar, however many hours they have.
func wholeDays(from, to LocalDateTime) int64 {
	first, last := dates(from, to)
	return last.Days - first.Days
}

func (p pair) seconds() (Duration, error) {
	return NewDuration(0, 0, p.to.Seconds-p.from.Seconds, int64(p.to.Nanos)-int64(p.from.Nanos))
}

// Between is the time from a to b in months, days and seconds: as many months as are
// whole, then days, then what is left. Added to a it gives b.
func Between(a, b Instant) (Duration, error) {
	p, err := pairOf(a, b)
	if err != nil {
		return Duration{}, err
	}
	if !p.dated {
		return p.seconds()
	}
	from, to := p.clocks()
	date := Duration{Months: wholeMonths(from, to)}
	if from, err = from.plusDate(date); err != nil {
		return Duration{}, err
	}
	date.Days = wholeDays(from, to)
	if p.from, err = p.from.Plus(date); err != nil {
		return Duration{}, err
	}
	rest, err := p.seconds()
	if err != nil {
		return Duration{}, err
	}
	return rest.Plus(date)
}

// InMonths is the time from a to b in whole months, none between times of day.
func InMonths(a, b Instant) (Duration, error) {
	p, err := pairOf(a, b)
	if err != nil || !p.dated {
		return Duration{}, err
	}
	return Duration{Months: wholeMonths(p.clocks())}, nil
}

// InDays is the time from a to b in whole days, none between times of day.
func InDays(a, b Instant) (Duration, error) {
	p, err := pairOf(a, b)
	if err != nil || !p.dated {
		return Duration{}, err
	}
	return Duration{Days: wholeDays(p.clocks())}, nil
}

// InSeconds is the time from a to b in seconds and their fraction.
func InSeconds(a, b Instant) (Duration, error) {
	p, err := pairOf(a, b)
	if err != nil {
		return Duration{}, err
	}
	return p.seconds()
}
