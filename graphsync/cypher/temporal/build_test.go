package temporal

import (
	"fmt"
	"testing"
	"time"
)

// now is the clock of all tests: 2020-06-15T10:20:30.123456789Z.
var now = time.Date(2020, 6, 15, 10, 20, 30, 123456789, time.UTC)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func date(s string) Date                   { return must(ParseDate(s)) }
func localTime(s string) LocalTime         { return must(ParseLocalTime(s)) }
func clockTime(s string) Time              { return must(ParseTime(s)) }
func localDateTime(s string) LocalDateTime { return must(ParseLocalDateTime(s)) }
func dateTime(s string) DateTime           { return must(ParseDateTime(s)) }
func duration(s string) Duration           { return must(ParseDuration(s)) }

type F = Fields

// same says that what was made reads as want; "!" wants an error.
func same[T fmt.Stringer](t *testing.T, what any, got T, err error, want string) {
	t.Helper()
	switch {
	case want == "!" && err == nil:
		t.Errorf("%v: got %s, want an error", what, got)
	case want != "!" && err != nil:
		t.Errorf("%v: %v, want %s", what, err, want)
	case want != "!" && got.String() != want:
		t.Errorf("%v: got %s, want %s", what, got, want)
	}
}

// ints turns numbers of any kind in fields to what queries give.
func ints(f Fields) Fields {
	out := Fields{}
	for k, v := range f {
		if n, ok := v.(int); ok {
			v = int64(n)
		}
		out[k] = v
	}
	return out
}

