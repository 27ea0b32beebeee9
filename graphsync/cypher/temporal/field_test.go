package temporal

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// components reads names of v as one text; ! is for one that there is not.
func componentsOf(v interface {
	Field(string) (int64, string, error)
}, names string) string {
	var got []string
	for _, name := range strings.Fields(names) {
		n, text, err := v.Field(name)
		switch {
		case errors.Is(err, ErrNoField):
			text = "!"
		case err != nil:
			text = err.Error()
		case text == "":
			text = fmt.Sprint(n)
		}
		got = append(got, text)
	}
	return strings.Join(got, " ")
}

func TestFields(t *testing.T) {
	const (
		dates  = "year quarter month week weekYear day ordinalDay dayOfWeek weekDay dayOfQuarter quarterDay"
		clocks = "hour minute second millisecond microsecond nanosecond"
		zones  = "timezone offset offsetMinutes offsetSeconds"
		epochs = "epochSeconds epochMillis"
		none   = "years nonsense"
	)
	region := dateTime("1984-11-11T12:31:14.645876123[Europe/Stockholm]")
	for _, c := range []struct {
		v interface {
			Field(string) (int64, string, error)
			String() string
		}
		names, want string
	}{
		{date("1984-10-11"), dates, "1984 4 10 41 1984 11 285 4 4 11 11"},
		{date("1984-01-01"), dates, "1984 1 1 52 1983 1 1 7 7 1 1"},
		{date("2014-12-31"), dates, "2014 4 12 1 2015 31 365 3 3 92 92"},
		{date("-0001-02-28"), "year month YEAR weekday", "-1 2 -1 7"},
		{date("1984-10-11"), clocks + " " + zones + " " + epochs + " " + none, "! ! ! ! ! ! ! ! ! ! ! ! ! !"},
		{region.Local(), dates + " " + clocks, "1984 4 11 45 1984 11 316 7 7 42 42 12 31 14 645 645876 645876123"},
		{region.Local(), zones + " " + epochs + " " + none, "! ! ! ! ! ! ! !"},
		{region, dates + " " + clocks, "1984 4 11 45 1984 11 316 7 7 42 42 12 31 14 645 645876 645876123"},
		{region, zones + " " + epochs + " " + none, "Europe/Stockholm +01:00 60 3600 469020674 469020674645 ! !"},
		{dateTime("1984-11-11T12:31:14.645876123+01:01"), zones + " " + epochs, "+01:01 +01:01 61 3660 469020614 469020614645"},
		{dateTime("1969-12-31T23:59:59.999Z"), zones + " " + epochs, "Z Z 0 0 -1 -1"},
		{localTime("12:31:14.645876123"), clocks, "12 31 14 645 645876 645876123"},
		{localTime("12:31:14.645876123"), dates + " " + zones + " " + epochs, "! ! ! ! ! ! ! ! ! ! ! ! ! ! ! ! !"},
		{clockTime("12:31:14.645876123-02:05:59"), clocks + " " + zones, "12 31 14 645 645876 645876123 -02:05:59 -02:05:59 -125 -7559"},
		{clockTime("12:31:14.645876123+01:00"), dates + " " + epochs + " " + none, "! ! ! ! ! ! ! ! ! ! ! ! ! ! !"},
		{duration("P1Y4M10DT1H1M1.111111111S"), "years quarters months weeks days hours minutes seconds milliseconds microseconds nanoseconds", "1 5 16 1 10 1 61 3661 3661111 3661111111 3661111111111"},
		{duration("P1Y4M10DT1H1M1.111111111S"), "quartersOfYear monthsOfQuarter monthsOfYear daysOfWeek minutesOfHour secondsOfMinute millisecondsOfSecond microsecondsOfSecond nanosecondsOfSecond", "1 1 4 3 1 1 111 111111 111111111"},
		{duration("P-1Y-5M-10DT-1H-1M"), "years quarters monthsOfYear weeks daysOfWeek hours minutes minutesOfHour", "-1 -5 -5 -1 -3 -1 -61 -1"},
		{duration("PT-0.5S"), "milliseconds microseconds nanoseconds", "-500 -500000 -500000000"},
		{duration("PT9223372036S"), "nanoseconds", "9223372036000000000"},
		{duration("P1D"), "year day hour second nonsense", "! ! ! ! !"},
	} {
		if got := componentsOf(c.v, c.names); got != c.want {
			t.Errorf("%s of %s\nis   %s\nwant %s", c.names, c.v, got, c.want)
		}
	}
	if _, _, err := duration("PT9223372037S").Field("nanoseconds"); !errors.Is(err, ErrOverflow) {
		t.Errorf("too many nanoseconds: %v", err)
	}
}

