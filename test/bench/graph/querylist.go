package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// queries are what a dataset of its own kind is asked.
type queries struct {
	patterns []pattern
	label    string // of many nodes, which have a property of a value
	property string
	value    string
}

func star(typ ...string) (edges []link) {
	for i, t := range typ {
		edges = append(edges, link{'a', byte('b' + i), t})
	}
	return edges
}

func chain(typ ...string) (edges []link) {
	for i, t := range typ {
		edges = append(edges, link{byte('a' + i), byte('b' + i), t})
	}
	return edges
}

func not(from, to byte, typ string) *link { return &link{from, to, typ} }

const wider, narrower, sense, part = "HYPERNYM", "HYPONYM", "SENSE", "PART_MERONYM"

var wordnetQueries = queries{
	label: "synset", property: "part_of_speech", value: "v",
	patterns: []pattern{
		{name: "chain of 2", edges: chain(wider, wider)},
		{name: "chain of 3", edges: chain(sense, wider, part)},
		{name: "chain of 4", edges: chain(wider, wider, wider, wider)},
		{name: "chain of 6", edges: chain(wider, wider, wider, wider, wider, wider)},
		{name: "triangle", edges: []link{{'a', 'b', sense}, {'b', 'c', wider}, {'a', 'c', sense}}},
		{name: "square", edges: []link{{'a', 'b', sense}, {'b', 'c', wider}, {'d', 'c', sense}, {'a', 'd', "DERIVATIONALLY_RELATED"}}},
		{name: "star of 3", edges: star(wider, narrower, part)},
		{name: "star of 4", edges: star(wider, narrower, part, "PART_HOLONYM")},
		{name: "chain of 2, not closed", edges: chain(wider, wider), not: not('a', 'c', wider)},
		{name: "chain of 2 from words, not closed", edges: chain(sense, wider), not: not('a', 'c', sense)},
		{name: "chain of 4, not closed", edges: chain(wider, wider, wider, wider), not: not('a', 'e', "INSTANCE_HYPERNYM")},
		{name: "star of 3, two not joined", edges: star(wider, narrower, part), not: not('c', 'd', part)},
	},
}

const needs, suggests, wants, provides = "DEPENDS", "SUGGESTS", "RECOMMENDS", "PROVIDES"

var debianQueries = queries{
	label: "package", property: "architecture", value: "all",
	patterns: []pattern{
		{name: "chain of 2", edges: chain(needs, "PRE_DEPENDS")},
		{name: "chain of 3", edges: chain(wants, suggests, wants)},
		{name: "chain of 4", edges: chain("PRE_DEPENDS", needs, needs, "IN_SECTION")},
		{name: "chain of 6", edges: chain("ENHANCES", needs, wants, wants, wants, "IN_SECTION")},
		{name: "triangle", edges: []link{{'a', 'b', wants}, {'b', 'c', needs}, {'a', 'c', wants}}},
		{name: "square", edges: []link{{'a', 'b', "ENHANCES"}, {'b', 'c', "MAINTAINED_BY"}, {'a', 'd', "IN_SECTION"}, {'b', 'd', "IN_SECTION"}}},
		{name: "star of 3", edges: star(wants, suggests, "PRE_DEPENDS")},
		{name: "star of 4", edges: star("ENHANCES", wants, "IN_SECTION", "MAINTAINED_BY")},
		{name: "chain of 2, not closed", edges: chain(wants, wants), not: not('a', 'c', needs)},
		{name: "chain of 3, not closed", edges: chain("CONFLICTS", provides, "IN_SECTION"), not: not('a', 'd', "IN_SECTION")},
		{name: "star of 3, two not joined", edges: star(wants, suggests, "PRE_DEPENDS"), not: not('b', 'c', needs)},
	},
}

// counting counts a pattern.
func counting(s *shape, p *pattern) inquiry {
	want := s.count(p)
	return inquiry{name: p.name, text: p.text(), check: func(_ int, a *table) error { return isNumber(a, want) }}
}

func isNumber(a *table, want int) error {
	got, err := a.number()
	if err == nil && got != want {
		err = fmt.Errorf("%d, but %d were counted in memory", got, want)
	}
	return err
}

// mostShown is the most nodes that walks are asked for.
const mostShown = 1000

