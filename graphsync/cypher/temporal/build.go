package temporal

import (
	"fmt"
	"math/bits"
	"time"
)

// The Build functions make an instant of components. date, time and datetime take
// theirs from another instant, and single ones override those. A larger component may
// not be missing unless it is taken so; the smaller ones default to the least. With a
// timezone alone it is the time now.

// BuildDate takes year with month and day, week and dayOfWeek, quarter and
// dayOfQuarter, or ordinalDay; and date.
func BuildDate(fields Fields, now time.Time) (Date, error) {
	f, err := takesDate.read(fields)
	if err != nil {
		return Date{}, err
	}
	if f.onlyZone() {
		t, err := At(now, *f.zone)
		return t.Local().Date(), err
	}
	return f.buildDate()
}

// BuildLocalTime takes hour, minute, second, millisecond, microsecond, nanosecond;
// and time.
func BuildLocalTime(fields Fields, now time.Time) (LocalTime, error) {
	f, err := takesLocalTime.read(fields)
	if err != nil {
		return LocalTime{}, err
	}
	if f.onlyZone() {
		t, err := At(now, *f.zone)
		return t.Local().Clock(), err
	}
	return f.buildClock()
}

// BuildTime takes those of BuildLocalTime and timezone, to which a time that had
// another is converted. A region's offset is that of now.
func BuildTime(fields Fields, now time.Time) (Time, error) {
	f, err := takesTime.read(fields)
	if err != nil {
		return Time{}, err
	}
	if f.onlyZone() {
		t, err := At(now, *f.zone)
		return Time{t.Local().Clock().Nanos, t.Offset}, err
	}
	clock, err := f.buildClock()
	if err != nil {
		return Time{}, err
	}
	t := Time{Nanos: clock.Nanos}
	zoned := false
	if f.time != nil {
		p := f.time.parts()
		t.Offset, zoned = p.offset, p.zoned
	}
	if f.zone != nil {
		offset := f.zone.at(now.Unix())
		if zoned {
			t.Nanos = floorMod(t.Nanos+int64(offset-t.Offset)*nanosPerSecond, nanosPerDay)
		}
		t.Offset = offset
	}
	return t, nil
}

// BuildLocalDateTime takes those of BuildDate and BuildLocalTime, and datetime.
func BuildLocalDateTime(fields Fields, now time.Time) (LocalDateTime, error) {
	f, err := takesLocalDateTime.read(fields)
	if err != nil {
		return LocalDateTime{}, err
	}
	if f.onlyZone() {
		t, err := At(now, *f.zone)
		return t.Local(), err
	}
	return f.buildLocal()
}

// BuildDateTime takes those of BuildLocalDateTime and timezone, to which a time that
// had another is converted; or epochSeconds or epochMillis with nanosecond.
func BuildDateTime(fields Fields, now time.Time) (DateTime, error) {
	f, err := takesDateTime.read(fields)
	if err != nil {
		return DateTime{}, err
	}
	switch {
	case f.onlyZone():
		return At(now, *f.zone)
	case f.has(epochSet):
		return f.buildEpoch()
	}
	local, err := f.buildLocal()
	if err != nil {
		return DateTime{}, err
	}
	source := f.time
	if f.datetime != nil {
		source = f.datetime
	}
	if source != nil {
		if p := source.parts(); p.zoned {
			t, err := p.zone.resolve(local, p.offset, true)
			if err != nil || f.zone == nil {
				return t, err
			}
			return t.In(*f.zone)
		}
	}
	if f.zone == nil {
		return Zone{}.resolve(local, 0, false)
	}
	return f.zone.resolve(local, 0, false)
}

func (f *form) buildEpoch() (DateTime, error) {
	if f.given&^(epochSet|setOf(nanosecond)) != 0 || f.has(setOf(epochSeconds)) && f.has(setOf(epochMillis)) ||
		f.date != nil || f.time != nil || f.datetime != nil {
		return DateTime{}, fmt.Errorf("epochSeconds or epochMillis goes with nanosecond and timezone only")
	}
	var z Zone
	if f.zone != nil {
		z = *f.zone
	}
	seconds, nanos, limit := f.n[epochSeconds], int64(0), int64(nanosPerSecond)
	if f.has(setOf(epochMillis)) {
		millis := f.n[epochMillis]
		seconds, nanos, limit = floorDiv(millis, 1000), floorMod(millis, 1000)*1_000_000, 1_000_000
	}
	if err := check("nanosecond", f.n[nanosecond], 0, limit-1); err != nil {
		return DateTime{}, err
	}
	return FromEpoch(seconds, nanos+f.n[nanosecond], z)
}

func (f *form) buildLocal() (LocalDateTime, error) {
	if f.datetime != nil {
		if f.date != nil || f.time != nil {
			return LocalDateTime{}, fmt.Errorf("datetime goes with neither date nor time")
		}
		p := f.datetime.parts()
		if err := firstError(p.needDate(), p.needClock()); err != nil {
			return LocalDateTime{}, err
		}
	}
	if f.date == nil && f.datetime == nil && (f.time != nil || f.has(clockSet)) && !f.has(wholeDaySet) {
		return LocalDateTime{}, fmt.Errorf("a time needs a whole date, down to the day")
	}
	d, err := f.buildDate()
	if err != nil {
		return LocalDateTime{}, err
	}
	var clock LocalTime
	if f.time != nil || f.datetime != nil || f.has(clockSet) {
		clock, err = f.buildClock()
	}
	return d.at(clock), err
}

