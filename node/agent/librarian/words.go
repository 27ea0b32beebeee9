package librarian

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }

// fold is how words are compared: lower case, one space between.
func fold(s string) string { return strings.Join(strings.Fields(strings.ToLower(s)), " ") }

// split makes words of an identifier: DEPENDS_ON is depends, on.
func split(identifier string) []string {
	return strings.FieldsFunc(strings.ToLower(identifier), func(r rune) bool {
		return strings.ContainsRune("_-.: ", r)
	})
}

// base undoes the s of a verb or a plural: depends, imports, uses, dependencies.
func base(word string) string {
	switch {
	case strings.HasSuffix(word, "ies") && len(word) > 4:
		return word[:len(word)-3] + "y"
	case strings.HasSuffix(word, "sses"), strings.HasSuffix(word, "shes"), strings.HasSuffix(word, "ches"), strings.HasSuffix(word, "xes"):
		return word[:len(word)-2]
	case strings.HasSuffix(word, "s") && !strings.HasSuffix(word, "ss") && len(word) > 2:
		return word[:len(word)-1]
	}
	return word
}

// withS is base's other form.
func withS(word string) string {
	switch {
	case strings.HasSuffix(word, "y") && len(word) > 1 && !strings.ContainsRune("aeiou", rune(word[len(word)-2])):
		return word[:len(word)-1] + "ies"
	case strings.HasSuffix(word, "s"), strings.HasSuffix(word, "sh"), strings.HasSuffix(word, "ch"), strings.HasSuffix(word, "x"):
		return word + "es"
	}
	return word + "s"
}

// plural counts things: 1 package, 2 packages.
func plural(n uint64, word string) string {
	word = strings.Join(split(word), " ")
	if n != 1 {
		word = withS(word)
	}
	return utoa(n) + " " + word
}

func be(n uint64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// article gives a type its a or an.
func article(word string) string {
	word = strings.Join(split(word), " ")
	if word != "" && strings.ContainsRune("aeiou", rune(word[0])) {
		return "an " + word
	}
	return "a " + word
}

// maxNamed is how many things a sentence names before it says how many more.
const maxNamed = 20

// enumerate names the first of things, and says how many it left out.
func enumerate(names []string, total int) string {
	shown := names[:min(len(names), maxNamed)]
	out := strings.Join(shown, ", ")
	if more := total - len(shown); more > 0 {
		out += fmt.Sprintf(" and %d more", more)
	}
	return out
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// distance is the Levenshtein distance of two short words, counted in runes.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i, cx := range x {
		diag := row[0]
		row[0] = i + 1
		for j, cy := range y {
			cost := 1
			if cx == cy {
				cost = 0
			}
			diag, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diag+cost)
		}
	}
	return row[len(y)]
}

// unique keeps the first of equal elements.
func unique[T comparable](list []T) []T {
	var out []T
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}
