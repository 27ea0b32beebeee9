package temporal

import (
	"fmt"
	"strings"
)

// Field of each type gives a component by its name, without regard to case: a
// number, or a text where that is not empty. The errors wrap ErrNoField or, for a
// duration in nanoseconds that no 64 bits hold, ErrOverflow.

func noField(kind, name string) error {
	return &wrapped{ErrNoField, fmt.Sprintf("a %s has no component %s", kind, quote(name))}
}

func (d Date) Field(name string) (n int64, text string, err error) {
	if n, ok := d.field(strings.ToLower(name)); ok {
		return n, "", nil
	}
	return 0, "", noField("date", name)
}

func (t LocalTime) Field(name string) (n int64, text string, err error) {
	if n, ok := t.field(strings.ToLower(name)); ok {
		return n, "", nil
	}
	return 0, "", noField("local time", name)
}

func (t Time) Field(name string) (n int64, text string, err error) {
	low := strings.ToLower(name)
	if n, ok := t.Clock().field(low); ok {
		return n, "", nil
	}
	if n, text, ok := zoneField(low, Zone{offset: t.Offset}, t.Offset); ok {
		return n, text, nil
	}
	return 0, "", noField("time", name)
}

func (l LocalDateTime) Field(name string) (n int64, text string, err error) {
	if n, ok := l.field(strings.ToLower(name)); ok {
		return n, "", nil
	}
	return 0, "", noField("local date and time", name)
}

func (t DateTime) Field(name string) (n int64, text string, err error) {
	low := strings.ToLower(name)
	if n, ok := t.Local().field(low); ok {
		return n, "", nil
	}
	if n, text, ok := zoneField(low, t.zone(), t.Offset); ok {
		return n, text, nil
	}
	switch low {
	case "epochseconds":
		return t.Seconds, "", nil
	case "epochmillis":
		return t.Seconds*1000 + int64(t.Nanos)/1_000_000, "", nil
	}
	return 0, "", noField("date and time", name)
}

func (l LocalDateTime) field(name string) (int64, bool) {
	if n, ok := l.Date().field(name); ok {
		return n, true
	}
	return l.Clock().field(name)
}

func (d Date) field(name string) (int64, bool) {
	year, month, day := civil(d.Days)
	quarter := (month + 2) / 3
	switch name {
	case "year":
		return year, true
	case "quarter":
		return quarter, true
	case "month":
		return month, true
	case "week":
		_, week, _ := weekOf(d.Days)
		return week, true
	case "weekyear":
		year, _, _ := weekOf(d.Days)
		return year, true
	case "dayofquarter", "quarterday":
		return d.Days - quarterStart(year, quarter) + 1, true
	case "day":
		return day, true
	case "ordinalday":
		return d.Days - daysOf(year, 1, 1) + 1, true
	case "dayofweek", "weekday":
		return weekday(d.Days), true
	}
	return 0, false
}

func (t LocalTime) field(name string) (int64, bool) {
	switch name {
	case "hour":
		return t.Nanos / (3600 * nanosPerSecond), true
	case "minute":
		return t.Nanos / (60 * nanosPerSecond) % 60, true
	case "second":
		return t.Nanos / nanosPerSecond % 60, true
	case "millisecond":
		return t.Nanos % nanosPerSecond / 1_000_000, true
	case "microsecond":
		return t.Nanos % nanosPerSecond / 1_000, true
	case "nanosecond":
		return t.Nanos % nanosPerSecond, true
	}
	return 0, false
}

func zoneField(name string, z Zone, offset int32) (n int64, text string, ok bool) {
	switch name {
	case "timezone":
		if z.name != "" {
			return 0, z.name, true
		}
		return 0, string(appendOffset(nil, offset)), true
	case "offset":
		return 0, string(appendOffset(nil, offset)), true
	case "offsetminutes":
		return int64(offset) / 60, "", true
	case "offsetseconds":
		return int64(offset), "", true
	}
	return 0, "", false
}

// Field of a duration: the whole of a group in one unit (months, weeks, hours), or
// what is left beside the larger one (monthsOfYear, daysOfWeek, minutesOfHour).
func (d Duration) Field(name string) (n int64, text string, err error) {
	switch strings.ToLower(name) {
	case "years":
		return d.Months / 12, "", nil
	case "quarters":
		return d.Months / 3, "", nil
	case "months":
		return d.Months, "", nil
	case "weeks":
		return d.Days / 7, "", nil
	case "days":
		return d.Days, "", nil
	case "hours":
		return d.Seconds / 3600, "", nil
	case "minutes":
		return d.Seconds / 60, "", nil
	case "seconds":
		return d.Seconds, "", nil
	case "milliseconds":
		return d.total(name, 1_000)
	case "microseconds":
		return d.total(name, 1_000_000)
	case "nanoseconds":
		return d.total(name, nanosPerSecond)
	case "quartersofyear":
		return d.Months / 3 % 4, "", nil
	case "monthsofquarter":
		return d.Months % 3, "", nil
	case "monthsofyear":
		return d.Months % 12, "", nil
	case "daysofweek":
		return d.Days % 7, "", nil
	case "minutesofhour":
		return d.Seconds / 60 % 60, "", nil
	case "secondsofminute":
		return d.Seconds % 60, "", nil
	case "millisecondsofsecond":
		return int64(d.Nanos) / 1_000_000, "", nil
	case "microsecondsofsecond":
		return int64(d.Nanos) / 1_000, "", nil
	case "nanosecondsofsecond":
		return int64(d.Nanos), "", nil
	}
	return 0, "", noField("duration", name)
}

// total is the seconds and nanoseconds in units of which a second has so many.
func (d Duration) total(name string, perSecond int64) (int64, string, error) {
	n, ok := mul(d.Seconds, perSecond)
	if ok {
		n, ok = add(n, int64(d.Nanos)/(nanosPerSecond/perSecond))
	}
	if !ok {
		return 0, "", overflow("the " + name + " of the duration do not fit an integer")
	}
	return n, "", nil
}
