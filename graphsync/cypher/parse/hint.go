package parse

import "github.com/meshd/meshd/graphsync/cypher/lex"

// hints are what to write instead of words of other query languages, and of
// clauses in the wrong order.
var hints = map[string]string{
	"LIKE":    "write CONTAINS, STARTS WITH, ENDS WITH or =~",
	"ILIKE":   "write =~ '(?i)…'",
	"BETWEEN": "write a <= x <= b",
	"GROUP":   "there is no GROUP BY: what is not aggregated in WITH and RETURN groups by itself",
	"HAVING":  "write WITH … WHERE",
	"OFFSET":  "write SKIP",
	"SELECT":  "write MATCH … RETURN",
	"ORDER":   "ORDER BY stands behind the items of WITH or RETURN, before SKIP and LIMIT",
	"SKIP":    "SKIP stands before LIMIT",
	"WHERE":   "WHERE stands behind MATCH, or at the end of WITH",
}

// hint is what may have been meant at the present token, or nothing.
func (p *parser) hint() string {
	t := p.tok()
	text := ""
	switch {
	case t.Kind == lex.Word:
		text = hints[t.Key]
		if t.Key == "NOT" {
			switch p.peek(1).Key {
			case "IN", "CONTAINS", "STARTS", "ENDS":
				text = "NOT stands before the comparison: NOT x " + p.peek(1).Key + " y"
			}
		}
	case t.Is("!") && p.peek(1).Is("="):
		text = "unequal is <>"
	case t.Is("=") && p.at > 0 && p.token(p.at-1).Is("="):
		text = "equal is ="
	case t.Is("&"):
		text = "write AND"
	case t.Is("||"):
		text = "write OR between conditions, + between texts and lists"
	}
	if text != "" {
		text = ": " + text
	}
	return text
}
