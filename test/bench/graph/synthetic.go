package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/meshd/meshd/graphsync/formats"
)

// made is a graph in which everything grows with the number of entities but what
// an answer holds: each entity has one observation and two relations, mostly to
// neighbours, and rare words have ten entities each at every size. It writes
// the file of the reference memory server; formats reads it.
type made struct {
	entities, at, step int
	line               []byte
}

// vocabulary is how many common words there are.
const vocabulary = 2000

func entityName(i int) string { return fmt.Sprintf("entity %07d", i) }

// word is a made word; those of low numbers are in more texts.
func word(i int) string {
	const parts = "bacadafagalamanaparasatavazabecedefegelemeneperesetevezebicidifigiliminipirisitivizi"
	var b strings.Builder
	for range 3 {
		b.WriteString(parts[i%42*2 : i%42*2+2])
		i = i/42 + 1
	}
	return b.String()
}

// rareWord is in the texts of about ten entities.
func rareWord(i int) string { return fmt.Sprintf("q%dx", i) }

// linked are the two entities that i speaks of.
func linked(i, entities int) [2]int {
	r := fixed(uint64(i) + 1)
	return [2]int{(i + 1) % entities, (i + 1 + r.IntN(100)) % entities}
}

func observation(i, entities int) string {
	r := fixed(uint64(i) + 1<<40)
	var b strings.Builder
	for range 8 {
		b.WriteString(word(int(float64(vocabulary)*r.Float64()*r.Float64()*r.Float64())) + " ")
	}
	return b.String() + rareWord(i%max(1, entities/10))
}

// Read implements io.Reader: the lines of the file.
func (m *made) Read(p []byte) (int, error) {
	if len(m.line) == 0 {
		if m.at == m.entities {
			if m.at, m.step = 0, m.step+1; m.step > 2 || m.entities == 0 {
				return 0, io.EOF
			}
		}
		m.next()
	}
	n := copy(p, m.line)
	m.line = m.line[n:]
	return n, nil
}

func (m *made) next() {
	var line any
	if m.step == 0 {
		line = map[string]any{"type": "entity", "name": entityName(m.at), "entityType": "kind" + string(rune('A'+m.at%8)), "observations": []string{observation(m.at, m.entities)}}
	} else {
		line = map[string]any{"type": "relation", "from": entityName(m.at), "to": entityName(linked(m.at, m.entities)[m.step-1]), "relationType": []string{"follows", "knows"}[m.step-1]}
	}
	m.line, _ = json.Marshal(line) // texts always encode
	m.line = append(m.line, '\n')
	m.at++
}

// synthetic is such a graph to load, and what to ask of it.
func synthetic(dir string, entities int) (*dataset, error) {
	r, err := formats.NewReader(&made{entities: entities}, formats.Memory)
	if err != nil {
		return nil, err
	}
	d := &dataset{name: fmt.Sprintf("made-%d", entities)}
	if err := d.keep(dir, r, false, func(*formats.Record) {}); err != nil {
		return nil, err
	}
	random := fixed(7)
	var rare []string
	for range samples {
		d.keys = append(d.keys, entityName(random.IntN(entities)))
		rare = append(rare, rareWord(random.IntN(max(1, entities/10))))
	}
	d.one = walk{"1 hop out", d.keys, "", "1"}
	d.three = walk{"3 hops out", d.keys, "", "3"}
	d.all = walk{"6 hops along one type", d.keys, "follows", "6"}
	for range 30 { // ends that a few steps of "knows" join, so that the answer stays as it is
		from := random.IntN(entities)
		to := from
		for range 6 {
			to = linked(to, entities)[1]
		}
		d.pairs = append(d.pairs, [2]string{entityName(from), entityName(to)})
	}
	common := func(n int) (out []string) {
		for range samples {
			out = append(out, word(random.IntN(n))+" "+word(random.IntN(n)))
		}
		return out
	}
	d.searches = []search{
		{"search, a rare word", "words", rare},
		{"search, two common words", "words", common(200)},
		{"search, beginning of a word", "words", endings(starts(rare, 4), "*")},
		{"search, part of any text", "substring", rare},
	}
	return d, nil
}
