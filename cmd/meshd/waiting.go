package main

import (
	"context"
	"io"
	"io/fs"
	"os"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

// Files that a person names may be pipes, which make who opens or reads them
// wait for somebody on the other side, and no signal ends that. So what may wait
// is left behind when the verb is interrupted: the process is about to end.

// interruptible returns what f returns, or the error of ctx as soon as that
// ends; f then goes on by itself and must not touch what the caller uses.
func interruptible[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	got := make(chan result, 1)
	go func() {
		value, err := f()
		got <- result{value, err}
	}()
	select {
	case r := <-got:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// interruptibleReader is r whose reads end with ctx. It is for one goroutine.
type interruptibleReader struct {
	ctx context.Context
	r   io.Reader
	buf []byte // what is left behind reads into this, never into the caller's
}

func newInterruptibleReader(ctx context.Context, r io.Reader) io.Reader {
	return &interruptibleReader{ctx: ctx, r: r, buf: make([]byte, 64<<10)}
}

// Read implements io.Reader.
func (r *interruptibleReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	room := r.buf[:min(len(p), len(r.buf))]
	n, err := interruptible(r.ctx, func() (int, error) { return r.r.Read(room) })
	copy(p, room[:n])
	return n, err
}

// open opens a file that a person named; what says what is expected in it.
func open(ctx context.Context, what, path string) (*os.File, error) {
	f, err := interruptible(ctx, func() (*os.File, error) { return os.Open(path) })
	if err != nil {
		return nil, unreadable(what, path, err)
	}
	return f, nil
}

// openData opens a file of data, for which a directory is the wrong thing.
func openData(ctx context.Context, path string) (*os.File, fs.FileInfo, error) {
	f, err := open(ctx, "the file", path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil || info.IsDir() {
		f.Close()
		return nil, nil, exit.New(exit.Usage, path+" is not a file that can be read", "")
	}
	return f, info, nil
}
