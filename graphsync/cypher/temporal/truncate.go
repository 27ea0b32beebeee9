package temporal

import (
	"fmt"
	"strings"
	"time"
)

// grain is a unit to truncate to, the largest first.
type grain uint8

const (
	toMillennium grain = iota
	toCentury
	toDecade
	toYear
	toWeekYear
	toQuarter
	toMonth
	toWeek
	toDay
	toHour
	toMinute
	toSecond
	toMillisecond
	toMicrosecond
)

var grains = map[string]grain{
	"millennium": toMillennium, "century": toCentury, "decade": toDecade, "year": toYear,
	"weekyear": toWeekYear, "quarter": toQuarter, "month": toMonth, "week": toWeek, "day": toDay,
	"hour": toHour, "minute": toMinute, "second": toSecond,
	"millisecond": toMillisecond, "microsecond": toMicrosecond,
}

// below is what is smaller than a unit, and may be given for it.
func (g grain) below() set {
	// Days of any count are within whatever is larger than a day.
	s := clockSet | setOf(dayOfWeek, dayOfQuarter, day, ordinalDay)
	switch g {
	case toMillennium, toCentury, toDecade:
		return s | dateSet
	case toYear, toWeekYear:
		return s | setOf(quarter, month, week)
	case toQuarter:
		return s | setOf(month, week)
	case toMonth:
		return s | setOf(week)
	case toWeek:
		return s
	case toDay:
		return clockSet
	case toHour:
		return setOf(minute, second) | subSet
	case toMinute:
		return setOf(second) | subSet
	case toSecond:
		return subSet
	case toMillisecond:
		return setOf(microsecond, nanosecond)
	}
	return setOf(nanosecond)
}

func (d Date) truncate(g grain) (Date, error) {
	y, m, _ := civil(d.Days)
	switch g {
	case toMillennium:
		return calendarDate(floorDiv(y, 1000)*1000, 1, 1)
	case toCentury:
		return calendarDate(floorDiv(y, 100)*100, 1, 1)
	case toDecade:
		return calendarDate(floorDiv(y, 10)*10, 1, 1)
	case toYear:
		return calendarDate(y, 1, 1)
	case toWeekYear:
		y, _, _ := weekOf(d.Days)
		return weekDate(y, 1, 1)
	case toQuarter:
		return calendarDate(y, (m-1)/3*3+1, 1)
	case toMonth:
		return calendarDate(y, m, 1)
	case toWeek:
		return dateOf(d.Days - weekday(d.Days) + 1)
	}
	return d, nil
}

func (t LocalTime) truncate(g grain) LocalTime {
	unit := int64(nanosPerDay)
	switch g {
	case toHour:
		unit = 3600 * nanosPerSecond
	case toMinute:
		unit = 60 * nanosPerSecond
	case toSecond:
		unit = nanosPerSecond
	case toMillisecond:
		unit = 1_000_000
	case toMicrosecond:
		unit = 1_000
	}
	return LocalTime{t.Nanos - t.Nanos%unit}
}

// cut is an instant truncated, with the smaller components that were given.
type cut struct {
	parts
	form *form
}

// truncate needs of i what the type k is made of down to the unit.
func (k takes) truncate(unit string, i Instant, fields Fields) (cut, error) {
	g, ok := grains[strings.ToLower(unit)]
	dated, clocked := k.set&dateSet != 0, k.set&clockSet != 0
	if !ok || !dated && g < toDay || !clocked && g > toDay {
		return cut{}, fmt.Errorf("a %s cannot be truncated to %s", k.kind, quote(unit))
	}
	c := cut{parts: i.parts(), form: &form{}}
	var err error
	if dated {
		if err = c.needDate(); err == nil {
			c.date, err = c.date.truncate(g)
		}
	}
	if err == nil && clocked && (!dated || g > toDay) {
		err = c.needClock()
	}
	if err != nil {
		return cut{}, err
	}
	c.clock = c.clock.truncate(g)
	if len(fields) == 0 {
		return c, nil
	}
	// A truncation has its own base, and takes a time into whole days only.
	k.date, k.datetime, k.time = false, false, k.time && g <= toDay
	if c.form, err = k.read(fields); err != nil {
		return cut{}, err
	}
	if c.form.zone != nil && !k.zone {
		return cut{}, fmt.Errorf("a %s has no time zone", k.kind)
	}
	if c.form.given&^g.below() != 0 {
		return cut{}, fmt.Errorf("only components smaller than %s may be given", unit)
	}
	if dated {
		c.form.date = c.date
		if c.date, err = c.form.buildDate(); err != nil {
			return cut{}, err
		}
	}
	err = c.overrideClock(g)
	return c, err
}

func (c *cut) overrideClock(g grain) error {
	var err error
	if c.form.time != nil {
		c.clock, err = c.form.buildClock()
		return err
	}
	// What is left of the second counts as given, so that the smaller parts add to it.
	kept := c.clock.Nanos % nanosPerSecond
	switch g {
	case toMillisecond:
		c.form.given |= setOf(millisecond)
		c.form.n[millisecond] = kept / 1_000_000
	case toMicrosecond:
		c.form.given |= setOf(microsecond)
		c.form.n[microsecond] = kept / 1_000
	}
	c.clock.Nanos -= kept
	c.clock, err = c.form.overrideClock(c.clock)
	return err
}

// source is the zone of the result and, where it has been seen at an offset, that.
func (c *cut) source() (z Zone, offset int32, seen bool) {
	if c.form.zone != nil {
		return *c.form.zone, 0, false
	}
	if c.form.time != nil && !c.zoned {
		if p := c.form.time.parts(); p.zoned {
			return p.zone, p.offset, true
		}
	}
	return c.zone, c.offset, c.zoned
}

// The Truncate functions take the last moment not after i at which a unit began:
// millennium, century, decade, year, weekYear, quarter, month, week, day, hour,
// minute, second, millisecond or microsecond. Components smaller than the unit may be
// given for the result; a timezone is put in place of i's without converting it.

// TruncateDate takes units down to the day.
func TruncateDate(unit string, i Instant, fields Fields) (Date, error) {
	c, err := takesDate.truncate(unit, i, fields)
	return c.date, err
}

// TruncateLocalTime takes units from the day on.
func TruncateLocalTime(unit string, i Instant, fields Fields) (LocalTime, error) {
	c, err := takesLocalTime.truncate(unit, i, fields)
	return c.clock, err
}

// TruncateTime takes units from the day on. A region's offset is that of now.
func TruncateTime(unit string, i Instant, fields Fields, now time.Time) (Time, error) {
	c, err := takesTime.truncate(unit, i, fields)
	if err != nil {
		return Time{}, err
	}
	z, offset, seen := c.source()
	if !seen {
		offset = z.at(now.Unix())
	}
	return Time{c.clock.Nanos, offset}, nil
}

// TruncateLocalDateTime takes all units; a Date only those down to the day.
func TruncateLocalDateTime(unit string, i Instant, fields Fields) (LocalDateTime, error) {
	c, err := takesLocalDateTime.truncate(unit, i, fields)
	return c.date.at(c.clock), err
}

// TruncateDateTime takes all units; a Date only those down to the day.
func TruncateDateTime(unit string, i Instant, fields Fields) (DateTime, error) {
	// Moments of the epoch are no components of a clock.
	k := takesDateTime
	k.set &^= epochSet
	c, err := k.truncate(unit, i, fields)
	if err != nil {
		return DateTime{}, err
	}
	z, offset, seen := c.source()
	return z.resolve(c.date.at(c.clock), offset, seen)
}
