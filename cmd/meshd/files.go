package main

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

// plainReason is an error of the file system in the system's own words, without
// the call and the name, which the sentence around it has.
func plainReason(err error) string {
	if pe, ok := errors.AsType[*fs.PathError](err); ok {
		return pe.Err.Error()
	}
	if le, ok := errors.AsType[*os.LinkError](err); ok {
		return le.Err.Error()
	}
	return err.Error()
}

// unreadable is the refusal of a file that was named and cannot be read; what
// says what was expected in it.
func unreadable(what, path string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	if path == "" {
		return exit.New(exit.Usage, what+" cannot be read: the name of the file is empty", "")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return exit.New(exit.Usage, what+" cannot be read: there is no file "+path, "")
	}
	return exit.New(exit.Usage, what+" cannot be read from "+path+": "+plainReason(err), "")
}
