package house

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	faultRow    = regexp.MustCompile(`^\| (F\d+) \|.*\| (.*) \|$`)
	faultTests  = regexp.MustCompile("`([^`]+)`(:)?")
	faultName   = regexp.MustCompile(`\bF[1-9]\d?\b`)
	faultNumber = regexp.MustCompile(`F\d+`)
	testFunc    = regexp.MustCompile(`(?m)^func (Test((?:F\d+)*)\w*)\(`)
	comment     = regexp.MustCompile(`//.*`)
)

// Whoever meets the number of a fault in a test finds in test/FAULTS.md what it
// means, and whoever reads there finds the tests.
func TestFaultsAreWrittenDown(t *testing.T) {
	root := filepath.Join("..", "..")
	page, err := os.ReadFile(filepath.Join(root, "test", "FAULTS.md"))
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string][]string{} // fault → folder and test
	for _, line := range strings.Split(string(page), "\n") {
		row := faultRow.FindStringSubmatch(line)
		if row == nil {
			continue
		}
		if _, twice := shown[row[1]]; twice {
			t.Errorf("%s has two lines", row[1])
		}
		shown[row[1]] = []string{}
		folder := ""
		for _, m := range faultTests.FindAllStringSubmatch(row[2], -1) {
			if m[2] != "" {
				folder = m[1]
			} else if strings.HasPrefix(m[1], "Test") {
				shown[row[1]] = append(shown[row[1]], folder+" "+m[1])
			}
		}
	}
	if len(shown) == 0 {
		t.Fatal("no fault is written down")
	}

	declared := map[string]bool{}
	err = filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if d != nil && (d.Name() == ".git" || d.Name() == "testdata") {
				return filepath.SkipDir
			}
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		isGo := path.Ext(file) == ".go"
		if !isGo && path.Ext(file) != ".md" {
			return nil
		}
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		speaks := string(text)
		if isGo {
			for _, m := range testFunc.FindAllStringSubmatch(speaks, -1) {
				test := filepath.ToSlash(filepath.Dir(rel)) + " " + m[1]
				declared[test] = true
				for _, f := range faultNumber.FindAllString(m[2], -1) {
					if !slices.Contains(shown[f], test) {
						t.Errorf("%s: %s is not on the line of %s in test/FAULTS.md", rel, m[1], f)
					}
				}
			}
			speaks = strings.Join(comment.FindAllString(speaks, -1), "\n")
		}
		for _, f := range faultName.FindAllString(speaks, -1) {
			if _, known := shown[f]; !known {
				t.Errorf("%s speaks of %s, which test/FAULTS.md does not know", rel, f)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for fault, tests := range shown {
		for _, test := range tests {
			if !declared[test] {
				t.Errorf("test/FAULTS.md, %s: there is no test %s", fault, test)
			}
		}
	}
}
