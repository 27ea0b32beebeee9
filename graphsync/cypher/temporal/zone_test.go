package temporal

import "testing"

// The rules go on after the last change that the database lists: in the European
// Union from the last Sunday of March to that of October, at 1:00 UTC; in the United
// States from the second Sunday of March to the first of November, at 2:00.
func TestRulesGoOn(t *testing.T) {
	sunday := func(year, month, from int64) int64 {
		d := daysOf(year, month, from)
		return d + 7 - weekday(d)
	}
	stockholm, york := must(ParseZone("Europe/Stockholm")), must(ParseZone("America/New_York"))
	years := []int64{999_999, 400_000_000, 999_999_996, 999_999_999}
	for y := int64(2008); y < 2420; y++ {
		years = append(years, y)
	}
	for _, y := range years {
		for _, c := range []struct {
			zone          Zone
			at            int64
			before, after int32
		}{
			{stockholm, sunday(y, 3, 25)*secondsPerDay + 3600, 3600, 7200},
			{stockholm, sunday(y, 10, 25)*secondsPerDay + 3600, 7200, 3600},
			{york, sunday(y, 3, 8)*secondsPerDay + 7*3600, -18000, -14400},
			{york, sunday(y, 11, 1)*secondsPerDay + 6*3600, -14400, -18000},
			{stockholm, daysOf(y, 12, 31) * secondsPerDay, 3600, 3600},
		} {
			if b, a := c.zone.at(c.at-1), c.zone.at(c.at); b != c.before || a != c.after {
				t.Errorf("%d in %s: %d before and %d after %s", y, c.zone, b, a, LocalDateTime{Seconds: c.at})
			}
			offsets, gap := c.zone.offsetsOf(c.at + int64(max(c.before, c.after)) - 1800)
			switch {
			case c.before < c.after && (len(offsets) != 0 || gap != c.before):
				t.Errorf("%d in %s: %v, %d where an hour is left out", y, c.zone, offsets, gap)
			case c.before > c.after && (len(offsets) != 2 || offsets[0] != c.before || offsets[1] != c.after):
				t.Errorf("%d in %s: %v where an hour comes twice", y, c.zone, offsets)
			}
		}
	}
}

// Every region of the database loads and can be asked.
func TestEveryRegion(t *testing.T) {
	n := 0
	for name := range zoneFiles() {
		if name[len(name)-1] == '/' {
			continue
		}
		z, err := ParseZone(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if z.String() != name {
			t.Errorf("%s is called %s", name, z)
		}
		for _, s := range []int64{minDays * secondsPerDay, -1 << 40, 0, 1_500_000_000, 1 << 40, maxDays * secondsPerDay} {
			if o := z.at(s); o > maxOffset || o < -maxOffset {
				t.Errorf("%s: an offset of %d", name, o)
			}
		}
		n++
	}
	if n < 500 {
		t.Errorf("only %d regions", n)
	}
}

func TestParseZone(t *testing.T) {
	for text, want := range map[string]string{
		"Z": "Z", "z": "Z", "+00:00": "Z", "-00": "Z", "+01": "+01:00", "+0130": "+01:30", "-01:30:15": "-01:30:15",
		"Europe/Stockholm": "Europe/Stockholm", "America/Los Angeles": "America/Los_Angeles", "UTC": "UTC", "GMT": "GMT", "Etc/GMT+5": "Etc/GMT+5",
		"": "!", "+": "!", "+1": "!", "+1800": "+18:00", "+1801": "!", "01:00": "!", "Europe": "!", "stockholm": "!", "+01:00 ": "!",
	} {
		z, err := ParseZone(text)
		same(t, text, z, err, want)
	}
}
