package main

import "github.com/meshd/meshd/graphsync/search"

// own is the product's index.
type own struct{ x *search.Index }

func change(e entry) search.Change {
	return search.Change{Document: search.Document{ID: e.id, Type: "synset", Texts: []search.Text{{Field: search.Label, Text: e.label}, {Field: search.Property, Text: e.gloss}}}}
}

func (o *own) load(all []entry) error {
	o.x = search.New(nil)
	for len(all) > 0 {
		n := min(1000, len(all))
		batch := make([]search.Change, n)
		for i, e := range all[:n] {
			batch[i] = change(e)
		}
		o.x.Apply("ns", batch)
		for o.x.Compact() {
		}
		all = all[n:]
	}
	return nil
}

func (o *own) update(e entry) error {
	o.x.Apply("ns", []search.Change{change(e)})
	o.x.Compact()
	return nil
}

func (o *own) search(kind, text string) (int, error) {
	switch kind {
	case "prefix":
		text += "*"
	case "fuzzy":
		text += "~"
	case "phrase":
		text = `"` + text + `"`
	}
	q, err := search.Parse(text, "en")
	if err != nil {
		return 0, err
	}
	hits, _ := o.x.Words("ns", q, search.Filter{}, 10)
	return len(hits), nil
}
