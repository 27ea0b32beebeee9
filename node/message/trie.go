package message

import "strings"

// trie finds the subscribers of a topic. It is a pure value without a lock:
// one node a segment of the patterns, so that a topic costs its own length and
// the wildcards on its way, however many patterns there are.
type trie[T comparable] struct {
	root trieNode[T]
}

type trieNode[T comparable] struct {
	next map[string]*trieNode[T]
	star *trieNode[T]
	// here are the subscribers whose pattern ends with this segment, rest
	// those whose pattern has a '>' after it.
	here, rest map[T]struct{}
}

func (n *trieNode[T]) empty() bool {
	return len(n.next) == 0 && n.star == nil && len(n.here) == 0 && len(n.rest) == 0
}

// add enters a subscriber of a pattern and reports whether it was new.
func (t *trie[T]) add(p Pattern, who T) bool {
	n := &t.root
	for rest, more := p.text, true; more; {
		var segment string
		segment, rest, more = strings.Cut(rest, "/")
		switch segment {
		case ">":
			return enter(&n.rest, who)
		case "*":
			if n.star == nil {
				n.star = &trieNode[T]{}
			}
			n = n.star
		default:
			child := n.next[segment]
			if child == nil {
				if n.next == nil {
					n.next = map[string]*trieNode[T]{}
				}
				child = &trieNode[T]{}
				n.next[strings.Clone(segment)] = child
			}
			n = child
		}
	}
	return enter(&n.here, who)
}

func enter[T comparable](set *map[T]struct{}, who T) bool {
	if _, ok := (*set)[who]; ok {
		return false
	}
	if *set == nil {
		*set = map[T]struct{}{}
	}
	(*set)[who] = struct{}{}
	return true
}

// remove takes a subscriber out and reports whether it was there.
func (t *trie[T]) remove(p Pattern, who T) bool { return t.root.remove(p.text, who) }

func (n *trieNode[T]) remove(pattern string, who T) bool {
	segment, rest, more := strings.Cut(pattern, "/")
	if segment == ">" {
		return leave(n.rest, who)
	}
	child := n.star
	if segment != "*" {
		child = n.next[segment]
	}
	if child == nil {
		return false
	}
	var was bool
	if more {
		was = child.remove(rest, who)
	} else {
		was = leave(child.here, who)
	}
	if was && child.empty() {
		if segment == "*" {
			n.star = nil
		} else {
			delete(n.next, segment)
		}
	}
	return was
}

func leave[T comparable](set map[T]struct{}, who T) bool {
	_, was := set[who]
	delete(set, who)
	return was
}

// match visits the subscribers of a topic; one with several patterns that
// match is visited several times.
func (t *trie[T]) match(topic string, visit func(T)) { t.root.match(topic, visit) }

func (n *trieNode[T]) match(topic string, visit func(T)) {
	for who := range n.rest {
		visit(who)
	}
	segment, rest, more := strings.Cut(topic, "/")
	for _, child := range [2]*trieNode[T]{n.next[segment], n.star} {
		switch {
		case child == nil:
		case more:
			child.match(rest, visit)
		default:
			for who := range child.here {
				visit(who)
			}
		}
	}
}