func TestBuildDate(t *testing.T) {
	other := date("1984-11-11") // the Sunday of week 45
	zoned := dateTime("1984-11-11T12:31:14+01:00")
	for _, c := range []struct {
		f    F
		want string
	}{
		{F{"year": 1984, "month": 10, "day": 11}, "1984-10-11"},
		{F{"year": 1984, "month": 10}, "1984-10-01"},
		{F{"year": 1984}, "1984-01-01"},
		{F{"Year": 1984, "MONTH": 2}, "1984-02-01"},
		{F{"year": 0}, "0000-01-01"},
		{F{"year": -28}, "-0028-01-01"},
		{F{"year": 12345, "month": 2, "day": 3}, "+12345-02-03"},
		{F{"year": 999999999, "month": 12, "day": 31}, "+999999999-12-31"},
		{F{"year": -999999999}, "-999999999-01-01"},
		{F{"year": 1984, "week": 10, "dayOfWeek": 3}, "1984-03-07"},
		{F{"year": 1984, "week": 10}, "1984-03-05"},
		{F{"year": 1817, "week": 1, "dayOfWeek": 2}, "1816-12-31"},
		{F{"year": 1816, "week": 52}, "1816-12-23"},
		{F{"year": 2015, "week": 53, "weekDay": 7}, "2016-01-03"},
		{F{"year": 1984, "quarter": 3, "dayOfQuarter": 45}, "1984-08-14"},
		{F{"year": 1984, "quarter": 3}, "1984-07-01"},
		{F{"year": 1984, "quarter": 1, "dayOfQuarter": 91}, "1984-03-31"},
		{F{"year": 1984, "ordinalDay": 202}, "1984-07-20"},
		{F{"year": 1984, "ordinalDay": 366}, "1984-12-31"},
		{F{"date": other}, "1984-11-11"},
		{F{"date": zoned}, "1984-11-11"},
		{F{"date": zoned.Local()}, "1984-11-11"},
		{F{"date": other, "year": 28}, "0028-11-11"},
		{F{"date": other, "day": 28}, "1984-11-28"},
		{F{"date": other, "month": 2}, "1984-02-11"},
		{F{"date": other, "week": 1}, "1984-01-08"},
		{F{"date": other, "week": 1, "dayOfWeek": 1}, "1984-01-02"},
		{F{"date": other, "dayOfWeek": 1}, "1984-11-05"},
		{F{"date": other, "ordinalDay": 28}, "1984-01-28"},
		{F{"date": other, "quarter": 3}, "1984-08-11"},
		{F{"date": other, "quarter": 3, "dayOfQuarter": 1}, "1984-07-01"},
		{F{"date": other, "dayOfQuarter": 92}, "1984-12-31"},
		{F{"date": date("1816-12-31"), "week": 2}, "1817-01-07"},
		{F{"date": date("1816-12-30"), "week": 2, "dayOfWeek": 3}, "1817-01-08"},
		{F{"date": date("1816-12-31"), "year": 1817, "week": 2}, "1817-01-07"},
		{F{"date": date("1984-02-29"), "year": 1983}, "1983-02-28"},
		{F{"date": date("1984-08-31"), "quarter": 2}, "1984-05-31"},
		{F{"date": date("1984-08-31"), "quarter": 1}, "1984-02-29"},
		{F{"date": date("1984-01-31"), "month": 2}, "1984-02-29"},
		{F{"date": date("2015-12-31"), "year": 2014, "week": 52}, "2014-12-25"},
		{F{"timezone": "Pacific/Kiritimati"}, "2020-06-16"},
		{F{"timezone": "-12:00"}, "2020-06-14"},

		{F{}, "!"},
		{F{"month": 1}, "!"},
		{F{"year": 1984, "day": 1}, "!"},
		{F{"year": 1984, "dayOfWeek": 1}, "!"},
		{F{"year": 1984, "dayOfQuarter": 1}, "!"},
		{F{"year": 1984, "month": 2, "day": 30}, "!"},
		{F{"year": 1983, "month": 2, "day": 29}, "!"},
		{F{"year": 1984, "month": 0}, "!"},
		{F{"year": 1984, "month": 13}, "!"},
		{F{"year": 1984, "week": 53}, "!"},
		{F{"year": 1984, "week": 0}, "!"},
		{F{"year": 1984, "week": 1, "dayOfWeek": 8}, "!"},
		{F{"year": 1984, "quarter": 5}, "!"},
		{F{"year": 1983, "quarter": 1, "dayOfQuarter": 91}, "!"},
		{F{"year": 1983, "ordinalDay": 366}, "!"},
		{F{"year": 1000000000}, "!"},
		{F{"year": -1000000000}, "!"},
		{F{"year": 999999999, "week": 52, "dayOfWeek": 7}, "!"},
		{F{"year": 1984, "month": 1, "week": 1}, "!"},
		{F{"year": 1984, "ordinalDay": 1, "quarter": 1}, "!"},
		{F{"year": 1984.0}, "!"},
		{F{"year": "1984"}, "!"},
		{F{"year": 1984, "hour": 1}, "!"},
		{F{"year": 1984, "timezone": "Z"}, "!"},
		{F{"year": 1984, "epochSeconds": 1}, "!"},
		{F{"datetime": zoned}, "!"},
		{F{"date": clockTime("12:00Z")}, "!"},
		{F{"date": "1984-11-11"}, "!"},
		{F{"date": other, "day": 31}, "!"},
		{F{"date": other, "year": 1 << 40}, "!"},
		{F{"timezone": "Mars/Base"}, "!"},
		{F{"timezone": 1}, "!"},
		{F{"jahr": 1984}, "!"},
		{F{"year": 1984, "YEAR": 1984}, "!"},
	} {
		d, err := BuildDate(ints(c.f), now)
		same(t, c.f, d, err, c.want)
	}
}

