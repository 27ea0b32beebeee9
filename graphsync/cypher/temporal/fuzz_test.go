package temporal

import (
	"fmt"
	"testing"
)

// again says that what was read from any text reads the same from its own.
func again[T interface {
	comparable
	fmt.Stringer
}](t *testing.T, parse func(string) (T, error), text string) {
	v, err := parse(text)
	if err != nil {
		return
	}
	if w, err := parse(v.String()); err != nil || w != v {
		t.Errorf("%q is %s, which is %s, %v", text, v, w, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"2015-07-21", "2015W302", "2015-Q2-60", "2015202", "+12345-W01-1", "-999999999-01-01", "21:40:32.142", "T2140-0130", "22+18:00",
		"2015-07-21T21:40:32.142-04[America/New_York]", "1818-07-21T21:40:32,142[Europe/Stockholm]", "2017-10-29T02:30+01:00[Europe/Stockholm]",
		"P1Y2M3W4DT5H6M7.5S", "-PT-0.000000001S", "P0.75M", "P2012-02-02T14:37:21.545", "PT9223372036854775807S",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		again(t, ParseDate, text)
		again(t, ParseLocalTime, text)
		again(t, ParseTime, text)
		again(t, ParseLocalDateTime, text)
		again(t, ParseDateTime, text)
		again(t, ParseDuration, text)
		if z, err := ParseZone(text); err == nil {
			if w, err := ParseZone(z.String()); err != nil || w.String() != z.String() {
				t.Errorf("%q is %s, which is %s, %v", text, z, w, err)
			}
		}
	})
}

// FuzzTimes does with any two instants and any duration all that can be done: it may
// be refused, but not go wrong.
func FuzzTimes(f *testing.F) {
	f.Add("2017-10-29T02:30[Europe/Stockholm]", "+999999999-12-31T23:59:59.999999999Z", "P1M1DT1.5S", int64(2), 0.5)
	f.Add("-999999999-01-01T00:00[Asia/Tokyo]", "0000-02-29", "P1999999998Y", int64(-1<<63), -1e-300)
	f.Fuzz(func(t *testing.T, first, second, length string, n int64, x float64) {
		a, err1 := ParseDateTime(first)
		b, err2 := ParseDateTime(second)
		d, err3 := ParseDuration(length)
		if err1 != nil || err2 != nil || err3 != nil {
			return
		}
		inRange := func(l LocalDateTime, err error) {
			if err == nil && (l.Date().Days < minDays || l.Date().Days > maxDays || l.Nanos < 0 || l.Nanos >= nanosPerSecond) {
				t.Errorf("%s, %s, %s: %s is out of range", a, b, d, l)
			}
		}
		for _, of := range []func(a, b Instant) (Duration, error){Between, InMonths, InDays, InSeconds} {
			if e, err := of(a, b); err == nil && (e.Nanos < 0 || e.Nanos >= nanosPerSecond) {
				t.Errorf("between %s and %s: %s", a, b, e)
			}
		}
		z, err := a.Plus(d)
		inRange(z.Local(), err)
		inRange(a.Local().Minus(d))
		day, err := a.Local().Date().Plus(d)
		inRange(day.at(LocalTime{}), err)
		for _, of := range []func() (Duration, error){
			func() (Duration, error) { return d.Times(n) }, func() (Duration, error) { return d.Over(n) },
			func() (Duration, error) { return d.TimesFloat(x) }, func() (Duration, error) { return d.OverFloat(x) },
		} {
			if e, err := of(); err == nil {
				again(t, ParseDuration, e.String())
			}
		}
		for unit := range grains {
			u, err := TruncateDateTime(unit, a, nil)
			inRange(u.Local(), err)
		}
		u, err := BuildDateTime(Fields{"datetime": a, "year": n, "timezone": "Asia/Tokyo"}, now)
		inRange(u.Local(), err)
	})
}
