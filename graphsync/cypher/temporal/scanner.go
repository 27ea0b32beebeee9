package temporal

// scanner reads the parts of a text from the left. Its methods move on only where
// they find what they look for.
type scanner struct {
	text string
	at   int
}

func (p *scanner) end() bool { return p.at == len(p.text) }

// peek is the next byte in upper case, or 0 at the end.
func (p *scanner) peek() byte {
	if p.end() {
		return 0
	}
	return upper(p.text[p.at])
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		c -= 'a' - 'A'
	}
	return c
}

// skip takes the byte c, a letter in either case.
func (p *scanner) skip(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

// run counts the digits that come next.
func (p *scanner) run() int {
	n := 0
	for p.at+n < len(p.text) && p.text[p.at+n] >= '0' && p.text[p.at+n] <= '9' {
		n++
	}
	return n
}

// digits takes exactly n digits, at most 18.
func (p *scanner) digits(n int) (int64, bool) {
	if p.run() < n {
		return 0, false
	}
	var v int64
	for range n {
		v = v*10 + int64(p.text[p.at]-'0')
		p.at++
	}
	return v, true
}

// sign takes + or -.
func (p *scanner) sign() (sign int64, signed bool) {
	switch {
	case p.skip('+'):
		return 1, true
	case p.skip('-'):
		return -1, true
	}
	return 1, false
}

// fraction takes a decimal separator and 1 to 9 digits after it, as nanoseconds.
func (p *scanner) fraction() (nanos int64, ok bool) {
	from := p.at
	if !p.skip('.') && !p.skip(',') {
		return 0, true
	}
	n := p.run()
	if n == 0 || n > 9 {
		p.at = from
		return 0, false
	}
	nanos, _ = p.digits(n)
	for ; n < 9; n++ {
		nanos *= 10
	}
	return nanos, true
}

// offset takes ±HH, ±HHMM, ±HH:MM, ±HHMMSS or ±HH:MM:SS of at most 18 hours.
func (p *scanner) offset() (seconds int32, ok bool) {
	sign, signed := p.sign()
	if !signed {
		return 0, false
	}
	hours, ok := p.digits(2)
	if !ok {
		return 0, false
	}
	total := hours * 3600
	colon := p.peek() == ':'
	for _, unit := range []int64{60, 1} {
		if colon && !p.skip(':') || !colon && p.run() == 0 {
			break
		}
		n, ok := p.digits(2)
		if !ok || n > 59 {
			return 0, false
		}
		total += n * unit
	}
	return int32(sign * total), total <= maxOffset
}