func TestBuildTimes(t *testing.T) {
	zoned := clockTime("12:31:14.645876+01:00")
	local := localTime("12:31:14.645876123")
	region := dateTime("1984-07-11T12:00[Europe/Stockholm]")
	for _, c := range []struct {
		f           F
		local, time string
	}{
		{F{"hour": 12, "minute": 31, "second": 14, "millisecond": 123, "microsecond": 456, "nanosecond": 789}, "12:31:14.123456789", "12:31:14.123456789Z"},
		{F{"hour": 12, "minute": 31, "second": 14, "millisecond": 645, "nanosecond": 876123}, "12:31:14.645876123", "12:31:14.645876123Z"},
		{F{"hour": 12, "minute": 31, "second": 14, "microsecond": 645876, "nanosecond": 123}, "12:31:14.645876123", "12:31:14.645876123Z"},
		{F{"hour": 12, "minute": 31, "second": 14, "nanosecond": 645876123}, "12:31:14.645876123", "12:31:14.645876123Z"},
		{F{"hour": 12, "minute": 31, "second": 14, "millisecond": 645}, "12:31:14.645", "12:31:14.645Z"},
		{F{"hour": 12, "minute": 31, "second": 14, "millisecond": 1}, "12:31:14.001", "12:31:14.001Z"},
		{F{"hour": 12, "minute": 31, "second": 14}, "12:31:14", "12:31:14Z"},
		{F{"hour": 12, "minute": 31}, "12:31", "12:31Z"},
		{F{"hour": 12}, "12:00", "12:00Z"},
		{F{"hour": 0, "minute": 0, "second": 0, "nanosecond": 1}, "00:00:00.000000001", "00:00:00.000000001Z"},
		{F{"hour": 12, "timezone": "+01:00"}, "!", "12:00+01:00"},
		{F{"hour": 12, "timezone": "+02:05:59"}, "!", "12:00+02:05:59"},
		{F{"hour": 12, "timezone": "-0205"}, "!", "12:00-02:05"},
		{F{"hour": 12, "timezone": "Europe/Stockholm"}, "!", "12:00+02:00"},
		{F{"time": local}, "12:31:14.645876123", "12:31:14.645876123Z"},
		{F{"time": zoned}, "12:31:14.645876", "12:31:14.645876+01:00"},
		{F{"time": region}, "12:00", "12:00+02:00"},
		{F{"time": zoned, "second": 42}, "12:31:42.645876", "12:31:42.645876+01:00"},
		{F{"time": zoned, "millisecond": 5}, "12:31:14.005", "12:31:14.005+01:00"},
		{F{"time": zoned, "timezone": "+05:00"}, "!", "16:31:14.645876+05:00"},
		{F{"time": zoned, "hour": 1, "timezone": "-05:00"}, "!", "19:31:14.645876-05:00"},
		{F{"time": local, "timezone": "+05:00"}, "!", "12:31:14.645876123+05:00"},
		{F{"time": clockTime("09:30:14+0100"), "timezone": "-0500"}, "!", "03:30:14-05:00"},
		{F{"timezone": "+01:00"}, "11:20:30.123456789", "11:20:30.123456789+01:00"},
		{F{"timezone": "America/Los Angeles"}, "03:20:30.123456789", "03:20:30.123456789-07:00"},

		{F{}, "!", "!"},
		{F{"minute": 1}, "!", "!"},
		{F{"hour": 1, "second": 1}, "!", "!"},
		{F{"hour": 1, "minute": 1, "nanosecond": 1}, "!", "!"},
		{F{"hour": 24}, "!", "!"},
		{F{"hour": -1}, "!", "!"},
		{F{"hour": 1, "minute": 60}, "!", "!"},
		{F{"hour": 1, "minute": 1, "second": 60}, "!", "!"},
		{F{"hour": 1, "minute": 1, "second": 1, "millisecond": 1000}, "!", "!"},
		{F{"hour": 1, "minute": 1, "second": 1, "millisecond": 1, "microsecond": 1000}, "!", "!"},
		{F{"hour": 1, "minute": 1, "second": 1, "microsecond": 1, "nanosecond": 1000}, "!", "!"},
		{F{"hour": 1, "minute": 1, "second": 1, "millisecond": 1, "nanosecond": 1000000}, "!", "!"},
		{F{"hour": 1, "minute": 1, "second": 1, "nanosecond": 1000000000}, "!", "!"},
		{F{"time": date("2000-01-01")}, "!", "!"},
		{F{"hour": 1, "day": 1}, "!", "!"},
		{F{"hour": 1, "timezone": "+19:00"}, "!", "!"},
	} {
		l, err := BuildLocalTime(ints(c.f), now)
		same(t, c.f, l, err, c.local)
		u, err := BuildTime(ints(c.f), now)
		same(t, c.f, u, err, c.time)
	}
}

