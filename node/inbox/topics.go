package inbox

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/meshd/meshd/consensus"
)

// Bounds of topics and patterns.
const (
	maxTopic    = 256
	maxSegments = 16
	maxSegment  = 64
)

// checkTopic says whether a topic, or with wild a pattern, is well formed. In a
// pattern `*` stands for one segment and `>`, at the end, for one or more.
func checkTopic(s string, wild bool) bool {
	if s == "" || len(s) > maxTopic {
		return false
	}
	parts := strings.Split(s, "/")
	if len(parts) > maxSegments {
		return false
	}
	for i, p := range parts {
		if wild && (p == "*" || p == ">" && i == len(parts)-1) {
			continue
		}
		if p == "" || len(p) > maxSegment {
			return false
		}
		for j := range len(p) {
			c := p[j]
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
				return false
			}
		}
	}
	return true
}

// matching returns the inboxes that take a topic, in ascending order. It walks
// the patterns as a tree, by their keys: a step costs one search, and each step
// that goes on stands before a pattern that is there.
func matching(r consensus.Reader, topic string) []uint64 {
	if !checkTopic(topic, false) {
		return nil
	}
	var ids []uint64
	take := func(pattern string) {
		from := append([]byte(pattern), 0)
		to := append([]byte(pattern), 1)
		consensus.Each(r, tableSub, from, to, func(k, _ []byte) bool {
			if len(k) == len(from)+8 {
				ids = append(ids, binary.BigEndian.Uint64(k[len(from):]))
			}
			return len(ids) <= MaxRecipients*maxSegments
		})
	}
	var walk func(prefix string, parts []string)
	walk = func(prefix string, parts []string) {
		if k, _ := consensus.First(r, tableSub, []byte(prefix)); !bytes.HasPrefix(k, []byte(prefix)) {
			return
		}
		take(prefix + ">")
		for _, p := range [2]string{"*", parts[0]} {
			if len(parts) == 1 {
				take(prefix + p)
			} else {
				walk(prefix+p+"/", parts[1:])
			}
		}
	}
	walk("", strings.Split(topic, "/"))
	slices.Sort(ids)
	return slices.Compact(ids)
}
