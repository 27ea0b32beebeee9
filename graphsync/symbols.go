package graphsync

// names are symbols with their texts, as far as they were met. Most commands and
// reads meet a few, which are searched one by one.
type names struct {
	few  [8]name
	n    int
	more map[symKey]string
	back map[textKey]symbol
}

type name struct {
	kind byte
	sym  symbol
	text string
}

type symKey struct {
	kind byte
	sym  symbol
}

type textKey struct {
	kind byte
	text string
}

func (n *names) symbol(kind byte, text string) symbol {
	for i := range n.few[:n.n] {
		if k := &n.few[i]; k.kind == kind && k.text == text {
			return k.sym
		}
	}
	return n.back[textKey{kind, text}]
}

func (n *names) text(kind byte, sym symbol) (string, bool) {
	for i := range n.few[:n.n] {
		if k := &n.few[i]; k.sym == sym && k.kind == kind {
			return k.text, true
		}
	}
	text, ok := n.more[symKey{kind, sym}]
	return text, ok
}

// add takes up a symbol that was not met yet.
func (n *names) add(kind byte, sym symbol, text string) {
	if n.n < len(n.few) {
		n.few[n.n] = name{kind, sym, text}
		n.n++
		return
	}
	if n.more == nil {
		n.more, n.back = make(map[symKey]string), make(map[textKey]symbol)
	}
	n.more[symKey{kind, sym}] = text
	n.back[textKey{kind, text}] = sym
}
