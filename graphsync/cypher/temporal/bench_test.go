package temporal

import "testing"

// What one call of a query costs here, without the query.
func BenchmarkOperations(b *testing.B) {
	region, other, month := dateTime("2015-07-21T21:40:32[Europe/Stockholm]"), dateTime("2019-03-01T00:00Z"), duration("P1M")
	fields := Fields{"year": int64(1984), "month": int64(10), "day": int64(11)}
	for _, c := range []struct {
		name string
		run  func()
	}{
		{"parse a date", func() { must(ParseDate("2015-07-21")) }},
		{"parse a time of a region", func() { must(ParseDateTime("2015-07-21T21:40:32.142[Europe/Stockholm]")) }},
		{"parse a duration", func() { must(ParseDuration("P1Y2M3DT4H5M6.7S")) }},
		{"build a date", func() { must(BuildDate(fields, now)) }},
		{"add a month in a region", func() { must(region.Plus(month)) }},
		{"measure between", func() { must(Between(region, other)) }},
		{"write", func() { _ = region.String() }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.run()
			}
		})
	}
}
