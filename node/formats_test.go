package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The page for operators says what is so.
func TestFormatsAreAsDocumented(t *testing.T) {
	data, err := os.ReadFile("../deploy/UPGRADE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(data), "|---|---|---|---|\n")
	if !ok {
		t.Fatal("the page has no table")
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var want strings.Builder
	for _, f := range Formats() {
		where := "`" + f.Where + "`"
		if strings.Contains(f.Where, " ") {
			where = f.Where
		}
		fmt.Fprintf(&want, "| %s | %s | %d | %d |\n", f.Name, where, f.Writes, f.Reads)
	}
	if got := table + "\n"; got != want.String() {
		t.Errorf("deploy/UPGRADE.md has\n%s\nand the code says\n%s", got, want.String())
	}
}

func TestFindFormats(t *testing.T) {
	if _, err := FindFormats(t.TempDir()); err == nil {
		t.Error("an empty directory has formats")
	}
	n, _, err := Found(t.Context(), testConfig(t, "alpha"), "home")
	if err != nil {
		t.Fatal(err)
	}
	closing(t, n)
	check := func(wrong string) {
		t.Helper()
		found, err := FindFormats(n.cfg.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			if f.Readable() == (f.Name == wrong) || f.Found == 0 && f.Note == "" {
				t.Errorf("with a newer %q: %+v", wrong, f)
			}
		}
	}
	check("")
	version := filepath.Join(n.cfg.Data, "VERSION")
	if err := os.WriteFile(version, []byte("2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	check("data directory")
	if err := os.WriteFile(version, []byte("1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	trust, err := os.ReadFile(filepath.Join(n.cfg.Data, "trust"))
	if err != nil {
		t.Fatal(err)
	}
	trust[11] = 9
	if err := os.WriteFile(filepath.Join(n.cfg.Data, "trust"), trust, 0o600); err != nil {
		t.Fatal(err)
	}
	check("trust")
}
