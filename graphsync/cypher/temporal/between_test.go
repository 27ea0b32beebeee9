package temporal

import "testing"

// instantIn takes the first type whose text it is.
func instantIn(text string) Instant {
	if d, err := ParseDate(text); err == nil && len(text) > 6 {
		return d
	}
	if l, err := ParseLocalTime(text); err == nil {
		return l
	}
	if u, err := ParseTime(text); err == nil {
		return u
	}
	if l, err := ParseLocalDateTime(text); err == nil {
		return l
	}
	return dateTime(text)
}

func TestBetween(t *testing.T) {
	for _, c := range []struct{ a, b, between, months, days, seconds string }{
		{"1984-10-11", "1985-11-25", "P1Y1M14D", "P1Y1M", "P410D", "PT9840H"},
		{"1985-11-25", "1984-10-11", "P-1Y-1M-14D", "P-1Y-1M", "P-410D", "PT-9840H"},
		{"1984-10-11", "2015-06-24", "P30Y8M13D", "P30Y8M", "P11213D", "PT269112H"},
		{"1984-10-11", "1984-10-12T21:40:32.142+01:00", "P1DT21H40M32.142S", "PT0S", "P1D", "PT45H40M32.142S"},
		{"1984-10-11", "2016-07-21T21:45:22.142", "P31Y9M10DT21H45M22.142S", "P31Y9M", "P11606D", "PT278565H45M22.142S"},
		{"1984-10-11", "16:30", "PT16H30M", "PT0S", "PT0S", "PT16H30M"},
		{"1984-10-11", "16:30+01:00", "PT16H30M", "PT0S", "PT0S", "PT16H30M"},
		{"14:30", "2015-06-24", "PT-14H-30M", "PT0S", "PT0S", "PT-14H-30M"},
		{"14:30", "2016-07-21T21:45:22.142", "PT7H15M22.142S", "PT0S", "PT0S", "PT7H15M22.142S"},
		{"14:30", "2015-07-21T21:40:32.142+01:00", "PT7H10M32.142S", "PT0S", "PT0S", "PT7H10M32.142S"},
		{"14:30", "16:30", "PT2H", "PT0S", "PT0S", "PT2H"},
		{"14:30", "16:30+01:00", "PT2H", "PT0S", "PT0S", "PT2H"},
		{"14:30+02:00", "16:30+01:00", "PT3H", "PT0S", "PT0S", "PT3H"},
		{"14:30+02:00", "16:30", "PT2H", "PT0S", "PT0S", "PT2H"},
		{"14:30Z", "2015-06-24", "PT-14H-30M", "PT0S", "PT0S", "PT-14H-30M"},
		{"14:30+01:00", "2015-07-21T21:40:32.142", "PT7H10M32.142S", "PT0S", "PT0S", "PT7H10M32.142S"},
		{"14:30+01:00", "2015-07-21T21:40:32.142+02:00", "PT6H10M32.142S", "PT0S", "PT0S", "PT6H10M32.142S"},
		{"2015-07-21T21:40:32.142", "2016-07-21T21:45:22.142", "P1YT4M50S", "P1Y", "P366D", "PT8784H4M50S"},
		{"2015-07-21T21:40:32.142", "2015-06-24", "P-27DT-21H-40M-32.142S", "PT0S", "P-27D", "PT-669H-40M-32.142S"},
		{"2015-07-21T21:40:32.142", "14:30", "PT-7H-10M-32.142S", "PT0S", "PT0S", "PT-7H-10M-32.142S"},
		{"2014-07-21T21:40:36.143+02:00", "2015-07-21T21:40:32.142", "P11M29DT23H59M55.999S", "P11M", "P364D", "PT8759H59M55.999S"},
		{"2014-07-21T21:40:36.143", "2014-07-21T21:40:36.142", "PT-0.001S", "PT0S", "PT0S", "PT-0.001S"},
		{"2014-07-21T21:40:36.143", "2014-07-21T21:40:37.142", "PT0.999S", "PT0S", "PT0S", "PT0.999S"},
		{"2014-07-21T21:40:36.142", "2014-07-21T21:40:35.143", "PT-0.999S", "PT0S", "PT0S", "PT-0.999S"},
		{"2018-01-02T10:00", "2018-01-01T12:00", "PT-22H", "PT0S", "PT0S", "PT-22H"},
		// Ends of months.
		{"2018-01-31", "2018-02-28", "P28D", "PT0S", "P28D", "PT672H"},
		{"2018-01-31", "2018-03-01", "P1M1D", "P1M", "P29D", "PT696H"},
		{"2018-03-31", "2018-02-28", "P-1M", "P-1M", "P-31D", "PT-744H"},
		{"2018-02-28", "2018-03-31", "P1M3D", "P1M", "P31D", "PT744H"},
		{"2016-02-29", "2017-02-28", "P11M30D", "P11M", "P365D", "PT8760H"},
		{"2016-02-29", "2017-03-01", "P1Y1D", "P1Y", "P366D", "PT8784H"},
		{"2018-01-31T12:00", "2018-03-31T11:00", "P1M30DT23H", "P1M", "P58D", "PT1415H"},
		{"2018-03-31T11:00", "2018-01-31T12:00", "P-1M-27DT-23H", "P-1M", "P-58D", "PT-1415H"},
		// Clocks go back an hour at 3:00 that day.
		{"2017-10-29T00:00[Europe/Stockholm]", "2017-10-29T00:00[Europe/London]", "PT1H", "PT0S", "PT0S", "PT1H"},
		{"2017-10-29T00:00[Europe/Stockholm]", "2017-10-29T04:00[Europe/Stockholm]", "PT5H", "PT0S", "PT0S", "PT5H"},
		{"2017-10-29T00:00[Europe/Stockholm]", "2017-10-29T04:00", "PT5H", "PT0S", "PT0S", "PT5H"},
		{"2017-10-29T00:00[Europe/Stockholm]", "04:00", "PT5H", "PT0S", "PT0S", "PT5H"},
		{"2017-10-29", "2017-10-29T04:00[Europe/Stockholm]", "PT5H", "PT0S", "PT0S", "PT5H"},
		{"2017-10-29T04:00[Europe/Stockholm]", "2017-10-29", "PT-5H", "PT0S", "PT0S", "PT-5H"},
		{"00:00", "2017-10-29T04:00[Europe/Stockholm]", "PT5H", "PT0S", "PT0S", "PT5H"},
		{"2017-10-29T00:00[Europe/Stockholm]", "2017-10-30T00:00[Europe/Stockholm]", "P1D", "PT0S", "P1D", "PT25H"},
		{"2017-10-29T00:00[Europe/Stockholm]", "2017-10-30", "P1D", "PT0S", "P1D", "PT25H"},
		{"2017-10-28T23:00[Europe/Stockholm]", "2017-10-29T04:00[Europe/Stockholm]", "PT6H", "PT0S", "PT0S", "PT6H"},
		{"2017-03-26T00:00[Europe/Stockholm]", "2017-03-27T00:00[Europe/Stockholm]", "P1D", "PT0S", "P1D", "PT23H"},
		{"2017-09-29T00:00[Europe/Stockholm]", "2017-10-30T00:00[Europe/Stockholm]", "P1M1D", "P1M", "P31D", "PT745H"},
		// The ends of time.
		{"-999999999-01-01", "+999999999-12-31", "P1999999998Y11M30D", "P1999999998Y11M", "P730484999633D", "PT17531639991192H"},
		{"-999999999-01-01T00:00", "+999999999-12-31T23:59:59", "P1999999998Y11M30DT23H59M59S", "P1999999998Y11M", "P730484999633D", "PT17531639991215H59M59S"},
	} {
		a, b := instantIn(c.a), instantIn(c.b)
		for _, f := range []struct {
			name string
			of   func(a, b Instant) (Duration, error)
			want string
		}{{"between", Between, c.between}, {"months", InMonths, c.months}, {"days", InDays, c.days}, {"seconds", InSeconds, c.seconds}} {
			d, err := f.of(a, b)
			same(t, []any{f.name, c.a, c.b}, d, err, f.want)
		}
	}
}