// Go's own calendar is the model, for the years that it formats.
func TestCalendarAsGoHasIt(t *testing.T) {
	for days := daysOf(-20, 1, 1); days < daysOf(2410, 1, 1); days += 1 {
		want := time.Unix(days*secondsPerDay, 0).UTC()
		y, m, d := civil(days)
		wy, w := want.ISOWeek()
		gotY, gotW, _ := weekOf(days)
		if int64(want.Year()) != y || int64(want.Month()) != m || int64(want.Day()) != d ||
			int64(wy) != gotY || int64(w) != gotW || daysOf(y, m, d) != days ||
			int64(want.YearDay()) != days-daysOf(y, 1, 1)+1 || (int64(want.Weekday())+6)%7+1 != weekday(days) {
			t.Fatalf("%v is %d-%d-%d, week %d of %d", want, y, m, d, gotW, gotY)
		}
	}
}

func TestCompare(t *testing.T) {
	rising := [][]interface{ String() string }{
		{date("-0001-01-01"), date("0000-01-01"), date("1984-10-11"), date("1984-10-12")},
		{localTime("00:00"), localTime("10:35:00.000000001"), localTime("23:59")},
		{clockTime("12:35:15+05:00"), clockTime("12:31:14.645876123+01:01"), clockTime("12:31:14.645876123+01:00"), clockTime("12:31Z"), clockTime("13:31+01:00"), clockTime("10:35-08:00")},
		{localDateTime("-0001-01-01T12:00"), localDateTime("1984-10-11T12:30"), localDateTime("1984-10-11T12:30:00.5")},
		{
			dateTime("1984-10-11T12:00+05:00"), dateTime("1984-10-11T12:00Z"), dateTime("1984-10-11T12:00[UTC]"), dateTime("1984-10-11T13:00+01:00"),
			dateTime("1984-10-11T13:00[Europe/London]"), dateTime("1984-10-11T13:00[Europe/Stockholm]"), dateTime("1984-10-11T12:00-05:00"),
		},
	}
	compare := func(a, b any) int {
		switch a := a.(type) {
		case Date:
			return a.Compare(b.(Date))
		case LocalTime:
			return a.Compare(b.(LocalTime))
		case Time:
			return a.Compare(b.(Time))
		case LocalDateTime:
			return a.Compare(b.(LocalDateTime))
		}
		return a.(DateTime).Compare(b.(DateTime))
	}
	for _, values := range rising {
		for i, a := range values {
			for j, b := range values {
				if got, want := compare(a, b), min(1, max(-1, i-j)); got != want {
					t.Errorf("%s beside %s is %d, want %d", a, b, got, want)
				}
				if (a == b) != (compare(a, b) == 0) {
					t.Errorf("%s and %s are equal by one way only", a, b)
				}
			}
		}
	}
}

// A region that left the database since a value was made keeps its offset.
func TestRegionThatIsGone(t *testing.T) {
	z := DateTime{Seconds: 0, Offset: 3600, Zone: "Gone/Nowhere"}
	if got := z.String(); got != "1970-01-01T01:00+01:00[Gone/Nowhere]" {
		t.Error(got)
	}
	u, err := z.Plus(Duration{Days: 1})
	same(t, "a day more", u, err, "1970-01-02T01:00+01:00[Gone/Nowhere]")
	if got := componentsOf(z, "timezone offset hour"); got != "Gone/Nowhere +01:00 1" {
		t.Error(got)
	}
}
