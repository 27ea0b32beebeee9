package temporal

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

var someZones = []string{
	"Z", "+01:00", "-18:00", "+18:00", "+05:45:13", "UTC", "Europe/Stockholm", "Europe/Dublin", "America/New_York", "America/St_Johns",
	"Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Asia/Kolkata", "America/Sao_Paulo", "Antarctica/Troll",
}

func drawDate(t *rapid.T) Date {
	if rapid.Bool().Draw(t, "near") {
		return Date{rapid.Int64Range(-100_000, 100_000).Draw(t, "day")}
	}
	return Date{rapid.Int64Range(minDays, maxDays).Draw(t, "day")}
}

func drawClock(t *rapid.T) LocalTime {
	unit := rapid.SampledFrom([]int64{1, 1_000, 1_000_000, nanosPerSecond, 60 * nanosPerSecond}).Draw(t, "unit")
	return LocalTime{rapid.Int64Range(0, nanosPerDay/unit-1).Draw(t, "clock") * unit}
}

func drawDuration(t *rapid.T) Duration {
	limit := rapid.SampledFrom([]int64{0, 3, 1000, 1 << 40}).Draw(t, "limit")
	n := func(name string) int64 { return rapid.Int64Range(-limit, limit).Draw(t, name) }
	return must(NewDuration(n("months"), n("days"), n("seconds"), rapid.Int64Range(-nanosPerSecond, nanosPerSecond).Draw(t, "nanos")))
}

func drawDateTime(t *rapid.T) DateTime {
	d := Date{rapid.Int64Range(minDays+3, maxDays-3).Draw(t, "day")}
	if rapid.Bool().Draw(t, "near") {
		d = Date{rapid.Int64Range(-40_000, 60_000).Draw(t, "day")}
	}
	z := must(ParseZone(rapid.SampledFrom(someZones).Draw(t, "zone")))
	return must(z.resolve(d.at(drawClock(t)), int32(rapid.SampledFrom([]int{0, 3600, 7200, -14400}).Draw(t, "preferred")), true))
}

// Every value reads back from its text.
func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, c := drawDate(t), drawClock(t)
		if got, err := ParseDate(d.String()); err != nil || got != d {
			t.Fatalf("%s: %s, %v", d, got, err)
		}
		if got, err := ParseLocalTime(c.String()); err != nil || got != c {
			t.Fatalf("%s: %s, %v", c, got, err)
		}
		u := Time{c.Nanos, rapid.Int32Range(-maxOffset, maxOffset).Draw(t, "offset")}
		if got, err := ParseTime(u.String()); err != nil || got != u {
			t.Fatalf("%s: %s, %v", u, got, err)
		}
		l := d.at(c)
		if got, err := ParseLocalDateTime(l.String()); err != nil || got != l || l.Date() != d || l.Clock() != c {
			t.Fatalf("%s: %s, %v", l, got, err)
		}
		z := drawDateTime(t)
		if got, err := ParseDateTime(z.String()); err != nil || got != z {
			t.Fatalf("%s: %s, %v", z, got, err)
		}
		e := drawDuration(t)
		if got, err := ParseDuration(e.String()); err != nil || got != e {
			t.Fatalf("%s: %s, %v", e, got, err)
		}
	})
}

// The clock of a zone shows what Go's shows, and every clock is found again.
func TestZonesAsGoHasThem(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		z := must(regionZone(rapid.SampledFrom(someZones[5:]).Draw(t, "zone")))
		// Near changes of the clock more often than chance would have it.
		seconds := rapid.Int64Range(-5e9, 7e9).Draw(t, "seconds")
		if rapid.Bool().Draw(t, "at a change") {
			if _, end := time.Unix(seconds, 0).In(z.region).ZoneBounds(); !end.IsZero() {
				seconds = end.Unix() + rapid.Int64Range(-7200, 7200).Draw(t, "beside")
			}
		}
		at := must(z.instant(seconds, 0))
		want := time.Unix(seconds, 0).In(z.region)
		if got, text := at.Local().String(), want.Format("2006-01-02T15:04"); got[:len(text)] != text {
			t.Fatalf("%d in %s is %s, want %s", seconds, z, got, text)
		}
		offsets, _ := z.offsetsOf(at.Local().Seconds)
		found := false
		for _, o := range offsets {
			found = found || o == at.Offset
		}
		if !found || len(offsets) > 2 {
			t.Fatalf("%s can have the offsets %v", at, offsets)
		}
		if back := must(z.resolve(at.Local(), at.Offset, true)); back != at {
			t.Fatalf("%s comes back as %s", at, back)
		}
	})
}

// What lies between two instants leads from one to the other.
func TestBetweenLeadsThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawDateTime(t), drawDateTime(t)
		for _, of := range []func(a, b Instant) (Duration, error){Between, InSeconds} {
			d := must(of(a, b))
			got, err := a.Plus(d)
			if err != nil || got.Seconds != b.Seconds || got.Nanos != b.Nanos {
				t.Fatalf("%s + %s is %s, %v, want %s", a, d, got, err, b)
			}
		}
		d := must(Between(a.Local(), b.Local()))
		if got, err := a.Local().Plus(d); err != nil || got != b.Local() {
			t.Fatalf("%s + %s is %s, %v, want %s", a.Local(), d, got, err, b.Local())
		}
		if d.Months > 0 && (d.Days < 0 || d.Seconds < 0) || d.Months < 0 && (d.Days > 0 || d.Seconds > 0) {
			t.Fatalf("%s is not of one sign", d)
		}
		if m := must(InMonths(a, b)); m.Months != must(Between(a, b)).Months {
			t.Fatalf("%s: other months", m)
		}
	})
}

func TestDurationLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, e := drawDuration(t), drawDuration(t)
		sum := must(d.Plus(e))
		if back := must(sum.Minus(e)); back != d {
			t.Fatalf("%s + %s - %s is %s", d, e, e, back)
		}
		if twice, half := must(d.Times(2)), must(must(d.Times(2)).Over(2)); half != d || twice != must(d.Plus(d)) {
			t.Fatalf("%s twice is %s, half of that %s", d, twice, half)
		}
		if d.Compare(e) != -e.Compare(d) || (d.Compare(e) == 0) != (d == e) {
			t.Fatalf("%s beside %s", d, e)
		}
		// An hour of the clock comes back after a day of 24.
		c := drawClock(t)
		if got := must(must(c.Plus(d)).Minus(d)); got != c {
			t.Fatalf("%s + %s - %s is %s", c, d, d, got)
		}
	})
}

// The start of a unit is not after the instant, and is its own start.
func TestTruncationIsIdempotent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Date{rapid.Int64Range(minDays+400_000, maxDays).Draw(t, "day")}.at(drawClock(t))
		for unit := range grains {
			cut := must(TruncateLocalDateTime(unit, l, nil))
			if cut.Compare(l) > 0 || must(TruncateLocalDateTime(unit, cut, nil)) != cut {
				t.Fatalf("%s to %s is %s", l, unit, cut)
			}
		}
	})
}
