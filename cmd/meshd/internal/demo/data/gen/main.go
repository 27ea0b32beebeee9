// Command gen writes meshd's own package graph as the demo's data.
package main

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

type module struct {
	Path, Version, Dir string
	Main               bool
}

type pkg struct {
	ImportPath, Name, Doc string
	Standard              bool
	Module                *module
	Imports               []string
}

type line struct {
	Node *node `json:"node,omitempty"`
	Edge *edge `json:"edge,omitempty"`
}

type node struct {
	Key        string            `json:"key"`
	Type       string            `json:"type"`
	Label      string            `json:"label"`
	Properties map[string]string `json:"properties,omitempty"`
}

type edge struct {
	Source string `json:"source"`
	Target string `json:"target"`
	Type   string `json:"type"`
}

func main() {
	out := flag.String("o", "packages.jsonl.gz", "file to write")
	flag.Parse()
	pkgs, err := list()
	if err != nil {
		log.Fatal(err)
	}
	var buf bytes.Buffer
	z, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	e := json.NewEncoder(z)
	for _, l := range graph(pkgs) {
		if err := e.Encode(l); err != nil {
			log.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), os.WriteFile(*out, buf.Bytes(), 0o644)); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s: %d packages, %d bytes\n", *out, len(pkgs), buf.Len())
}

// list asks the go command for meshd's packages and all they depend on.
func list() ([]pkg, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Name,Doc,Standard,Module,Imports", "github.com/meshd/meshd/cmd/meshd")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var pkgs []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		pkgs = append(pkgs, p)
	}
	slices.SortFunc(pkgs, func(a, b pkg) int { return cmp.Compare(a.ImportPath, b.ImportPath) })
	return pkgs, nil
}

// graph turns packages into nodes and edges, nodes first, in a stable order.
func graph(pkgs []pkg) []line {
	var nodes, edges []line
	modules := map[string]bool{}
	known := map[string]bool{}
	for _, p := range pkgs {
		known[p.ImportPath] = true
	}
	for _, p := range pkgs {
		m, properties := "std", map[string]string{"name": p.Name}
		version, licence := "", "BSD-3-Clause"
		if p.Module != nil {
			m, version, licence = p.Module.Path, p.Module.Version, licenceOf(p.Module)
		}
		if p.Doc != "" {
			properties["doc"] = p.Doc
		}
		if !modules[m] {
			modules[m] = true
			about := map[string]string{}
			if version != "" {
				about["version"] = version
			}
			if licence != "" {
				about["licence"] = licence
			}
			nodes = append(nodes, line{Node: &node{Key: "mod:" + m, Type: "Module", Label: m, Properties: about}})
		}
		nodes = append(nodes, line{Node: &node{Key: "pkg:" + p.ImportPath, Type: "Package", Label: p.ImportPath, Properties: properties}})
		edges = append(edges, line{Edge: &edge{"mod:" + m, "pkg:" + p.ImportPath, "CONTAINS"}})
		for _, i := range p.Imports {
			if known[i] {
				edges = append(edges, line{Edge: &edge{"pkg:" + p.ImportPath, "pkg:" + i, "IMPORTS"}})
			}
		}
	}
	return append(nodes, edges...)
}

// licenceOf recognises the licences Go modules mostly have by words that stand
// in no other.
func licenceOf(m *module) string {
	if m.Main {
		return "Apache-2.0"
	}
	files, _ := filepath.Glob(filepath.Join(m.Dir, "[Ll][Ii][Cc][Ee][Nn][CcSs]*"))
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		text := strings.Join(strings.Fields(string(data)), " ")
		switch {
		case strings.Contains(text, "Apache License"):
			return "Apache-2.0"
		case strings.Contains(text, "Mozilla Public License"):
			return "MPL-2.0"
		case strings.Contains(text, "Permission is hereby granted, free of charge"):
			return "MIT"
		case strings.Contains(text, "Permission to use, copy, modify"):
			return "ISC"
		case strings.Contains(text, "Neither the name"):
			return "BSD-3-Clause"
		case strings.Contains(text, "Redistributions of source code"):
			return "BSD-2-Clause"
		}
	}
	return ""
}
