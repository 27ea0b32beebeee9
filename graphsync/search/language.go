package search

import (
	"slices"
	"strings"
	"unicode"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/arabic"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/tamil"
	"github.com/blevesearch/snowballstem/turkish"
)

// language is how the words of a query are widened: what is indexed is the same
// for all. Stems are Snowball's (snowballstem.org), taken of folded words.
type language struct {
	name string
	stem func(*snowballstem.Env) bool
	stop map[string]bool
}

// NoLanguage takes each word as it is.
const NoLanguage = "none"

var languages = []*language{
	{name: "ar", stem: arabic.Stem}, {name: "da", stem: danish.Stem}, {name: "de", stem: german.Stem},
	{name: "en", stem: english.Stem}, {name: "es", stem: spanish.Stem}, {name: "fi", stem: finnish.Stem},
	{name: "fr", stem: french.Stem}, {name: "hu", stem: hungarian.Stem}, {name: "it", stem: italian.Stem},
	{name: "nl", stem: dutch.Stem}, {name: "no", stem: norwegian.Stem}, {name: NoLanguage},
	{name: "pt", stem: portuguese.Stem}, {name: "ro", stem: romanian.Stem}, {name: "ru", stem: russian.Stem},
	{name: "sv", stem: swedish.Stem}, {name: "ta", stem: tamil.Stem}, {name: "tr", stem: turkish.Stem},
}

func init() {
	for _, l := range languages {
		l.stop = map[string]bool{}
		for w := range strings.FieldsSeq(stopWords[l.name]) {
			l.stop[FoldWord(w)] = true
		}
	}
}

// Languages lists the names a query may give.
func Languages() []string {
	out := make([]string, len(languages))
	for i, l := range languages {
		out[i] = l.name
	}
	return out
}

func languageByName(name string) (*language, bool) {
	i, ok := slices.BinarySearchFunc(languages, name, func(l *language, n string) int { return strings.Compare(l.name, n) })
	if !ok {
		return nil, false
	}
	return languages[i], true
}

var (
	langNone, _ = languageByName(NoLanguage)
	langByText  = func() map[*unicode.RangeTable]*language {
		out := map[*unicode.RangeTable]*language{}
		for name, script := range map[string]*unicode.RangeTable{"en": unicode.Latin, "ru": unicode.Cyrillic, "ar": unicode.Arabic, "ta": unicode.Tamil} {
			out[script], _ = languageByName(name)
		}
		return out
	}()
)

// detect guesses a language by the script of the first letter: English for
// Latin, Russian for Cyrillic, and so on.
func detect(text string) *language {
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		for script, l := range langByText {
			if unicode.Is(script, r) {
				return l
			}
		}
		return langNone
	}
	return langNone
}

// stemmer stems the words of one language; not safe for concurrent use.
type stemmer struct {
	lang *language
	env  *snowballstem.Env
}

func (l *language) stemmer() *stemmer {
	s := &stemmer{lang: l}
	if l.stem != nil {
		s.env = snowballstem.NewEnv("")
	}
	return s
}

// of returns the stem of a folded word, the word itself where it has none:
// numbers, what is very short or long, and other scripts than the language's.
func (s *stemmer) of(word string) string {
	if s.env == nil || len(word) < 3 || len(word) > 48 || word[0] >= '0' && word[0] <= '9' {
		return word
	}
	s.env.SetCurrent(word)
	s.lang.stem(s.env)
	if out := s.env.Current(); out != "" {
		return out
	}
	return word
}
