package conformance

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Canonical rewrites a cell of a table so that equal values are equal texts: map
// keys and labels in order, numbers in one spelling and, if loose, the elements
// of lists in order too.
func Canonical(cell string, loose bool) (string, error) {
	p := cellReader{text: cell, loose: loose}
	out, err := p.value()
	if err != nil {
		return "", fmt.Errorf("cell %q: %w", cell, err)
	}
	if p.space(); p.text != "" {
		return "", fmt.Errorf("cell %q: %q is left over", cell, p.text)
	}
	return out, nil
}

type cellReader struct {
	text  string
	loose bool
}

func (p *cellReader) space() { p.text = strings.TrimLeft(p.text, " \t\n") }

func (p *cellReader) take(s string) bool {
	p.space()
	if !strings.HasPrefix(p.text, s) {
		return false
	}
	p.text = p.text[len(s):]
	return true
}

func (p *cellReader) need(s string) error {
	if !p.take(s) {
		return fmt.Errorf("%q expected at %q", s, p.text)
	}
	return nil
}

func (p *cellReader) value() (string, error) {
	p.space()
	switch {
	case strings.HasPrefix(p.text, "'"):
		return p.quoted()
	case strings.HasPrefix(p.text, "["):
		if strings.HasPrefix(strings.TrimLeft(p.text[1:], " "), ":") {
			return p.rel()
		}
		return p.list()
	case strings.HasPrefix(p.text, "{"):
		return p.mapping()
	case strings.HasPrefix(p.text, "("):
		return p.node()
	case strings.HasPrefix(p.text, "<"):
		return p.path()
	}
	return p.word()
}

func (p *cellReader) quoted() (string, error) {
	for i := 1; i < len(p.text); i++ {
		switch p.text[i] {
		case '\\':
			i++
		case '\'':
			out := p.text[:i+1]
			p.text = p.text[i+1:]
			return strings.NewReplacer(`\\`, `\`, `\'`, `'`).Replace(out), nil
		}
	}
	return "", fmt.Errorf("the string %q does not end", p.text)
}

func (p *cellReader) word() (string, error) {
	end := strings.IndexAny(p.text, ",]}) ")
	if end < 0 {
		end = len(p.text)
	}
	word := p.text[:end]
	p.text = p.text[end:]
	if word == "" {
		return "", fmt.Errorf("a value was expected at %q", p.text)
	}
	if _, err := strconv.ParseInt(word, 10, 64); err == nil {
		return word, nil
	}
	if f, err := strconv.ParseFloat(word, 64); err == nil {
		if f == 0 {
			f = 0 // -0.0 is equal to 0.0
		}
		return "f" + strconv.FormatFloat(f, 'g', 15, 64), nil
	}
	return word, nil
}

func (p *cellReader) list() (string, error) {
	items, err := p.items("[", "]", p.value)
	if p.loose {
		slices.Sort(items)
	}
	return "[" + strings.Join(items, ", ") + "]", err
}

func (p *cellReader) items(open, end string, one func() (string, error)) (items []string, err error) {
	if err = p.need(open); err != nil || p.take(end) {
		return nil, err
	}
	for {
		item, err := one()
		if err != nil {
			return nil, err
		}
		items = append(items, item)
		if p.take(end) {
			return items, nil
		}
		if err := p.need(","); err != nil {
			return nil, err
		}
	}
}

func (p *cellReader) mapping() (string, error) {
	items, err := p.items("{", "}", func() (string, error) {
		p.space()
		colon := strings.IndexByte(p.text, ':')
		if colon < 0 {
			return "", fmt.Errorf("a key was expected at %q", p.text)
		}
		key := strings.Trim(strings.TrimSpace(p.text[:colon]), "`")
		p.text = p.text[colon+1:]
		v, err := p.value()
		return key + ": " + v, err
	})
	slices.Sort(items)
	return "{" + strings.Join(items, ", ") + "}", err
}

func (p *cellReader) names(end string) (out string) {
	var list []string
	for p.take(":") {
		p.space()
		if strings.HasPrefix(p.text, "`") {
			if i := strings.IndexByte(p.text[1:], '`'); i >= 0 {
				list = append(list, p.text[1:i+1])
				p.text = p.text[i+2:]
				continue
			}
		}
		n := strings.IndexAny(p.text, ": {"+end)
		if n < 0 {
			n = len(p.text)
		}
		list = append(list, p.text[:n])
		p.text = p.text[n:]
	}
	slices.Sort(list)
	for _, l := range list {
		out += ":" + l
	}
	return out
}

func (p *cellReader) thing(open, end string) (string, error) {
	if err := p.need(open); err != nil {
		return "", err
	}
	out := open + p.names(end)
	if p.space(); strings.HasPrefix(p.text, "{") {
		props, err := p.mapping()
		if err != nil {
			return "", err
		}
		if props != "{}" {
			out += " " + props
		}
	}
	return out + end, p.need(end)
}

func (p *cellReader) node() (string, error) { return p.thing("(", ")") }
func (p *cellReader) rel() (string, error)  { return p.thing("[", "]") }

func (p *cellReader) path() (string, error) {
	if err := p.need("<"); err != nil {
		return "", err
	}
	var out strings.Builder
	out.WriteString("<")
	for {
		n, err := p.node()
		if err != nil {
			return "", err
		}
		out.WriteString(n)
		if p.take(">") {
			return out.String() + ">", nil
		}
		left := p.take("<-")
		if !left && !p.take("-") {
			r, _ := utf8.DecodeRuneInString(p.text)
			return "", fmt.Errorf("unexpected %q in a path", r)
		}
		r, err := p.rel()
		if err != nil {
			return "", err
		}
		if left {
			out.WriteString("<-" + r + "-")
			err = p.need("-")
		} else {
			out.WriteString("-" + r + "->")
			err = p.need("->")
		}
		if err != nil {
			return "", err
		}
	}
}
