package temporal

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Fields are components by name, as a query gives them in a map. The values are
// int64, float64, string and Instant; others are refused.
type Fields map[string]any

// names are in order, so that of several errors it is always the same.
func (fields Fields) names() []string { return slices.Sorted(maps.Keys(fields)) }

// component is one of an instant's.
type component uint8

const (
	year component = iota
	quarter
	month
	week
	ordinalDay
	dayOfQuarter
	dayOfWeek
	day
	hour
	minute
	second
	millisecond
	microsecond
	nanosecond
	epochSeconds
	epochMillis
	components
)

var componentNames = [components]string{
	"year", "quarter", "month", "week", "ordinalDay", "dayOfQuarter", "dayOfWeek", "day",
	"hour", "minute", "second", "millisecond", "microsecond", "nanosecond", "epochSeconds", "epochMillis",
}

var componentOf = func() map[string]component {
	m := map[string]component{"quarterday": dayOfQuarter, "weekday": dayOfWeek}
	for c, name := range componentNames {
		m[strings.ToLower(name)] = component(c)
	}
	return m
}()

// set is a set of components.
type set uint32

func setOf(cs ...component) set {
	var s set
	for _, c := range cs {
		s |= 1 << c
	}
	return s
}

var (
	calendarSet = setOf(month, day)
	weekSet     = setOf(week, dayOfWeek)
	quarterSet  = setOf(quarter, dayOfQuarter)
	ordinalSet  = setOf(ordinalDay)
	dateSet     = setOf(year) | calendarSet | weekSet | quarterSet | ordinalSet
	subSet      = setOf(millisecond, microsecond, nanosecond)
	clockSet    = setOf(hour, minute, second) | subSet
	epochSet    = setOf(epochSeconds, epochMillis)
	wholeDaySet = setOf(day, dayOfWeek, dayOfQuarter, ordinalDay)
)

// form is what was given of an instant.
type form struct {
	given                set
	n                    [components]int64
	date, time, datetime Instant
	zone                 *Zone
}

func (f *form) has(s set) bool { return f.given&s != 0 }

// get is a component, or what it is if it was not given.
func (f *form) get(c component, otherwise int64) int64 {
	if f.has(1 << c) {
		return f.n[c]
	}
	return otherwise
}

// onlyZone says that nothing but a zone was given: the current time is meant.
func (f *form) onlyZone() bool {
	return f.zone != nil && f.given == 0 && f.date == nil && f.time == nil && f.datetime == nil
}

// takes says what a type is made of.
type takes struct {
	kind                       string
	set                        set
	date, time, datetime, zone bool
}

var (
	takesDate          = takes{"date", dateSet, true, false, false, false}
	takesLocalTime     = takes{"local time", clockSet, false, true, false, false}
	takesTime          = takes{"time", clockSet, false, true, false, true}
	takesLocalDateTime = takes{"local date and time", dateSet | clockSet, true, true, true, false}
	takesDateTime      = takes{"date and time", dateSet | clockSet | epochSet, true, true, true, true}
)

// read sorts fields out. A zone alone is for the current time, and every type has it.
func (k takes) read(fields Fields) (*form, error) {
	if len(fields) == 0 {
		return nil, fmt.Errorf("a %s needs components", k.kind)
	}
	f := &form{}
	for _, name := range fields.names() {
		if err := k.readOne(f, name, fields[name], len(fields) == 1); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func (k takes) readOne(f *form, name string, v any, alone bool) error {
	low := strings.ToLower(name)
	var group *Instant
	may := false
	switch low {
	case "timezone":
		text, ok := v.(string)
		if !ok {
			return fmt.Errorf("timezone must be a text")
		}
		if !k.zone && !alone {
			return fmt.Errorf("a %s has no time zone", k.kind)
		}
		z, err := ParseZone(text)
		f.zone = &z
		return err
	case "date":
		group, may = &f.date, k.date
	case "time":
		group, may = &f.time, k.time
	case "datetime":
		group, may = &f.datetime, k.datetime
	}
	if group != nil {
		i, ok := v.(Instant)
		switch {
		case !may:
			return noField(k.kind, name)
		case !ok:
			return fmt.Errorf("%s must be a date or a time", low)
		}
		*group = i
		return nil
	}
	c, ok := componentOf[low]
	if !ok || k.set&(1<<c) == 0 {
		return noField(k.kind, name)
	}
	n, ok := v.(int64)
	if !ok {
		return fmt.Errorf("%s must be an integer", name)
	}
	if f.has(1 << c) {
		return fmt.Errorf("%s is given twice", componentNames[c])
	}
	f.given |= 1 << c
	f.n[c] = n
	return nil
}

// inOrder says that none of the components is given without those before it.
func (f *form) inOrder(cs ...component) error {
	for i, c := range cs[1:] {
		if f.has(1<<c) && !f.has(1<<cs[i]) {
			return fmt.Errorf("%s needs %s", componentNames[c], componentNames[cs[i]])
		}
	}
	return nil
}

// BuildDuration makes a duration of years, quarters, months, weeks, days, hours,
// minutes, seconds, milliseconds, microseconds and nanoseconds, each of which may be
// negative or a fraction. A fraction goes on to the smaller groups.
func BuildDuration(fields Fields) (Duration, error) {
	if len(fields) == 0 {
		return Duration{}, fmt.Errorf("a duration needs components")
	}
	var sum amounts
	for _, name := range fields.names() {
		v := fields[name]
		i := slices.Index(unitNames, strings.ToLower(name))
		if i < 0 {
			return Duration{}, noField("duration", name)
		}
		switch n := v.(type) {
		case int64:
			sum.whole(unit(i), n)
		case float64:
			r, err := rational(n)
			if err != nil {
				return Duration{}, err
			}
			sum.rational(unit(i), r)
		default:
			return Duration{}, fmt.Errorf("%s must be a number", name)
		}
	}
	return sum.duration()
}

// unitNames are in the order of unit.
var unitNames = []string{
	"years", "quarters", "months", "weeks", "days", "hours", "minutes", "seconds",
	"milliseconds", "microseconds", "nanoseconds",
}
