package temporal

import "testing"

func TestTruncateDates(t *testing.T) {
	day := date("1984-10-11") // a Thursday
	at := dateTime("2017-11-11T12:31:14.645876123+03:00")
	for _, c := range []struct {
		unit              string
		i                 Instant
		f                 F
		date, local, zone string
	}{
		{"millennium", at, nil, "2000-01-01", "2000-01-01T00:00", "2000-01-01T00:00+03:00"},
		{"millennium", date("0999-05-05"), nil, "0000-01-01", "0000-01-01T00:00", "0000-01-01T00:00Z"},
		{"millennium", date("-0001-05-05"), nil, "-1000-01-01", "-1000-01-01T00:00", "-1000-01-01T00:00Z"},
		{"century", at, nil, "2000-01-01", "2000-01-01T00:00", "2000-01-01T00:00+03:00"},
		{"century", day, F{"day": 2}, "1900-01-02", "1900-01-02T00:00", "1900-01-02T00:00Z"},
		{"decade", at, F{"day": 2}, "2010-01-02", "2010-01-02T00:00", "2010-01-02T00:00+03:00"},
		{"decade", day, F{"year": 1985}, "1985-01-01", "1985-01-01T00:00", "1985-01-01T00:00Z"},
		{"year", at, F{"day": 5}, "2017-01-05", "2017-01-05T00:00", "2017-01-05T00:00+03:00"},
		{"year", day, F{"month": 2, "day": 29}, "1984-02-29", "1984-02-29T00:00", "1984-02-29T00:00Z"},
		{"year", day, F{"ordinalDay": 60}, "1984-02-29", "1984-02-29T00:00", "1984-02-29T00:00Z"},
		{"year", day, F{"quarter": 2, "dayOfQuarter": 3}, "1984-04-03", "1984-04-03T00:00", "1984-04-03T00:00Z"},
		{"weekYear", at, nil, "2017-01-02", "2017-01-02T00:00", "2017-01-02T00:00+03:00"},
		{"weekYear", date("1984-01-01"), nil, "1983-01-03", "1983-01-03T00:00", "1983-01-03T00:00Z"},
		{"weekYear", date("1984-02-01"), F{"day": 5}, "1984-01-05", "1984-01-05T00:00", "1984-01-05T00:00Z"},
		{"weekYear", date("1984-02-01"), F{"week": 10, "dayOfWeek": 3}, "1984-03-07", "1984-03-07T00:00", "1984-03-07T00:00Z"},
		{"quarter", at, nil, "2017-10-01", "2017-10-01T00:00", "2017-10-01T00:00+03:00"},
		{"quarter", day, F{"dayOfQuarter": 92}, "1984-12-31", "1984-12-31T00:00", "1984-12-31T00:00Z"},
		{"month", at, nil, "2017-11-01", "2017-11-01T00:00", "2017-11-01T00:00+03:00"},
		{"week", at, F{"dayOfWeek": 2}, "2017-11-07", "2017-11-07T00:00", "2017-11-07T00:00+03:00"},
		{"week", date("2019-10-01"), F{"dayOfWeek": 4}, "2019-10-03", "2019-10-03T00:00", "2019-10-03T00:00Z"},
		{"WEEK", day, nil, "1984-10-08", "1984-10-08T00:00", "1984-10-08T00:00Z"},
		{"day", at, nil, "2017-11-11", "2017-11-11T00:00", "2017-11-11T00:00+03:00"},
		{"day", at, F{"millisecond": 2}, "!", "2017-11-11T00:00:00.002", "2017-11-11T00:00:00.002+03:00"},
		{"day", at, F{"hour": 7, "nanosecond": 2}, "!", "2017-11-11T07:00:00.000000002", "2017-11-11T07:00:00.000000002+03:00"},
		{"month", at, F{"day": 2, "hour": 7}, "!", "2017-11-02T07:00", "2017-11-02T07:00+03:00"},
		{"week", day, F{"dayOfWeek": 2, "time": clockTime("12:00+01:00")}, "!", "1984-10-09T12:00", "1984-10-09T12:00+01:00"},
		{"week", at, F{"dayOfWeek": 2, "time": clockTime("12:00+01:00")}, "!", "2017-11-07T12:00", "2017-11-07T12:00+03:00"},
		{"hour", at, nil, "!", "2017-11-11T12:00", "2017-11-11T12:00+03:00"},
		{"hour", at, F{"minute": 5}, "!", "2017-11-11T12:05", "2017-11-11T12:05+03:00"},
		{"second", at.Local(), nil, "!", "2017-11-11T12:31:14", "2017-11-11T12:31:14Z"},
		{"millisecond", at, F{"nanosecond": 2}, "!", "2017-11-11T12:31:14.645000002", "2017-11-11T12:31:14.645000002+03:00"},
		{"microsecond", at, F{"nanosecond": 2}, "!", "2017-11-11T12:31:14.645876002", "2017-11-11T12:31:14.645876002+03:00"},
		{"millennium", at, F{"timezone": "Europe/Stockholm"}, "!", "!", "2000-01-01T00:00+01:00[Europe/Stockholm]"},
		{"month", day, F{"timezone": "Europe/Stockholm"}, "!", "!", "1984-10-01T00:00+01:00[Europe/Stockholm]"},
		{"hour", at, F{"timezone": "-01:00"}, "!", "!", "2017-11-11T12:00-01:00"},
		{"day", dateTime("2017-10-29T12:00[Europe/Stockholm]"), nil, "2017-10-29", "2017-10-29T00:00", "2017-10-29T00:00+02:00[Europe/Stockholm]"},
		{"hour", dateTime("2017-10-29T02:30+01:00[Europe/Stockholm]"), nil, "!", "2017-10-29T02:00", "2017-10-29T02:00+01:00[Europe/Stockholm]"},

		{"hour", day, nil, "!", "!", "!"},
		{"day", clockTime("12:00Z"), nil, "!", "!", "!"},
		{"nanosecond", at, nil, "!", "!", "!"},
		{"", at, nil, "!", "!", "!"},
		{"month", at, F{"month": 2}, "!", "!", "!"},
		{"day", at, F{"day": 2}, "!", "!", "!"},
		{"hour", at, F{"hour": 2}, "!", "!", "!"},
		{"millisecond", at, F{"millisecond": 2}, "!", "!", "!"},
		{"millisecond", at, F{"nanosecond": 1000000}, "!", "!", "!"},
		{"microsecond", at, F{"nanosecond": 1000}, "!", "!", "!"},
		{"hour", at, F{"time": clockTime("12:00Z")}, "!", "!", "!"},
		{"day", at, F{"date": day}, "!", "!", "!"},
		{"day", at, F{"datetime": at}, "!", "!", "!"},
		{"year", day, F{"day": 32}, "!", "!", "!"},
		{"year", day, F{"month": 2, "week": 2}, "!", "!", "!"},
		{"day", at, F{"epochSeconds": 1}, "!", "!", "!"},
		{"century", date("-999999999-01-01"), nil, "!", "!", "!"},
	} {
		f := ints(c.f)
		d, err := TruncateDate(c.unit, c.i, f)
		same(t, c, d, err, c.date)
		l, err := TruncateLocalDateTime(c.unit, c.i, f)
		same(t, c, l, err, c.local)
		z, err := TruncateDateTime(c.unit, c.i, f)
		same(t, c, z, err, c.zone)
	}
}

