package message

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestPatterns(t *testing.T) {
	for _, c := range []struct {
		pattern, topic string
		want           bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a", "a/b", false}, {"a/b", "a", false}, {"a/b", "a/b", true},
		{"*", "a", true}, {"*", "a/b", false}, {"a/*", "a/b", true}, {"a/*", "a", false}, {"a/*/c", "a/b/c", true}, {"a/*/c", "a/b/d", false},
		{">", "a", true}, {">", "a/b/c", true}, {"a/>", "a", false}, {"a/>", "a/b", true}, {"a/>", "a/b/c", true}, {"*/>", "a", false}, {"*/>", "a/b", true},
		{"a/*/>", "a/b", false}, {"a/*/>", "a/b/c/d", true}, {"topic/a", "a", true},
	} {
		p, err := ParsePattern(c.pattern)
		if err != nil {
			t.Fatal(c.pattern, err)
		}
		if p.Matches(c.topic) != c.want {
			t.Errorf("%s and %s: %v", c.pattern, c.topic, !c.want)
		}
	}
	for _, bad := range []string{"", "/", "a/", "/a", "a//b", ">/a", "a/>/b", "a*", "a/b>", "ä", "a b", strings.Repeat("a/", 16) + "a", strings.Repeat("x", 65)} {
		if _, err := ParsePattern(bad); code(err) != CodeInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if (Pattern{}).Matches("a") {
		t.Error("the zero pattern matches")
	}
}

// matches is the meaning of a pattern, said as slowly as possible.
func matches(pattern, topic []string) bool {
	switch {
	case len(pattern) == 0 || len(topic) == 0:
		return len(pattern) == len(topic)
	case pattern[0] == ">":
		return true
	}
	return (pattern[0] == "*" || pattern[0] == topic[0]) && matches(pattern[1:], topic[1:])
}

// The trie and Pattern.Matches agree with the meaning, also after removals,
// and removing everything leaves nothing.
func FuzzTrie(f *testing.F) {
	f.Add("a/b,a/*,>,*/b,a/>,a/*/c", "a/b", uint8(2))
	f.Add("*,*/*,*/*/*,*/>", "x/y/z", uint8(0))
	f.Fuzz(func(t *testing.T, patterns, topic string, without uint8) {
		if CheckTopic(topic) != nil {
			t.Skip()
		}
		var tr trie[int]
		var parsed []Pattern
		for _, s := range strings.Split(patterns, ",") {
			p, err := ParsePattern(s)
			if err != nil || slices.Contains(parsed, p) {
				continue
			}
			if !tr.add(p, len(parsed)) || tr.add(p, len(parsed)) {
				t.Fatal("added wrongly", p)
			}
			parsed = append(parsed, p)
		}
		gone := -1
		if n := int(without); n < len(parsed) {
			gone = n
			if !tr.remove(parsed[n], n) || tr.remove(parsed[n], n) {
				t.Fatal("removed wrongly", parsed[n])
			}
		}
		got, want := map[int]bool{}, map[int]bool{}
		tr.match(topic, func(i int) { got[i] = true })
		for i, p := range parsed {
			should := matches(strings.Split(p.String(), "/"), strings.Split(topic, "/"))
			if should != p.Matches(topic) {
				t.Fatalf("%s and %s: %v", p, topic, !should)
			}
			if should && i != gone {
				want[i] = true
			}
		}
		if !maps.Equal(got, want) {
			t.Fatalf("%v match %s: %v, want %v", parsed, topic, got, want)
		}
		for i, p := range parsed {
			tr.remove(p, i)
		}
		if !tr.root.empty() {
			t.Fatal("something is left")
		}
	})
}

func BenchmarkTrie(b *testing.B) {
	var tr trie[int]
	for i := range 10000 {
		p, _ := ParsePattern(fmt.Sprintf("sensor/%d/*/t%d", i%100, i))
		tr.add(p, i)
	}
	for i, s := range []string{"sensor/>", "sensor/*/*/*", "*/7/>"} {
		p, _ := ParsePattern(s)
		tr.add(p, -i)
	}
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		tr.match("sensor/7/kitchen/t107", func(int) { n++ })
	}
	if n != 4*b.N {
		b.Fatal(n, b.N)
	}
}
