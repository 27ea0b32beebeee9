package search

import "strings"

// Holds says whether a document's type or one of its texts contains a folded
// needle, as Contains promises for those it yields.
func Holds(texts []Text, typ, needle string, fold func(string) string) bool {
	if strings.Contains(fold(typ), needle) {
		return true
	}
	for _, t := range texts {
		if strings.Contains(fold(t.Text), needle) {
			return true
		}
	}
	return false
}
