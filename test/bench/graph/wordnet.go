package main

import (
	"os"
	"strings"

	"github.com/meshd/meshd/graphsync/formats"
)

// samples is how many nodes are asked for in turn, so that no answer is only
// the one before it again.
const samples = 1000

// wordnet is WordNet 3.1 from a directory with its dictionary: words, meanings
// with their glosses, and 27 types of edges between them.
func wordnet(dict, dir string, part bool) (*dataset, error) {
	files := os.DirFS(dict)
	if part {
		files = partFS{files}
	}
	r, err := formats.NewWordNet(files)
	if err != nil {
		return nil, err
	}
	d := &dataset{name: "wordnet"}
	var synsets, lemmas, nouns, verbs []string
	wide := map[string]bool{} // that have narrower meanings
	if err := d.keep(dir, r, part, func(r *formats.Record) {
		switch {
		case r.Edge != nil && r.Edge.Type == "HYPONYM":
			wide[r.Edge.Source] = true
		case r.Node == nil:
		case r.Node.Type == "lemma":
			lemmas = append(lemmas, r.Node.Label)
		default:
			synsets = append(synsets, r.Node.Key)
			switch r.Node.Key[0] {
			case 'n':
				nouns = append(nouns, r.Node.Key)
			case 'v':
				verbs = append(verbs, r.Node.Key)
			}
		}
	}); err != nil {
		return nil, err
	}
	random := fixed(31)
	var fans []string
	for _, key := range nouns { // in the order of the file
		if wide[key] {
			fans = append(fans, key)
		}
	}
	d.keys = choose(random, synsets, samples)
	d.one = walk{"1 hop out", d.keys, "", "1"}
	d.three = walk{"3 hops of narrower meanings", choose(random, fans, samples), "HYPONYM", "3"}
	d.all = walk{"all wider meanings", choose(random, nouns, samples), "HYPERNYM", "10"}
	for range 30 {
		ends := choose(random, nouns, 2)
		d.pairs = append(d.pairs, [2]string{ends[0], ends[1]})
	}
	words := choose(random, lemmas, samples)
	d.searches = []search{
		{"search, words of glosses", "words", []string{"small animal", "large body of water", "make a sound", "person who writes", "unit of currency", "act of moving", "flowering plant", "without help", "act quickly", "disease of the skin"}},
		{"search, a word", "words", words},
		{"search, beginning of a word", "words", endings(starts(words, 4), "*")},
		{"search, a word one letter off", "words", endings(middles(words), "~")},
		{"search, part of any text", "substring", middles(words)},
	}
	return d, nil
}

// starts are the first n bytes of texts of ASCII, or what there is.
func starts(texts []string, n int) (out []string) {
	for _, t := range texts {
		out = append(out, strings.TrimSpace(t[:min(n, len(t))]))
	}
	return out
}

// endings are the first words of texts, those with some letters, with a sign
// behind.
func endings(texts []string, sign string) (out []string) {
	for _, t := range texts {
		word, _, _ := strings.Cut(t, " ")
		if word = strings.Trim(word, "-'."); len(word) >= 4 && !strings.ContainsAny(word, "-'.") {
			out = append(out, word+sign)
		}
	}
	return out
}

// middles are texts without their first and last byte, where enough is left.
func middles(texts []string) (out []string) {
	for _, t := range texts {
		if len(t) > 6 {
			t = strings.TrimSpace(t[1 : len(t)-1])
		}
		out = append(out, t)
	}
	return out
}