func TestTruncateTimes(t *testing.T) {
	at := clockTime("12:31:14.645876123-01:00")
	for _, c := range []struct {
		unit        string
		i           Instant
		f           F
		local, time string
	}{
		{"day", at, nil, "00:00", "00:00-01:00"},
		{"day", at, F{"hour": 5}, "05:00", "05:00-01:00"},
		{"hour", at, nil, "12:00", "12:00-01:00"},
		{"minute", at, F{"millisecond": 2}, "12:31:00.002", "12:31:00.002-01:00"},
		{"second", at, nil, "12:31:14", "12:31:14-01:00"},
		{"second", at, F{"nanosecond": 2}, "12:31:14.000000002", "12:31:14.000000002-01:00"},
		{"millisecond", at, nil, "12:31:14.645", "12:31:14.645-01:00"},
		{"millisecond", at, F{"microsecond": 5, "nanosecond": 2}, "12:31:14.645005002", "12:31:14.645005002-01:00"},
		{"microsecond", at, F{"nanosecond": 2}, "12:31:14.645876002", "12:31:14.645876002-01:00"},
		{"hour", at.Clock(), nil, "12:00", "12:00Z"},
		{"hour", dateTime("2017-07-11T12:31+03:00"), nil, "12:00", "12:00+03:00"},
		{"hour", localDateTime("2017-07-11T12:31"), nil, "12:00", "12:00Z"},
		{"hour", dateTime("2017-01-11T12:31[Europe/Stockholm]"), nil, "12:00", "12:00+01:00"},
		{"minute", at, F{"timezone": "+02:00"}, "!", "12:31+02:00"},
		{"minute", at, F{"timezone": "Europe/Stockholm"}, "!", "12:31+02:00"},
		{"minute", at.Clock(), F{"timezone": "+0200", "second": 1}, "!", "12:31:01+02:00"},
		{"day", at, F{"time": clockTime("07:00+05:00")}, "07:00", "07:00-01:00"},

		{"month", at, nil, "!", "!"},
		{"hour", date("2017-07-11"), nil, "!", "!"},
		{"day", date("2017-07-11"), nil, "!", "!"},
		{"hour", at, F{"hour": 1}, "!", "!"},
		{"hour", at, F{"minute": 60}, "!", "!"},
		{"hour", at, F{"day": 1}, "!", "!"},
	} {
		f := ints(c.f)
		l, err := TruncateLocalTime(c.unit, c.i, f)
		same(t, c, l, err, c.local)
		u, err := TruncateTime(c.unit, c.i, f, now)
		same(t, c, u, err, c.time)
	}
}