func TestBuildDateTimes(t *testing.T) {
	d, tt, lt := date("1984-10-11"), clockTime("12:31:14.645876+01:00"), localTime("12:31:14.645")
	region := dateTime("1984-10-11T12:00[Europe/Stockholm]")
	for _, c := range []struct {
		f           F
		local, zone string
	}{
		{F{"year": 1984, "month": 10, "day": 11, "hour": 12, "minute": 31, "second": 14, "nanosecond": 645876123}, "1984-10-11T12:31:14.645876123", "1984-10-11T12:31:14.645876123Z"},
		{F{"year": 1984, "week": 10, "dayOfWeek": 3, "hour": 12}, "1984-03-07T12:00", "1984-03-07T12:00Z"},
		{F{"year": 1984, "quarter": 3, "dayOfQuarter": 45, "hour": 12}, "1984-08-14T12:00", "1984-08-14T12:00Z"},
		{F{"year": 1984, "ordinalDay": 202, "hour": 12}, "1984-07-20T12:00", "1984-07-20T12:00Z"},
		{F{"year": 1984}, "1984-01-01T00:00", "1984-01-01T00:00Z"},
		{F{"year": 1984, "month": 10, "day": 11, "timezone": "Europe/Stockholm"}, "!", "1984-10-11T00:00+01:00[Europe/Stockholm]"},
		{F{"year": 1984, "quarter": 3, "dayOfQuarter": 45, "hour": 12, "timezone": "Europe/Stockholm"}, "!", "1984-08-14T12:00+02:00[Europe/Stockholm]"},
		{F{"date": d, "hour": 10, "minute": 10, "second": 10}, "1984-10-11T10:10:10", "1984-10-11T10:10:10Z"},
		{F{"date": d, "hour": 10, "timezone": "+05:00"}, "!", "1984-10-11T10:00+05:00"},
		{F{"date": d, "day": 28, "hour": 10, "timezone": "Pacific/Honolulu"}, "!", "1984-10-28T10:00-10:00[Pacific/Honolulu]"},
		{F{"date": d}, "1984-10-11T00:00", "1984-10-11T00:00Z"},
		{F{"date": region}, "1984-10-11T00:00", "1984-10-11T00:00Z"},
		{F{"year": 1984, "month": 10, "day": 11, "time": tt}, "1984-10-11T12:31:14.645876", "1984-10-11T12:31:14.645876+01:00"},
		{F{"year": 1984, "month": 10, "day": 11, "time": tt, "timezone": "+05:00"}, "!", "1984-10-11T16:31:14.645876+05:00"},
		{F{"year": 1984, "month": 10, "day": 11, "time": tt, "second": 42, "timezone": "Pacific/Honolulu"}, "!", "1984-10-11T01:31:42.645876-10:00[Pacific/Honolulu]"},
		{F{"date": d, "time": lt}, "1984-10-11T12:31:14.645", "1984-10-11T12:31:14.645Z"},
		{F{"date": d, "time": lt, "timezone": "+05:00"}, "!", "1984-10-11T12:31:14.645+05:00"},
		{F{"date": d, "time": lt, "day": 28, "second": 42, "timezone": "Pacific/Honolulu"}, "!", "1984-10-28T12:31:42.645-10:00[Pacific/Honolulu]"},
		{F{"date": date("1984-07-11"), "time": region}, "1984-07-11T12:00", "1984-07-11T12:00+02:00[Europe/Stockholm]"},
		{F{"datetime": region}, "1984-10-11T12:00", "1984-10-11T12:00+01:00[Europe/Stockholm]"},
		{F{"datetime": region, "timezone": "+05:00"}, "!", "1984-10-11T16:00+05:00"},
		{F{"datetime": region, "day": 28, "second": 42}, "1984-10-28T12:00:42", "1984-10-28T12:00:42+01:00[Europe/Stockholm]"},
		{F{"datetime": region, "day": 28, "second": 42, "timezone": "Pacific/Honolulu"}, "!", "1984-10-28T01:00:42-10:00[Pacific/Honolulu]"},
		{F{"datetime": region.Local(), "timezone": "Europe/Stockholm"}, "!", "1984-10-11T12:00+01:00[Europe/Stockholm]"},
		{F{"datetime": region, "hour": 18, "minute": 30}, "1984-10-11T18:30", "1984-10-11T18:30+01:00[Europe/Stockholm]"},
		{F{"datetime": dateTime("2017-10-29T02:30+01:00[Europe/Stockholm]")}, "2017-10-29T02:30", "2017-10-29T02:30+01:00[Europe/Stockholm]"},
		{F{"timezone": "Europe/Stockholm"}, "2020-06-15T12:20:30.123456789", "2020-06-15T12:20:30.123456789+02:00[Europe/Stockholm]"},
		{F{"epochSeconds": 416779, "nanosecond": 999999999}, "!", "1970-01-05T19:46:19.999999999Z"},
		{F{"epochMillis": 237821673987}, "!", "1977-07-15T13:34:33.987Z"},
		{F{"epochMillis": 237821673987, "nanosecond": 654321, "timezone": "Europe/Stockholm"}, "!", "1977-07-15T14:34:33.987654321+01:00[Europe/Stockholm]"},
		{F{"epochMillis": -1}, "!", "1969-12-31T23:59:59.999Z"},

		{F{}, "!", "!"},
		{F{"hour": 12}, "!", "!"},
		{F{"year": 1984, "hour": 12}, "!", "!"},
		{F{"year": 1984, "month": 10, "hour": 12}, "!", "!"},
		{F{"year": 1984, "month": 10, "day": 11, "minute": 12}, "!", "!"},
		{F{"time": tt}, "!", "!"},
		{F{"datetime": d}, "!", "!"},
		{F{"datetime": tt}, "!", "!"},
		{F{"datetime": region, "date": d}, "!", "!"},
		{F{"date": d, "second": 1}, "!", "!"},
		{F{"date": lt}, "!", "!"},
		{F{"epochSeconds": 1, "epochMillis": 1}, "!", "!"},
		{F{"epochSeconds": 1, "hour": 1}, "!", "!"},
		{F{"epochSeconds": 1, "date": d}, "!", "!"},
		{F{"epochMillis": 1, "nanosecond": 1000000}, "!", "!"},
		{F{"epochSeconds": 1 << 62}, "!", "!"},
		{F{"epochSeconds": 31556889864403200}, "!", "!"},
	} {
		l, err := BuildLocalDateTime(ints(c.f), now)
		same(t, c.f, l, err, c.local)
		z, err := BuildDateTime(ints(c.f), now)
		same(t, c.f, z, err, c.zone)
	}
}

