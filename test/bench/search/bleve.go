package main

import (
	"strconv"

	"github.com/blevesearch/bleve/v2"
	_ "github.com/blevesearch/bleve/v2/analysis/lang/en"
	"github.com/blevesearch/bleve/v2/index/scorch"
	"github.com/blevesearch/bleve/v2/search/query"
)

// bleveIndex is bleve's scorch index with its English analyser, in memory or in
// a directory.
type bleveIndex struct {
	x   bleve.Index
	dir string
}

type bleveDoc struct {
	Label string `json:"label"`
	Gloss string `json:"gloss"`
}

func (b *bleveIndex) load(all []entry) error {
	m := bleve.NewIndexMapping()
	m.DefaultAnalyzer = "en"
	m.ScoringModel = "bm25"
	doc := bleve.NewDocumentMapping()
	for _, name := range []string{"label", "gloss"} {
		f := bleve.NewTextFieldMapping()
		f.Store = false
		f.DocValues = false
		f.IncludeTermVectors = true // phrases need them
		doc.AddFieldMappingsAt(name, f)
	}
	m.DefaultMapping = doc
	var err error
	if b.x, err = bleve.NewUsing(b.dir, m, scorch.Name, scorch.Name, nil); err != nil {
		return err
	}
	for len(all) > 0 {
		n := min(1000, len(all))
		batch := b.x.NewBatch()
		for _, e := range all[:n] {
			if err := batch.Index(strconv.FormatUint(e.id, 10), bleveDoc{e.label, e.gloss}); err != nil {
				return err
			}
		}
		if err := b.x.Batch(batch); err != nil {
			return err
		}
		all = all[n:]
	}
	return nil
}

func (b *bleveIndex) update(e entry) error {
	return b.x.Index(strconv.FormatUint(e.id, 10), bleveDoc{e.label, e.gloss})
}

func (b *bleveIndex) search(kind, text string) (int, error) {
	var q query.Query
	switch kind {
	case "prefix":
		q = bleve.NewPrefixQuery(text)
	case "fuzzy":
		f := bleve.NewFuzzyQuery(text)
		f.Prefix = 1
		q = f
	case "phrase":
		q = bleve.NewMatchPhraseQuery(text)
	default:
		q = bleve.NewMatchQuery(text)
	}
	r, err := b.x.Search(bleve.NewSearchRequestOptions(q, 10, 0, false))
	if err != nil {
		return 0, err
	}
	return len(r.Hits), nil
}