// buildDate starts from the date that is selected, or needs all from year on.
func (f *form) buildDate() (Date, error) {
	groups := 0
	for _, s := range []set{calendarSet, weekSet, quarterSet, ordinalSet} {
		if f.has(s) {
			groups++
		}
	}
	if groups > 1 {
		return Date{}, fmt.Errorf("a day is one of a month, a week, a quarter or a year: only one of them may be given")
	}
	source := f.date
	if f.datetime != nil {
		source = f.datetime
	}
	if source != nil {
		d, err := DateOf(source)
		if err != nil {
			return Date{}, err
		}
		return f.overrideDate(d)
	}
	if !f.has(setOf(year)) {
		return Date{}, fmt.Errorf("year is missing")
	}
	err := firstError(f.inOrder(month, day), f.inOrder(week, dayOfWeek), f.inOrder(quarter, dayOfQuarter))
	switch {
	case err != nil:
		return Date{}, err
	case f.has(weekSet):
		return weekDate(f.n[year], f.n[week], f.get(dayOfWeek, 1))
	case f.has(quarterSet):
		return quarterDate(f.n[year], f.n[quarter], f.get(dayOfQuarter, 1))
	case f.has(ordinalSet):
		return ordinalDate(f.n[year], f.n[ordinalDay])
	}
	return calendarDate(f.n[year], f.get(month, 1), f.get(day, 1))
}

// overrideDate changes what is given of d, the larger first. A day that a shorter
// month or year has not becomes its last.
func (f *form) overrideDate(d Date) (Date, error) {
	if f.has(weekSet) {
		y, w, n := weekOf(d.Days)
		if y = f.get(year, y); checkYear(y) != nil {
			return Date{}, checkYear(y)
		}
		w = f.get(week, min(w, weeksOf(y)))
		return weekDate(y, w, f.get(dayOfWeek, n))
	}
	var err error
	if f.has(setOf(year)) {
		y, _, _ := civil(d.Days)
		if err := checkYear(f.n[year]); err != nil {
			return Date{}, err
		}
		if d, err = d.plusMonths((f.n[year] - y) * 12); err != nil {
			return Date{}, err
		}
	}
	y, m, n := civil(d.Days)
	switch {
	case f.has(ordinalSet):
		return ordinalDate(y, f.n[ordinalDay])
	case f.has(quarterSet):
		q := (m + 2) / 3
		want := f.get(quarter, q)
		if err := check("quarter", want, 1, 4); err != nil {
			return Date{}, err
		}
		if f.has(setOf(dayOfQuarter)) {
			return quarterDate(y, want, f.n[dayOfQuarter])
		}
		return d.plusMonths((want - q) * 3)
	case f.has(setOf(month)):
		m = f.n[month]
		if err := check("month", m, 1, 12); err != nil {
			return Date{}, err
		}
		n = min(n, lengthOfMonth(y, m))
	}
	return calendarDate(y, m, f.get(day, n))
}

// buildClock starts from the time that is selected, or needs all from hour on.
func (f *form) buildClock() (LocalTime, error) {
	source := f.time
	if f.datetime != nil {
		source = f.datetime
	}
	if source == nil {
		if !f.has(setOf(hour)) {
			return LocalTime{}, fmt.Errorf("hour is missing")
		}
		if err := f.inOrder(hour, minute, second); err != nil {
			return LocalTime{}, err
		}
		if f.has(subSet) && !f.has(setOf(second)) {
			return LocalTime{}, fmt.Errorf("%s needs second", componentNames[bits.TrailingZeros32(uint32(f.given&subSet))])
		}
		return f.overrideClock(LocalTime{})
	}
	t, err := LocalTimeOf(source)
	if err != nil {
		return LocalTime{}, err
	}
	if f.has(subSet) {
		t.Nanos -= t.Nanos % nanosPerSecond
	}
	return f.overrideClock(t)
}

// overrideClock changes what is given of t, whose nanoseconds are added to.
func (f *form) overrideClock(t LocalTime) (LocalTime, error) {
	s := t.Nanos / nanosPerSecond
	h, m, s := f.get(hour, s/3600), f.get(minute, s/60%60), f.get(second, s%60)
	nanos, err := f.subsecond()
	err = firstError(check("hour", h, 0, 23), check("minute", m, 0, 59), check("second", s, 0, 59), err)
	if err != nil {
		return LocalTime{}, err
	}
	return clockOf(h, m, s, t.Nanos%nanosPerSecond+nanos), nil
}

// subsecond adds up the parts of a second. Each holds as much as is left to it: of
// several, none reaches into the larger one.
func (f *form) subsecond() (int64, error) {
	var nanos int64
	room := int64(nanosPerSecond)
	for _, c := range []component{millisecond, microsecond, nanosecond} {
		if !f.has(1 << c) {
			continue
		}
		size := [...]int64{1_000_000, 1_000, 1}[c-millisecond]
		if err := check(componentNames[c], f.n[c], 0, room/size-1); err != nil {
			return 0, err
		}
		nanos, room = nanos+f.n[c]*size, size
	}
	return nanos, nil
}
