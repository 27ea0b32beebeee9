package httpapi

import (
	"slices"
	"testing"
)

func TestAccept(t *testing.T) {
	offers := []string{"application/json", "text/plain"}
	for header, want := range map[string]string{
		"":                                   "application/json",
		"  ":                                 "application/json",
		"*/*":                                "application/json",
		"*":                                  "application/json",
		"text/*":                             "text/plain",
		"text/plain":                         "text/plain",
		"TEXT/Plain":                         "text/plain",
		"text/html":                          "",
		"text/html, */*;q=0.1":               "application/json",
		"application/json;q=0.2, text/plain": "text/plain",
		"application/json;q=0, */*":          "text/plain",
		"text/plain;q=0.5, application/json;q=0.5":  "application/json",
		"text/plain;version=0.0.4;q=0.9, */*;q=0.1": "text/plain",
		"application/json;q=2":                      "application/json",
		",,;,":                                      "",
	} {
		if got := accept(header, offers); got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
}

func FuzzAccept(f *testing.F) {
	for _, s := range []string{"", "*/*", "a/b;q=0.1,*/*;q=x", ";;;,,,", "text/plain;q=NaN"} {
		f.Add(s)
	}
	offers := []string{"application/json", "text/plain"}
	f.Fuzz(func(t *testing.T, header string) {
		if got := accept(header, offers); got != "" && !slices.Contains(offers, got) {
			t.Errorf("%q: chose %q", header, got)
		}
		if media, ok := mediaType(header); ok && media == "" {
			t.Errorf("%q: an empty media type", header)
		}
	})
}
