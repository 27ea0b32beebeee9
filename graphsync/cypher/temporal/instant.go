package temporal

import (
	"fmt"
	"time"
)

// Instant is one of the five types that are a point in time: Date, LocalTime, Time,
// LocalDateTime, DateTime.
type Instant interface {
	String() string
	Field(name string) (n int64, text string, err error)
	parts() parts
}

// parts are what an instant is made of. What it has not is zero.
type parts struct {
	kind                  string
	dated, clocked, zoned bool
	date                  Date
	clock                 LocalTime
	zone                  Zone
	offset                int32
}

func (d Date) parts() parts {
	return parts{kind: "date", dated: true, date: d}
}

func (t LocalTime) parts() parts {
	return parts{kind: "local time", clocked: true, clock: t}
}

func (t Time) parts() parts {
	return parts{kind: "time", clocked: true, clock: t.Clock(), zoned: true, zone: OffsetZone(t.Offset), offset: t.Offset}
}

func (l LocalDateTime) parts() parts {
	return parts{kind: "local date and time", dated: true, date: l.Date(), clocked: true, clock: l.Clock()}
}

func (t DateTime) parts() parts {
	l := t.Local()
	return parts{
		kind: "date and time", dated: true, date: l.Date(), clocked: true, clock: l.Clock(),
		zoned: true, zone: t.zone(), offset: t.Offset,
	}
}

func (p parts) needDate() error {
	if !p.dated {
		return fmt.Errorf("a %s has no date", p.kind)
	}
	return nil
}

func (p parts) needClock() error {
	if !p.clocked {
		return fmt.Errorf("a %s has no time of day", p.kind)
	}
	return nil
}

// At is the instant of a Go time, in a zone.
func At(t time.Time, z Zone) (DateTime, error) {
	return z.instant(t.Unix(), int32(t.Nanosecond()))
}

// FromEpoch is the instant that many seconds and nanoseconds after 1970 began in UTC.
func FromEpoch(seconds, nanos int64, z Zone) (DateTime, error) {
	sum, ok := add(seconds, floorDiv(nanos, nanosPerSecond))
	// Twice the range of years leaves room for any offset.
	if !ok || sum > 2*maxDays*secondsPerDay || sum < 2*minDays*secondsPerDay {
		return DateTime{}, errYears
	}
	return z.instant(sum, int32(floorMod(nanos, nanosPerSecond)))
}

// FromEpochMillis is the same in milliseconds.
func FromEpochMillis(millis int64, z Zone) (DateTime, error) {
	return FromEpoch(floorDiv(millis, 1000), floorMod(millis, 1000)*1_000_000, z)
}

// DateOf takes the date of an instant.
func DateOf(i Instant) (Date, error) {
	p := i.parts()
	return p.date, p.needDate()
}

// LocalTimeOf takes the time of day of an instant.
func LocalTimeOf(i Instant) (LocalTime, error) {
	p := i.parts()
	return p.clock, p.needClock()
}

// TimeOf takes the time of day and the offset of an instant, UTC if it has none.
func TimeOf(i Instant) (Time, error) {
	p := i.parts()
	return Time{p.clock.Nanos, p.offset}, p.needClock()
}

// LocalDateTimeOf takes the date and the time of an instant; midnight if it has none.
func LocalDateTimeOf(i Instant) (LocalDateTime, error) {
	p := i.parts()
	return p.date.at(p.clock), p.needDate()
}

// DateTimeOf takes all of an instant; midnight and UTC if it has none.
func DateTimeOf(i Instant) (DateTime, error) {
	if t, ok := i.(DateTime); ok {
		return t, nil
	}
	p := i.parts()
	if err := p.needDate(); err != nil {
		return DateTime{}, err
	}
	return p.zone.resolve(p.date.at(p.clock), 0, false)
}
