package temporal

import "fmt"

// check says that a component is within its bounds.
func check(name string, n, low, high int64) error {
	if n < low || n > high {
		return fmt.Errorf("%s must be %d to %d, not %d", name, low, high, n)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func checkYear(year int64) error { return check("year", year, MinYear, MaxYear) }

func calendarDate(year, month, day int64) (Date, error) {
	if err := firstError(checkYear(year), check("month", month, 1, 12)); err != nil {
		return Date{}, err
	}
	if n := lengthOfMonth(year, month); day < 1 || day > n {
		return Date{}, fmt.Errorf("day must be 1 to %d in month %d of the year %d, not %d", n, month, year, day)
	}
	return Date{daysOf(year, month, day)}, nil
}

func weekDate(year, week, day int64) (Date, error) {
	if err := firstError(checkYear(year), check("week", week, 1, 53), check("dayOfWeek", day, 1, 7)); err != nil {
		return Date{}, err
	}
	if n := weeksOf(year); week > n {
		return Date{}, fmt.Errorf("the year %d has no more than %d weeks", year, n)
	}
	return dateOf(weekOne(year) + (week-1)*7 + day - 1)
}

func quarterDate(year, quarter, day int64) (Date, error) {
	if err := firstError(checkYear(year), check("quarter", quarter, 1, 4), check("dayOfQuarter", day, 1, 92)); err != nil {
		return Date{}, err
	}
	if n := lengthOfQuarter(year, quarter); day > n {
		return Date{}, fmt.Errorf("quarter %d of the year %d has no more than %d days", quarter, year, n)
	}
	return Date{quarterStart(year, quarter) + day - 1}, nil
}

func ordinalDate(year, day int64) (Date, error) {
	if err := firstError(checkYear(year), check("ordinalDay", day, 1, 366)); err != nil {
		return Date{}, err
	}
	if n := lengthOfYear(year); day > n {
		return Date{}, fmt.Errorf("the year %d has no more than %d days", year, n)
	}
	return Date{daysOf(year, 1, day)}, nil
}