// reaching asks for the nodes that lie up to so many edges away.
func reaching(s *shape, w walk, depth int) inquiry {
	key := func(i int) string { return w.starts[i%len(w.starts)] }
	return inquiry{
		name: w.name, text: fmt.Sprintf("MATCH (a {key: $k})-[:%s*1..%d]->(b) WHERE b <> a RETURN DISTINCT b LIMIT %d", w.edge, depth, mostShown),
		params: func(i int) object { return object{"k": key(i)} },
		check: func(i int, a *table) error {
			if want := min(mostShown, s.within(key(i), w.edge, depth)); a.Count != want {
				return fmt.Errorf("%d nodes, but %d in memory", a.Count, want)
			}
			return nil
		},
		beside: func(i int) request {
			return get(query("/graph/neighbors", "key", key(i), "direction", "out", "depth", fmt.Sprint(depth), "type", w.edge, "limit", fmt.Sprint(mostShown)))
		},
		same: func(_ int, a *table, structured []byte) error {
			var got struct {
				Count     int
				Truncated bool
			}
			if err := json.Unmarshal(structured, &got); err != nil {
				return err
			}
			if got.Count != a.Count && !got.Truncated {
				return fmt.Errorf("%d nodes, but %d are neighbors", a.Count, got.Count)
			}
			return nil
		},
	}
}

// fanning counts the same nodes without showing them.
func fanning(s *shape, w walk) inquiry {
	q := reaching(s, w, 3)
	return inquiry{
		name: w.name + ", counted", text: fmt.Sprintf("MATCH (a {key: $k})-[:%s*1..3]->(b) WHERE b <> a RETURN count(DISTINCT b)", w.edge), params: q.params,
		check: func(i int, a *table) error { return isNumber(a, s.within(w.starts[i%len(w.starts)], w.edge, 3)) },
	}
}

// joining asks for shortest paths.
func joining(pairs [][2]string) inquiry {
	ends := func(i int) [2]string { return pairs[i%len(pairs)] }
	return inquiry{
		name: "shortest path", text: "MATCH p = shortestPath((a {key: $a})-[*..20]-(b {key: $b})) RETURN p",
		params: func(i int) object { return object{"a": ends(i)[0], "b": ends(i)[1]} },
		beside: func(i int) request {
			return get(query("/graph/path", "from_key", ends(i)[0], "to_key", ends(i)[1], "max_depth", "20"))
		},
		same: func(_ int, a *table, structured []byte) error {
			var got struct {
				Found, Truncated bool
				Length           int
			}
			if err := json.Unmarshal(structured, &got); err != nil || got.Truncated {
				return err
			}
			if got.Found != (a.Count == 1) {
				return fmt.Errorf("%d rows, but /graph/path says found: %v", a.Count, got.Found)
			}
			if !got.Found {
				return nil
			}
			var p struct{ Relationships []any }
			if err := json.Unmarshal(a.Rows[0][0], &p); err != nil {
				return err
			}
			if len(p.Relationships) != got.Length {
				return fmt.Errorf("%d edges, but /graph/path has %d", len(p.Relationships), got.Length)
			}
			return nil
		},
	}
}

// overall asks what all nodes or edges say.
func overall(s *shape, own queries) []inquiry {
	const page = 200
	stats := func(int) request { return get(query("/graph/stats")) }
	filtered := s.says[fmt.Sprintf("%s %s=%q", own.label, own.property, own.value)]
	return []inquiry{
		{
			name: "how many nodes of a label", text: fmt.Sprintf("MATCH (n:%s) RETURN count(n)", own.label), beside: stats,
			check: func(_ int, a *table) error { return isNumber(a, s.says[own.label]) },
		},
		{
			name: "how many nodes of a label have a value", text: fmt.Sprintf("MATCH (n:%s) WHERE n.%s = '%s' RETURN count(n)", own.label, own.property, own.value),
			check: func(_ int, a *table) error { return isNumber(a, filtered) },
		},
		{
			name: "200 nodes of a label and value", text: fmt.Sprintf("MATCH (n:%s {%s: '%s'}) RETURN n LIMIT %d", own.label, own.property, own.value, page),
			check: func(_ int, a *table) error {
				if a.Count != min(page, filtered) {
					return fmt.Errorf("%d nodes of %d", a.Count, filtered)
				}
				return nil
			},
			beside: func(int) request {
				return get(query("/graph/nodes", "node_type", own.label, "where["+own.property+"]", own.value, "limit", fmt.Sprint(page)))
			},
		},
		{
			name: "nodes by label", text: "MATCH (n) RETURN labels(n)[0], count(*)", beside: stats,
			check: func(_ int, a *table) error {
				return isTally(a, func(label string) int { return s.says[label] }, len(labelled(s)))
			},
		},
		{
			name: "edges by type", text: "MATCH ()-[r]->() RETURN type(r), count(*)", beside: stats,
			check: func(_ int, a *table) error {
				return isTally(a, func(typ string) int { return s.edges[typ] }, len(s.edges))
			},
		},
		{
			name: "values of a property, by number", text: fmt.Sprintf("MATCH (n:%s) RETURN n.%s AS v, count(*) AS c ORDER BY c DESC, v LIMIT 10", own.label, own.property),
			check: func(_ int, a *table) error {
				return isTally(a, func(v string) int { return s.says[fmt.Sprintf("%s %s=%q", own.label, own.property, v)] }, a.Count)
			},
		},
	}
}

