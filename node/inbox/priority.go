package inbox

// rank orders priorities: the lowest rank goes first.
func (p Priority) rank() int {
	switch p {
	case Critical:
		return 0
	case High:
		return 1
	case Low:
		return 3
	}
	return 2
}

const ranks = 4

// String returns the word for it.
func (p Priority) String() string {
	switch p {
	case Critical:
		return "critical"
	case High:
		return "high"
	case Low:
		return "low"
	}
	return "normal"
}

// ParsePriority reads low, normal, high or critical; "" is normal.
func ParsePriority(s string) (Priority, error) {
	for p := Normal; p <= Critical; p++ {
		if s == p.String() {
			return p, nil
		}
	}
	if s == "" {
		return Normal, nil
	}
	return Normal, invalid("priority", "a priority is low, normal, high or critical")
}
