package message

import (
	"strings"
)

// Bounds of a topic: its whole length without the prefix, its segments and
// the length of one, in bytes.
const (
	maxTopic    = 256
	maxSegments = 16
	maxSegment  = 64
)

// topicPrefix begins the address of a topic.
const topicPrefix = "topic/"

// CheckTopic says whether s is a topic: 1 to 16 segments of 1 to 64 of
// A-Z, a-z, 0-9, '.', '_' and '-', separated by '/', at most 256 bytes in all.
// Its error is a *consensus.Refusal with CodeInvalid.
func CheckTopic(s string) error {
	if !checkSegments(s, false) {
		return invalid("to", "a topic is 1 to 16 segments separated by '/', each 1 to 64 of A-Z, a-z, 0-9, '.', '_' and '-', at most 256 bytes in all")
	}
	return nil
}

// Pattern is what a subscription asks for: a topic in which `*` stands for any
// one segment and `>` at the end for one or more. The zero Pattern matches
// nothing.
type Pattern struct{ text string }

// ParsePattern reads a pattern, with or without the prefix "topic/". Its error
// is a *consensus.Refusal with CodeInvalid.
func ParsePattern(s string) (Pattern, error) {
	s = strings.TrimPrefix(s, topicPrefix)
	if !checkSegments(s, true) {
		return Pattern{}, invalid("topics", "a pattern is a topic in which a segment may be '*' (any one) and the last one '>' (one or more)")
	}
	return Pattern{s}, nil
}

// String returns the pattern without the prefix.
func (p Pattern) String() string { return p.text }

// Matches says whether the topic, without its prefix, is one the pattern asks
// for.
func (p Pattern) Matches(topic string) bool {
	if p.text == "" || topic == "" {
		return false
	}
	rest := p.text
	for {
		want, after, more := strings.Cut(rest, "/")
		if want == ">" {
			return true
		}
		have, next, left := strings.Cut(topic, "/")
		if want != "*" && want != have {
			return false
		}
		if !more || !left {
			return more == left
		}
		rest, topic = after, next
	}
}

// checkSegments says whether s is a topic or, with wild, a pattern.
func checkSegments(s string, wild bool) bool {
	if s == "" || len(s) > maxTopic {
		return false
	}
	segments, start := 1, 0
	for i := 0; i <= len(s); i++ {
		if i < len(s) && s[i] != '/' {
			continue
		}
		segment := s[start:i]
		start = i + 1
		last := i == len(s)
		if !last {
			if segments++; segments > maxSegments {
				return false
			}
		}
		switch {
		case wild && (segment == "*" || segment == ">" && last):
		case !checkSegment(segment):
			return false
		}
	}
	return true
}

func checkSegment(s string) bool {
	if s == "" || len(s) > maxSegment {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
