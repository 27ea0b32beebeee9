package temporal

import (
	"cmp"
	"strings"
)

// Compare of two values of a type is -1, 0 or 1; it is 0 just where they are ==.

func (d Date) Compare(e Date) int           { return cmp.Compare(d.Days, e.Days) }
func (t LocalTime) Compare(u LocalTime) int { return cmp.Compare(t.Nanos, u.Nanos) }

// Compare orders by the instant of a day, then by the offset.
func (t Time) Compare(u Time) int {
	return cmp.Or(
		cmp.Compare(t.Nanos-int64(t.Offset)*nanosPerSecond, u.Nanos-int64(u.Offset)*nanosPerSecond),
		cmp.Compare(t.Offset, u.Offset))
}

func (l LocalDateTime) Compare(m LocalDateTime) int {
	return cmp.Or(cmp.Compare(l.Seconds, m.Seconds), cmp.Compare(l.Nanos, m.Nanos))
}

// Compare orders by the instant, then by the offset and the name of the zone.
func (t DateTime) Compare(u DateTime) int {
	return cmp.Or(cmp.Compare(t.Seconds, u.Seconds), cmp.Compare(t.Nanos, u.Nanos),
		cmp.Compare(t.Offset, u.Offset), strings.Compare(t.Zone, u.Zone))
}

// Compare is the order of ORDER BY only: durations cannot be compared with < and >,
// which give null. It takes a month for 30.436875 days and a day for 24 hours, then
// looks at months and days.
func (d Duration) Compare(e Duration) int {
	return cmp.Or(cmp.Compare(d.average(), e.average()), cmp.Compare(d.Nanos, e.Nanos),
		cmp.Compare(d.Months, e.Months), cmp.Compare(d.Days, e.Days), cmp.Compare(d.Seconds, e.Seconds))
}
