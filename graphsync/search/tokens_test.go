package search

import (
	"strings"
	"testing"
)

func terms(text string, tails bool) string {
	var out []string
	tokens(text, tails, func(t token) bool {
		out = append(out, t.term)
		return true
	})
	return strings.Join(out, "|")
}

func TestTokens(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"  ,.;-- ", ""},
		{"The quick-brown fox", "the|quick|brown|fox"},
		{"snake_case pkg.Name std::vector", "snake|case|pkg|name|std|vector"},
		{"libfoo2-dev 3.14 1,000.5 v1.2", "libfoo2|dev|3.14|1,000.5|v1.2"},
		{"don't cat's o'clock l’eau rock'n'roll it's", "dont|cat|o|clock|l|eau|rocknroll|it"},
		{"Café CAFÉ Ångström naïve straße ﬁne", "cafe|cafe|angstrom|naive|strasse|fine"},
		{"ＦＵＬＬ ｗｉｄｔｈ ②", "full|width|2"},
		{"Ёлка ёж", "елка|еж"},
		{"東京都に住む", "東京|京都|都に|に住|住む"},
		{"猫", "猫"},
		{"Go言語 is 猫", "go|言語|is|猫"},
		{"コーヒー", "コー|ーヒ|ヒー"},
		{"안녕 세계", "안녕|세계"},
		{"سَلَام", "سلام"},
		{"हिन्दी", "हिन्दी"},
		{"a\xffb \xc3", "a|b"},
		{strings.Repeat("x", 100), strings.Repeat("x", 64)},
	} {
		if got := terms(c.text, false); got != c.want {
			t.Errorf("tokens(%q) = %q, want %q", c.text, got, c.want)
		}
	}
	if got := terms("東京都", true); got != "東京|京都|都" {
		t.Errorf("with tails: %q", got)
	}
}

func TestTokenOffsetsLieInTheText(t *testing.T) {
	text := "Ein Café, 東京 – don't stop"
	tokens(text, true, func(k token) bool {
		if FoldWord(text[k.start:k.end]) != k.term {
			t.Errorf("%q is not %q", text[k.start:k.end], k.term)
		}
		return true
	})
}

func TestStems(t *testing.T) {
	for _, c := range []struct{ lang, a, b string }{
		{"en", "running", "runs"}, {"en", "happiness", "happy"}, {"de", "häuser", "haus"}, {"de", "katzen", "katze"},
		{"fr", "chevaux", "cheval"}, {"es", "corriendo", "correr"}, {"ru", "книги", "книга"}, {"it", "gatti", "gatto"},
		{"sv", "flickorna", "flicka"}, {"nl", "boeken", "boek"}, {"pt", "meninos", "menino"}, {"none", "same", "same"},
	} {
		l, ok := languageByName(c.lang)
		if !ok {
			t.Fatalf("no language %q", c.lang)
		}
		s := l.stemmer()
		if a, b := s.of(FoldWord(c.a)), s.of(FoldWord(c.b)); a != b {
			t.Errorf("%s: %q and %q have stems %q and %q", c.lang, c.a, c.b, a, b)
		}
	}
}

func TestDetect(t *testing.T) {
	for text, want := range map[string]string{"dogs": "en", "42 собаки": "ru", "كتاب": "ar", "東京": "none", "123": "none"} {
		if got := detect(text).name; got != want {
			t.Errorf("detect(%q) = %s, want %s", text, got, want)
		}
	}
}

func FuzzTokens(f *testing.F) {
	f.Add("The quick-brown fox's 3.14 東京都 สวัสดี don't")
	f.Add("a\xff'’.٣.٤\u0301\u200d")
	f.Fuzz(func(t *testing.T, s string) {
		last := -1
		tokens(s, true, func(k token) bool {
			if k.start < 0 || k.end > len(s) || k.start >= k.end || int(k.pos) != last+1 || k.term == "" || len(k.term) > maxTerm {
				t.Fatalf("token %+v of %q", k, s)
			}
			for _, l := range languages {
				l.stemmer().of(k.term)
			}
			last = int(k.pos)
			return true
		})
	})
}
