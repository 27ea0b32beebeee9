package graphsync

// pager fills a page: it counts what was looked at and what was taken, and
// knows where the next page goes on.
type pager struct {
	limit, count, scanned int
	left                  answerBudget
	sieve                 sieve
	last, before          []byte
	more                  bool
}

func newPager(limit int, a Answer, s sieve) *pager {
	return &pager{limit: limit, left: a.budget(), sieve: s}
}

// look says whether a key may be looked at; else the page has ended before it.
func (p *pager) look(k []byte) bool {
	if p.more || p.count == p.limit || p.scanned >= maxScan {
		p.more = true
		return false
	}
	p.scanned++
	p.before, p.last = p.last, append(p.before[:0], k...)
	return true
}

// take says whether a record that was looked at goes into the page; else the
// page has ended before it.
func (p *pager) take(size int) bool {
	if !p.left.take(size) {
		p.last, p.more = p.before, true
		return false
	}
	p.count++
	return true
}

// end is the page's cursor, and whether it is shorter than was asked for.
func (p *pager) end(kind byte) (cursor string, truncated bool) {
	if !p.more {
		return "", false
	}
	return encodeCursor(kind, p.last), p.count < p.limit
}
