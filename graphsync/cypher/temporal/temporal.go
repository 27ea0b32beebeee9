// Package temporal is openCypher's dates, times and durations (CIP2015-08-06):
// pure values with their text, order, components and arithmetic.
//
// Years run from -999,999,999 to 999,999,999, times to the nanosecond. Time zones
// are offsets, or names of the IANA database, which is embedded, so that every
// node gives the same answer.
package temporal

type (
	// Date is a day of the proleptic Gregorian calendar, in days since 1970-01-01.
	Date struct{ Days int64 }
	// LocalTime is a time of day, in nanoseconds since midnight.
	LocalTime struct{ Nanos int64 }
	// Time is a time of day at an offset from UTC in seconds.
	Time struct {
		Nanos  int64
		Offset int32
	}
	// LocalDateTime is a day and a time without a zone: seconds since
	// 1970-01-01T00:00 on that clock, and nanoseconds of the second.
	LocalDateTime struct {
		Seconds int64
		Nanos   int32
	}
	// DateTime is an instant, in seconds since the epoch and nanoseconds, seen at
	// an offset; Zone is the name of a region, or empty.
	DateTime struct {
		Seconds int64
		Nanos   int32
		Offset  int32
		Zone    string
	}
	// Duration is months, days and seconds, which do not turn into one another.
	// Nanos is 0 to 999,999,999 and adds to Seconds.
	Duration struct {
		Months, Days, Seconds int64
		Nanos                 int32
	}
)
