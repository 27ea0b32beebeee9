package output

import (
	"strings"

	"golang.org/x/text/width"
)

// Table prints rows under a header, columns aligned by what a terminal shows
// rather than by bytes. Cells are cleaned. Without rows it prints empty.
func (p *Printer) Table(empty string, header []string, rows [][]string) error {
	if len(rows) == 0 {
		p.Say("%s", empty)
		return nil
	}
	widths := make([]int, len(header))
	for _, row := range append([][]string{header}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], Width(Clean(cell)))
		}
	}
	var b strings.Builder
	line := func(row []string, style Style) {
		var l strings.Builder
		for i, cell := range row {
			cell = Clean(cell)
			l.WriteString(cell)
			if i < len(row)-1 {
				l.WriteString(strings.Repeat(" ", widths[i]-Width(cell)+2))
			}
		}
		text := strings.TrimRight(l.String(), " ")
		if style != "" {
			text = p.Mark(style, text)
		}
		b.WriteString(text + "\n")
	}
	line(header, Bold)
	for _, row := range rows {
		line(row, "")
	}
	_, err := p.Out.Write([]byte(b.String()))
	return err
}

// Field is one line of a card.
type Field struct{ Name, Value string }

// Card prints names and values under each other, leaving out fields without a
// value.
func (p *Printer) Card(fields []Field) error {
	widest := 0
	for _, f := range fields {
		if f.Value != "" {
			widest = max(widest, Width(f.Name))
		}
	}
	var b strings.Builder
	for _, f := range fields {
		if f.Value == "" {
			continue
		}
		b.WriteString(p.Mark(Dim, f.Name) + strings.Repeat(" ", widest-Width(f.Name)+2) + Clean(f.Value) + "\n")
	}
	_, err := p.Out.Write([]byte(b.String()))
	return err
}

// Width is how many columns s takes on a terminal: two for wide characters
// (Unicode Standard Annex 11), none for combining marks.
func Width(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case r >= 0x300 && r <= 0x36f || r == 0x200d || r >= 0xfe00 && r <= 0xfe0f:
		case r >= 0x1f300 && r <= 0x1faff:
			n += 2
		default:
			switch width.LookupRune(r).Kind() {
			case width.EastAsianWide, width.EastAsianFullwidth:
				n += 2
			default:
				n++
			}
		}
	}
	return n
}
