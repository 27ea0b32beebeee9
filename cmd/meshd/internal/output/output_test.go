package output

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

func printer(json, colour bool) (*Printer, *bytes.Buffer, *bytes.Buffer) {
	var out, err bytes.Buffer
	return &Printer{Out: &out, Err: &err, In: strings.NewReader("y\n"), JSON: json, Colour: colour}, &out, &err
}

func TestTableAlignsByWidth(t *testing.T) {
	p, out, _ := printer(false, false)
	err := p.Table("none", []string{"NAME", "AT"}, [][]string{{"東京", "x"}, {"ab", "y\x1b[31m"}, {"e\u0301clair", "z"}})
	if err != nil {
		t.Fatal(err)
	}
	want := "NAME    AT\n東京    x\nab      y\uFFFD[31m\ne\u0301clair  z\n"
	if out.String() != want {
		t.Fatalf("table\n%s\nwant\n%s", out, want)
	}
	out.Reset()
	if err := p.Table("none", []string{"NAME"}, nil); err != nil || out.String() != "none\n" {
		t.Fatalf("an empty table is %q, %v", out, err)
	}
}

func TestCardLeavesOutWhatIsEmpty(t *testing.T) {
	p, out, _ := printer(false, false)
	if err := p.Card([]Field{{"a", "1"}, {"long name", ""}, {"abc", "2"}}); err != nil {
		t.Fatal(err)
	}
	if want := "a    1\nabc  2\n"; out.String() != want {
		t.Fatalf("card %q, want %q", out, want)
	}
}

func TestJSONIsAllThatIsPrinted(t *testing.T) {
	p, out, errOut := printer(true, false)
	p.Say("for people")
	p.Hint("for people")
	if err := p.Result(map[string]string{"a": "<b>"}, func() error { t.Error("people were told"); return nil }); err != nil {
		t.Fatal(err)
	}
	if err := p.Line([]int{1}); err != nil {
		t.Fatal(err)
	}
	if want := "{\n  \"a\": \"<b>\"\n}\n[1]\n"; out.String() != want || errOut.Len() > 0 {
		t.Fatalf("out %q, err %q; want %q", out, errOut, want)
	}
}

func TestMark(t *testing.T) {
	plain, _, _ := printer(false, false)
	colour, _, _ := printer(false, true)
	if plain.Mark(Red, "x") != "x" || colour.Mark(Red, "x") != "\x1b[31mx\x1b[0m" || colour.Mark(Red, "") != "" {
		t.Fatal("colour is not where it belongs")
	}
}

func TestConfirmWithoutATerminal(t *testing.T) {
	p, _, errOut := printer(false, false)
	for name, ask := range map[string]func(yes bool) error{
		"yes or no": func(yes bool) error { return p.Confirm(t.Context(), "Really?", yes) },
		"a word":    func(yes bool) error { return p.ConfirmWord(t.Context(), "Really?", "reset", yes) },
	} {
		err := ask(false)
		if exit.CodeOf(err) != exit.Usage || !strings.Contains(err.Error(), "--yes") || errOut.Len() > 0 {
			t.Errorf("%s: %v, printed %q", name, err, errOut)
		}
		if err := ask(true); err != nil {
			t.Errorf("%s with --yes: %v", name, err)
		}
	}
}

func TestPrompt(t *testing.T) {
	p, _, errOut := printer(false, false)
	for in, want := range map[string]string{"yes\nmore\n": "yes", "  y  \r\n": "y", "": "", "no newline": "no newline"} {
		p.In = strings.NewReader(in)
		if got, err := p.prompt(t.Context(), "? "); err != nil || got != want {
			t.Errorf("prompt of %q = %q, %v", in, got, err)
		}
	}
	if !strings.HasPrefix(errOut.String(), "? ") {
		t.Errorf("the question was not shown: %q", errOut)
	}
	p.In = iotestErr{}
	if _, err := p.prompt(t.Context(), "? "); err == nil {
		t.Error("an answer that cannot be read is taken")
	}
}

type iotestErr struct{}

func (iotestErr) Read([]byte) (int, error) { return 0, errors.New("broken") }

func TestHuman(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, c := range []struct{ got, want string }{
		{Bytes(0), "0 B"}, {Bytes(1023), "1023 B"}, {Bytes(1536), "1.5 KiB"}, {Bytes(5 << 30), "5.0 GiB"},
		{Ago(time.Time{}, now), ""}, {Ago(now, now), "now"}, {Ago(now.Add(-90*time.Second), now), "1 min ago"},
		{Ago(now.Add(time.Hour+time.Minute), now), "in 1 h 1 min"}, {Ago(now.Add(-72*time.Hour), now), "3 days ago"},
		{Duration(250 * time.Microsecond), "250 µs"}, {Duration(12 * time.Millisecond), "12 ms"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}

func TestProgressWithoutATerminalIsSilent(t *testing.T) {
	p, _, errOut := printer(false, false)
	bar := p.NewProgress("x", 10)
	if n, err := bar.Write(make([]byte, 4)); n != 4 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	bar.Describe("y")
	bar.Done()
	if errOut.Len() > 0 {
		t.Fatalf("it drew %q", errOut)
	}
}