func TestBuildDuration(t *testing.T) {
	for _, c := range []struct {
		f    F
		want string
	}{
		{F{"days": 14, "hours": 16, "minutes": 12}, "P14DT16H12M"},
		{F{"months": 5, "days": 1.5}, "P5M1DT12H"},
		{F{"months": 0.75}, "P22DT19H51M49.5S"},
		{F{"weeks": 2.5}, "P17DT12H"},
		{F{"years": 12, "months": 5, "days": 14, "hours": 16, "minutes": 12, "seconds": 70}, "P12Y5M14DT16H13M10S"},
		{F{"years": 12.5, "months": 5.5, "days": 14.5, "hours": 16.5, "minutes": 12.5, "seconds": 70.5, "nanoseconds": 3}, "P12Y11M29DT33H58M13.500000003S"},
		{F{"years": 12, "months": 5, "days": -14, "hours": 16}, "P12Y5M-14DT16H"},
		{F{"minutes": 12, "seconds": -60}, "PT11M"},
		{F{"seconds": 2, "milliseconds": -1}, "PT1.999S"},
		{F{"seconds": -2, "milliseconds": 1}, "PT-1.999S"},
		{F{"seconds": -2, "milliseconds": -1}, "PT-2.001S"},
		{F{"days": 1, "milliseconds": -1}, "P1DT-0.001S"},
		{F{"seconds": 60, "milliseconds": -1}, "PT59.999S"},
		{F{"seconds": -60, "milliseconds": 1}, "PT-59.999S"},
		{F{"minutes": 1.5, "seconds": 1, "milliseconds": 123, "microseconds": 456, "nanoseconds": 789}, "PT1M31.123456789S"},
		{F{"minutes": 1.5, "seconds": 1, "nanoseconds": 123456789}, "PT1M31.123456789S"},
		{F{"quarters": 3}, "P9M"},
		{F{"quarters": 0.5}, "P1M15DT5H14M33S"},
		{F{"seconds": 0.1}, "PT0.1S"},
		{F{"milliseconds": 0.1}, "PT0.0001S"},
		{F{"nanoseconds": 0.9}, "PT0S"},
		{F{"nanoseconds": 1234567890123}, "PT20M34.567890123S"},
		{F{"days": 62, "seconds": 180000}, "P62DT50H"},
		{F{"seconds": 1e18}, "PT277777777777777H46M40S"},
		{F{"Days": 1}, "P1D"},
		{F{"months": -0.5}, "P-15DT-5H-14M-33S"},

		{F{}, "!"},
		{F{"day": 1}, "!"},
		{F{"days": "1"}, "!"},
		{F{"years": 1 << 62}, "!"},
		{F{"seconds": 1e300}, "!"},
		{F{"days": 1 << 50}, "!"},
	} {
		d, err := BuildDuration(ints(c.f))
		same(t, c.f, d, err, c.want)
	}
}
