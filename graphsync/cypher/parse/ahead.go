package parse

// bracket is what is known of one before it is parsed: the index of its partner
// (or of the last token), and whether commas and bars stand directly inside.
type bracket struct {
	end        int
	comma, bar bool
}

var closing = map[string]string{"(": ")", "[": "]", "{": "}"}

// pair finds the partners of all brackets. Where they do not fit, the parser will
// come to the place by itself and say so.
func (p *parser) pair() {
	last := len(p.toks) - 1
	p.open = make([]bracket, len(p.toks))
	var stack []int
	for i := range p.toks {
		t := &p.toks[i]
		if t.Kind != sign {
			continue
		}
		switch t.Text {
		case "(", "[", "{":
			stack = append(stack, i)
			p.open[i] = bracket{end: last}
		case ")", "]", "}":
			if n := len(stack) - 1; n >= 0 && closing[p.toks[stack[n]].Text] == t.Text {
				p.open[stack[n]].end = i
				stack = stack[:n]
			}
		case ",", "|":
			if n := len(stack) - 1; n >= 0 {
				b := &p.open[stack[n]]
				b.comma = b.comma || t.Text == ","
				b.bar = b.bar || t.Text == "|"
			}
		}
	}
}

// nodeAhead is the index behind a node pattern that begins at i, if what stands
// there has the form of one.
func (p *parser) nodeAhead(i int) (int, bool) {
	if !p.token(i).Is("(") {
		return 0, false
	}
	end := p.open[i].end
	i++
	if p.token(i).Name() {
		i++
	}
	for p.token(i).Is(":") && p.token(i+1).Name() {
		i += 2
		for (p.token(i).Is("|") || p.token(i).Is("&")) && p.token(i+1).Name() {
			i += 2
		}
	}
	switch {
	case p.token(i).Is("{"):
		i = p.open[i].end + 1
	case p.token(i).Kind == param:
		i++
	}
	return end + 1, i == end && p.token(i).Is(")")
}

// patternAhead says that at i begin a node pattern, a relationship pattern and a
// node pattern: then what follows is a pattern and no arithmetic.
func (p *parser) patternAhead(i int) bool {
	i, ok := p.nodeAhead(i)
	if !ok {
		return false
	}
	left := p.drawn(i, "<")
	if left {
		i++
	}
	if !p.drawn(i, "-") {
		return false
	}
	i++
	if p.token(i).Is("[") {
		i = p.open[i].end + 1
	}
	if !p.drawn(i, "-") {
		return false
	}
	i++
	if p.drawn(i, ">") {
		i++
	}
	_, ok = p.nodeAhead(i)
	return ok
}

// drawn says that at i is -, < or >, or one of the characters that look like it.
func (p *parser) drawn(i int, s string) bool {
	t := p.token(i)
	return t.Is(s) || t.Kind == sign && t.Key == s
}
