package client_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Each code that programs can name is one that the mesh answers with.
func TestCodesAreOfTheCatalogue(t *testing.T) {
	catalogue, err := os.ReadFile("../catalogue.go")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if v, ok := n.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Code") && len(v.Values) == 1 {
				count++
				if code := v.Values[0].(*ast.BasicLit).Value; !strings.Contains(string(catalogue), code) {
					t.Errorf("%s is %s, which no answer says", v.Names[0].Name, code)
				}
			}
			return true
		})
	}
	if count < 40 {
		t.Errorf("%d codes were found", count)
	}
}
