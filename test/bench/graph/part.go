package main

import (
	"io"
	"io/fs"
)

// partBytes is how much of each file a smoke reads.
const partBytes = 500 << 10

// partFS has only the beginnings of files.
type partFS struct{ fs.FS }

// Open implements fs.FS.
func (p partFS) Open(name string) (fs.File, error) {
	f, err := p.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return partFile{f, io.LimitReader(f, partBytes)}, nil
}

type partFile struct {
	fs.File
	beginning io.Reader
}

// Read implements fs.File.
func (p partFile) Read(b []byte) (int, error) { return p.beginning.Read(b) }
