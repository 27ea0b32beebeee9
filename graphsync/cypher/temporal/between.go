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

// dates gives the days from and to that whole days lie between: if the clock is not
// yet as far on the last day as on the first, that day is not whole.
func (p pair) dates() (from, to Date) {
	// The other instant may be out of the range of years on this zone's clock.
	there := LocalDateTime{p.to.Seconds + int64(p.zone.at(p.to.Seconds)), p.to.Nanos}
	here := p.from.Local()
	from, to = here.Date(), there.Date()
	switch {
	case to.Days > from.Days && there.Clock().Nanos < here.Clock().Nanos:
		to.Days--
	case to.Days < from.Days && there.Clock().Nanos > here.Clock().Nanos:
		to.Days++
	}
	return from, to
}

// months counts whole months, negative backwards.
func (p pair) months() int64 {
	if !p.dated {
		return 0
	}
	from, to := p.dates()
	y1, m1, d1 := civil(from.Days)
	y2, m2, d2 := civil(to.Days)
	n := (y2-y1)*12 + m2 - m1
	switch {
	case n > 0 && d2 < d1:
		n--
	case n < 0 && d2 > d1:
		n++
	}
	return n
}

// days counts whole days on the calendar, however many hours they have.
func (p pair) days() int64 {
	if !p.dated {
		return 0
	}
	from, to := p.dates()
	return to.Days - from.Days
}

func (p pair) seconds() (Duration, error) {
	return NewDuration(0, 0, p.to.Seconds-p.from.Seconds, int64(p.to.Nanos)-int64(p.from.Nanos))
}

// Between is the time from a to b in months, days and seconds: as many months as are
// whole, then days, then what is left.
func Between(a, b Instant) (Duration, error) {
	p, err := pairOf(a, b)
	if err != nil {
		return Duration{}, err
	}
	months := p.months()
	if p.from, err = p.from.Plus(Duration{Months: months}); err != nil {
		return Duration{}, err
	}
	days := p.days()
	if p.from, err = p.from.Plus(Duration{Days: days}); err != nil {
		return Duration{}, err
	}
	d, err := p.seconds()
	if err != nil {
		return Duration{}, err
	}
	return d.Plus(Duration{Months: months, Days: days})
}

// InMonths is the time from a to b in whole months.
func InMonths(a, b Instant) (Duration, error) {
	p, err := pairOf(a, b)
	if err != nil {
		return Duration{}, err
	}
	return Duration{Months: p.months()}, nil
}

// InDays is the time from a to b in whole days.
func InDays(a, b Instant) (Duration, error) {
	p, err := pairOf(a, b)
	if err != nil {
		return Duration{}, err
	}
	return Duration{Days: p.days()}, nil
}

// InSeconds is the time from a to b in seconds and their fraction.
func InSeconds(a, b Instant) (Duration, error) {
	p, err := pairOf(a, b)
	if err != nil {
		return Duration{}, err
	}
	return p.seconds()
}
