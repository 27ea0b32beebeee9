package temporal

import (
	"errors"
	"math"
	"testing"
)

func TestDurationArithmetic(t *testing.T) {
	a := duration("P12Y5M14DT16H12M70.000000001S")
	for _, c := range []struct {
		what string
		got  func() (Duration, error)
		want string
	}{
		{"plus", func() (Duration, error) { return a.Plus(a) }, "P24Y10M28DT32H26M20.000000002S"},
		{"plus other", func() (Duration, error) { return duration("P2DT7H").Plus(duration("P1MT18H")) }, "P1M2DT25H"},
		{"plus negative", func() (Duration, error) { return a.Plus(duration("P-12Y-5M-14DT-16H-13M-10S")) }, "PT0.000000001S"},
		{"minus itself", func() (Duration, error) { return a.Minus(a) }, "PT0S"},
		{"minus", func() (Duration, error) { return duration("P1M").Minus(duration("P1DT0.5S")) }, "P1M-1DT-0.5S"},
		{"negate", a.Negate, "P-12Y-5M-14DT-16H-13M-10.000000001S"},
		{"times 1", func() (Duration, error) { return a.Times(1) }, a.String()},
		{"times 2", func() (Duration, error) { return a.Times(2) }, "P24Y10M28DT32H26M20.000000002S"},
		{"times 14", func() (Duration, error) { return duration("PT5H21M").Times(14) }, "PT74H54M"},
		{"times 0.5", func() (Duration, error) { return a.TimesFloat(0.5) }, "P6Y2M22DT13H21M8S"},
		{"over 2", func() (Duration, error) { return a.Over(2) }, "P6Y2M22DT13H21M8S"},
		{"over 0.5", func() (Duration, error) { return a.OverFloat(0.5) }, "P24Y10M28DT32H26M20.000000002S"},
		{"over 3", func() (Duration, error) { return duration("P1M").Over(3) }, "P10DT3H29M42S"},
		{"over -2", func() (Duration, error) { return duration("P3M3DT3S").Over(-2) }, "P-1M-16DT-17H-14M-34.5S"},
		{"hours over 2", func() (Duration, error) { return duration("PT3H16M").Over(2) }, "PT1H38M"},
		{"a tenth ten times", func() (Duration, error) { return duration("P10Y10M10D").TimesFloat(0.1) }, "P1Y1M1D"},
		{"over infinity", func() (Duration, error) { return a.OverFloat(math.Inf(1)) }, "PT0S"},
		{"times the largest", func() (Duration, error) { return duration("PT1S").Times(math.MaxInt64) }, "PT2562047788015215H30M7S"},

		{"over 0", func() (Duration, error) { return a.Over(0) }, "!"},
		{"over 0.0", func() (Duration, error) { return a.OverFloat(0) }, "!"},
		{"times NaN", func() (Duration, error) { return a.TimesFloat(math.NaN()) }, "!"},
		{"over NaN", func() (Duration, error) { return a.OverFloat(math.NaN()) }, "!"},
		{"times infinity", func() (Duration, error) { return a.TimesFloat(math.Inf(-1)) }, "!"},
		{"times too much", func() (Duration, error) { return a.Times(math.MaxInt64) }, "!"},
		{"times the smallest", func() (Duration, error) { return duration("PT2S").Times(math.MinInt64) }, "!"},
		{"times 1e300", func() (Duration, error) { return a.TimesFloat(1e300) }, "!"},
		{"over 1e-300", func() (Duration, error) { return a.OverFloat(1e-300) }, "!"},
		{"plus too much", func() (Duration, error) {
			d := Duration{Seconds: math.MaxInt64}
			return d.Plus(Duration{Seconds: 1})
		}, "!"},
		{"the days do not fit with the seconds", func() (Duration, error) { return NewDuration(0, 1, math.MaxInt64, 0) }, "!"},
	} {
		d, err := c.got()
		same(t, c.what, d, err, c.want)
	}
	if _, err := a.Times(math.MaxInt64); !errors.Is(err, ErrOverflow) {
		t.Errorf("an overflow is %v", err)
	}
	if _, err := a.Over(0); !errors.Is(err, ErrDivision) {
		t.Errorf("a division by zero is %v", err)
	}
}

// The rows are in rising order.
func TestDurationOrder(t *testing.T) {
	rising := []string{
		"P-1Y", "P-1M", "P-1D", "PT-1S", "PT-0.5S", "PT0S", "PT0.000000001S", "PT1S", "PT23H59M59.9S", "PT24H", "P1D", "PT25H",
		"P30D", "P30DT10H", "P1M", "P31D", "P365D", "P1Y", "P366D",
	}
	for i, a := range rising {
		for j, b := range rising {
			got := duration(a).Compare(duration(b))
			if want := min(1, max(-1, i-j)); got != want {
				t.Errorf("%s beside %s is %d, want %d", a, b, got, want)
			}
		}
	}
	if duration("PT60M") != duration("PT1H") || duration("P12M") != duration("P1Y") || duration("P7D") != duration("P1W") {
		t.Error("units of one group are not the same")
	}
	if duration("PT24H") == duration("P1D") || duration("P365D") == duration("P1Y") {
		t.Error("groups are the same")
	}
}

