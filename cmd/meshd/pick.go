package main

import "strings"

// minPrefix is how much of an id names a node, groups and dashes aside.
const minPrefix = 5

// pickMember finds the member that word names and says how many fit. A whole
// id or a name comes before the beginning of an id.
func pickMember(members []memberBody, word string) (found memberBody, same int) {
	for _, m := range members {
		if strings.EqualFold(m.ID, word) {
			return m, 1
		}
	}
	for _, m := range members {
		if m.Name == word {
			found = m
			same++
		}
	}
	if same > 0 {
		return found, same
	}
	prefix := bare(word)
	if len(prefix) < minPrefix {
		return found, 0
	}
	for _, m := range members {
		if strings.HasPrefix(bare(m.ID), prefix) {
			found = m
			same++
		}
	}
	return found, same
}

func bare(id string) string { return strings.ToLower(strings.ReplaceAll(id, "-", "")) }