func labelled(s *shape) (labels []string) {
	for what, n := range s.says {
		if !strings.Contains(what, " ") && n > 0 {
			labels = append(labels, what)
		}
	}
	return labels
}

// isTally holds rows of a name and a number against what is known.
func isTally(a *table, want func(name string) int, rows int) error {
	if len(a.Rows) != rows {
		return fmt.Errorf("%d rows, but %d in memory", len(a.Rows), rows)
	}
	for _, r := range a.Rows {
		var name *string
		var n int
		if err := json.Unmarshal(r[0], &name); err != nil {
			return err
		}
		if err := json.Unmarshal(r[1], &n); err != nil {
			return err
		}
		if name != nil && n != want(*name) {
			return fmt.Errorf("%d of %s, but %d in memory", n, *name, want(*name))
		}
	}
	return nil
}

// smallQueries touch as many nodes whatever the graph's size.
func smallQueries(d *dataset) []inquiry {
	key := func(i int) object { return object{"k": d.keys[i%len(d.keys)]} }
	rows := func(least int) func(int, *table) error {
		return func(_ int, a *table) error {
			if a.Count < least {
				return fmt.Errorf("%d rows, at least %d were to come", a.Count, least)
			}
			return nil
		}
	}
	path := joining(d.pairs)
	path.text = "MATCH p = shortestPath((a {key: $a})-[:knows*..20]->(b {key: $b})) RETURN p"
	path.beside = func(i int) request {
		p := d.pairs[i%len(d.pairs)]
		return get(query("/graph/path", "from_key", p[0], "to_key", p[1], "max_depth", "20", "type", "knows", "direction", "out"))
	}
	return []inquiry{
		{name: "by key", text: "MATCH (a {key: $k}) RETURN a", params: key, check: rows(1),
			beside: func(i int) request { return get(query("/graph/nodes", "key", d.keys[i%len(d.keys)])) }},
		{name: "1 hop", text: "MATCH (a {key: $k})-[r]->(b) RETURN r, b", params: key, check: rows(2),
			beside: func(i int) request {
				return get(query("/graph/neighbors", "key", d.keys[i%len(d.keys)], "direction", "out"))
			}},
		{name: "1 hop, to a key", text: "MATCH (a)-[:follows]->(b {key: $k}) RETURN a", params: key, check: rows(1)},
		{name: "3 hops", text: "MATCH (a {key: $k})-[*3]->(b) RETURN count(DISTINCT b)", params: key, check: rows(1)},
		{name: "1 hop and back, not closed", text: "MATCH (a {key: $k})-[:follows]->(b)<-[:knows]-(c) WHERE NOT (a)-[:knows]->(c) RETURN c", params: key},
		path,
		{name: "count of a small label", text: "MATCH (n:few) RETURN count(n)", check: func(_ int, a *table) error { return isNumber(a, few) }},
		{name: "scan of a small label", text: "MATCH (n:few) WHERE n.n >= 50 RETURN count(n)", check: func(_ int, a *table) error { return isNumber(a, few/2) }},
		{name: "a rare type between nodes of a small label", text: "MATCH (a:few)-[:rarely]->(b)-[:rarely]->(c) RETURN count(*)", check: func(_ int, a *table) error { return isNumber(a, few/2-1) }},
		{name: "a rare type at a key", text: "MATCH (a)-[:rarely]->(b {key: $k}) RETURN count(a)", params: func(i int) object { return object{"k": fmt.Sprint("few ", 1+i%(few/2))} },
			check: func(_ int, a *table) error { return isNumber(a, 1) }},
		{name: "count of everything", text: "MATCH (n) RETURN count(n)", check: rows(1)},
		{name: "first 10 of a large label", text: "MATCH (n:kindA) RETURN n LIMIT 10", check: rows(10)},
	}
}