func TestPlus(t *testing.T) {
	type row struct{ d, plus, minus string }
	long, mixed, broken := "P12Y5M14DT16H12M70.000000002S", "P1M-14DT16H-12M70S", "P12Y11M29DT33H58M13.500000003S"
	for _, r := range []row{
		{long, "1997-03-25", "1972-04-27"}, {mixed, "1984-10-28", "1984-09-25"}, {broken, "1997-10-11", "1971-10-12"},
		{"PT23H59M59S", "1984-10-11", "1984-10-11"}, {"PT-24H", "1984-10-10", "1984-10-12"}, {"PT-0.5S", "1984-10-11", "1984-10-11"},
		{"P2000000000Y", "!", "!"}, {"P999999999Y", "!", "-999998015-10-11"}, {"P400000000000D", "!", "!"},
	} {
		d, err := date("1984-10-11").Plus(duration(r.d))
		same(t, r.d, d, err, r.plus)
		d, err = date("1984-10-11").Minus(duration(r.d))
		same(t, r.d, d, err, r.minus)
	}
	for _, r := range []row{
		{long, "04:44:24.000000003", "20:18:03.999999999"}, {"PT24H", "12:31:14.000000001", "12:31:14.000000001"},
		{"P1Y1M1D", "12:31:14.000000001", "12:31:14.000000001"}, {"PT-0.000000002S", "12:31:13.999999999", "12:31:14.000000003"},
		{"PT2562047788015215H30M7S", "04:01:21.000000001", "21:01:07.000000001"},
	} {
		l, err := localTime("12:31:14.000000001").Plus(duration(r.d))
		same(t, r.d, l, err, r.plus)
		l, err = localTime("12:31:14.000000001").Minus(duration(r.d))
		same(t, r.d, l, err, r.minus)
		u, err := clockTime("12:31:14.000000001+01:00").Plus(duration(r.d))
		same(t, r.d, u, err, r.plus+"+01:00")
		u, err = clockTime("12:31:14.000000001+01:00").Minus(duration(r.d))
		same(t, r.d, u, err, r.minus+"+01:00")
	}
	for _, r := range []row{
		{long, "1997-03-26T04:44:24.000000003", "1972-04-26T20:18:03.999999999"},
		{mixed, "1984-10-29T04:20:24.000000001", "1984-09-24T20:42:04.000000001"},
		{"P2000000000Y", "!", "!"}, {"PT2562047788015215H30M7S", "!", "!"},
	} {
		l, err := localDateTime("1984-10-11T12:31:14.000000001").Plus(duration(r.d))
		same(t, r.d, l, err, r.plus)
		l, err = localDateTime("1984-10-11T12:31:14.000000001").Minus(duration(r.d))
		same(t, r.d, l, err, r.minus)
		if r.plus != "!" {
			r.plus, r.minus = r.plus+"+01:00", r.minus+"+01:00"
		}
		z, err := dateTime("1984-10-11T12:31:14.000000001+01:00").Plus(duration(r.d))
		same(t, r.d, z, err, r.plus)
		z, err = dateTime("1984-10-11T12:31:14.000000001+01:00").Minus(duration(r.d))
		same(t, r.d, z, err, r.minus)
	}
}

func TestPlusAtMonthEnds(t *testing.T) {
	for _, c := range []struct{ from, d, want string }{
		{"2011-01-31", "P1M", "2011-02-28"}, {"2012-01-31", "P1M", "2012-02-29"}, {"2011-01-31", "P13M", "2012-02-29"},
		{"2012-02-29", "P1Y", "2013-02-28"}, {"2012-02-29", "P-1Y", "2011-02-28"}, {"2012-03-31", "P-1M", "2012-02-29"},
		{"2012-12-31", "P1M", "2013-01-31"}, {"2012-05-31", "P1M1D", "2012-07-01"}, {"0000-03-31", "P-1M", "0000-02-29"},
		{"-0001-12-31", "P1D", "0000-01-01"}, {"2012-01-31", "P1M-1D", "2012-02-28"},
	} {
		d, err := date(c.from).Plus(duration(c.d))
		same(t, c, d, err, c.want)
	}
}

// Days are those of the calendar, hours are hours, where the clock is changed.
func TestPlusOverClockChanges(t *testing.T) {
	for _, c := range []struct{ from, d, want string }{
		{"2017-10-28T12:00[Europe/Stockholm]", "P1D", "2017-10-29T12:00+01:00[Europe/Stockholm]"},
		{"2017-10-28T12:00[Europe/Stockholm]", "PT24H", "2017-10-29T11:00+01:00[Europe/Stockholm]"},
		{"2017-10-29T02:30+02:00[Europe/Stockholm]", "PT1H", "2017-10-29T02:30+01:00[Europe/Stockholm]"},
		{"2017-10-29T02:30+01:00[Europe/Stockholm]", "PT-1H", "2017-10-29T02:30+02:00[Europe/Stockholm]"},
		{"2017-10-28T02:30[Europe/Stockholm]", "P1D", "2017-10-29T02:30+02:00[Europe/Stockholm]"},
		{"2017-10-30T02:30[Europe/Stockholm]", "P-1D", "2017-10-29T02:30+01:00[Europe/Stockholm]"},
		{"2017-03-25T02:30[Europe/Stockholm]", "P1D", "2017-03-26T03:30+02:00[Europe/Stockholm]"},
		{"2017-02-26T02:30[Europe/Stockholm]", "P1M", "2017-03-26T03:30+02:00[Europe/Stockholm]"},
		{"2017-01-31T12:00[Europe/Stockholm]", "P6M", "2017-07-31T12:00+02:00[Europe/Stockholm]"},
		{"2017-10-28T12:00+02:00", "P1D", "2017-10-29T12:00+02:00"},
	} {
		z, err := dateTime(c.from).Plus(duration(c.d))
		same(t, c, z, err, c.want)
	}
}
