// Package data holds the knowledge that `meshd demo` loads: meshd's own
// package graph, as `go list` knows it. Packages and modules are nodes, with
// versions and licences where known; imports and containment are edges.
package data

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
)

//go:generate go run ./gen -o packages.jsonl.gz

//go:embed packages.jsonl.gz
var packed []byte

// Open returns the graph as JSONL, in the import format of `meshd graph import`.
func Open() (io.Reader, error) { return gzip.NewReader(bytes.NewReader(packed)) }
