package temporal

// The bounds of years, and of days and seconds since 1970-01-01.
const (
	MinYear = -999_999_999
	MaxYear = 999_999_999

	secondsPerDay  = 86_400
	nanosPerSecond = 1_000_000_000
	nanosPerDay    = secondsPerDay * nanosPerSecond
)

var (
	minDays = daysOf(MinYear, 1, 1)
	maxDays = daysOf(MaxYear, 12, 31)
)

// floorDiv divides rounding down, floorMod is what remains: never negative for b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 {
	if a %= b; a < 0 {
		a += b
	}
	return a
}

// daysOf counts the days from 1970-01-01 to a day of the proleptic Gregorian
// calendar. Years are counted from March, so that the leap day is the last of its
// year, and 400 of them are an era of 146,097 days.
func daysOf(year, month, day int64) int64 {
	if month <= 2 {
		year--
		month += 12
	}
	era := floorDiv(year, 400)
	ofEra := year - era*400
	ofYear := (153*(month-3)+2)/5 + day - 1
	return era*146_097 + ofEra*365 + ofEra/4 - ofEra/100 + ofYear - 719_468
}

// civil is the inverse of daysOf.
func civil(days int64) (year, month, day int64) {
	days += 719_468
	era := floorDiv(days, 146_097)
	ofEra := days - era*146_097
	yearOfEra := (ofEra - ofEra/1_460 + ofEra/36_524 - ofEra/146_096) / 365
	ofYear := ofEra - (365*yearOfEra + yearOfEra/4 - yearOfEra/100)
	m := (5*ofYear + 2) / 153
	year, month, day = yearOfEra+era*400, m+3, ofYear-(153*m+2)/5+1
	if month > 12 {
		year, month = year+1, month-12
	}
	return year, month, day
}

func leap(year int64) bool { return year%4 == 0 && (year%100 != 0 || year%400 == 0) }

func lengthOfMonth(year, month int64) int64 {
	switch month {
	case 2:
		if leap(year) {
			return 29
		}
		return 28
	case 4, 6, 9, 11:
		return 30
	}
	return 31
}

func lengthOfYear(year int64) int64 {
	if leap(year) {
		return 366
	}
	return 365
}

// quarterStart is the first day of a quarter.
func quarterStart(year, quarter int64) int64 { return daysOf(year, quarter*3-2, 1) }

func lengthOfQuarter(year, quarter int64) int64 {
	if quarter == 4 {
		return 92
	}
	return quarterStart(year, quarter+1) - quarterStart(year, quarter)
}

// weekday is 1 for Monday to 7 for Sunday; 1970-01-01 was a Thursday.
func weekday(days int64) int64 { return floorMod(days+3, 7) + 1 }

// weekOne is the Monday of the first week of a year: the one with January 4 (ISO 8601).
func weekOne(year int64) int64 {
	fourth := daysOf(year, 1, 4)
	return fourth - weekday(fourth) + 1
}

// weeksOf is how many weeks a week year has: 52 or 53.
func weeksOf(year int64) int64 { return (weekOne(year+1) - weekOne(year)) / 7 }

// weekOf is the week year, the week and the day of the week of a day.
func weekOf(days int64) (year, week, day int64) {
	day = weekday(days)
	// The Thursday of a week is in the year that the week belongs to.
	year, _, _ = civil(days - day + 4)
	return year, (days-weekOne(year))/7 + 1, day
}

// dateOf makes a Date of days that may be out of range.
func dateOf(days int64) (Date, error) {
	if days < minDays || days > maxDays {
		return Date{}, errYears
	}
	return Date{days}, nil
}

// plusMonths keeps the day of the month, or takes the last where there is none such.
func (d Date) plusMonths(months int64) (Date, error) {
	if months == 0 {
		return d, nil
	}
	year, month, day := civil(d.Days)
	const limit = (MaxYear - MinYear + 1) * 12
	if months > limit || months < -limit {
		return Date{}, errYears
	}
	total := year*12 + month - 1 + months
	year, month = floorDiv(total, 12), floorMod(total, 12)+1
	if n := lengthOfMonth(year, month); day > n {
		day = n
	}
	return dateOf(daysOf(year, month, day))
}

func (d Date) plusDays(days int64) (Date, error) {
	sum, ok := add(d.Days, days)
	if !ok {
		return Date{}, errYears
	}
	return dateOf(sum)
}

// at is the date at a time of day.
func (d Date) at(t LocalTime) LocalDateTime {
	return LocalDateTime{Seconds: d.Days*secondsPerDay + t.Nanos/nanosPerSecond, Nanos: int32(t.Nanos % nanosPerSecond)}
}

// Date is the day of l.
func (l LocalDateTime) Date() Date { return Date{floorDiv(l.Seconds, secondsPerDay)} }

// Clock is the time of day of l.
func (l LocalDateTime) Clock() LocalTime {
	return LocalTime{floorMod(l.Seconds, secondsPerDay)*nanosPerSecond + int64(l.Nanos)}
}

// localOf checks the range of seconds on a clock.
func localOf(seconds int64, nanos int32) (LocalDateTime, error) {
	if _, err := dateOf(floorDiv(seconds, secondsPerDay)); err != nil {
		return LocalDateTime{}, err
	}
	return LocalDateTime{seconds, nanos}, nil
}

// Local is what the clock of t's zone shows.
func (t DateTime) Local() LocalDateTime {
	return LocalDateTime{t.Seconds + int64(t.Offset), t.Nanos}
}

// Clock is what the clock shows, without the offset.
func (t Time) Clock() LocalTime { return LocalTime{t.Nanos} }
