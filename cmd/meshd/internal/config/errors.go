package config

import "github.com/meshd/meshd/cmd/meshd/internal/exit"

// Error is a configuration that cannot be used: which key or variable, where
// it stood, what is wrong, and what was probably meant. It ends a command as
// wrong usage.
type Error struct {
	// Key is the key as it was written: a dotted name or a variable.
	Key    string
	Source Source
	// Problem continues a sentence that begins with the key.
	Problem string
	// Nearest is the known key that was probably meant, or empty.
	Nearest string
}

// Error returns the whole sentence.
func (e *Error) Error() string {
	s := e.Key + " " + e.Problem
	if e.Source.Layer == layerFile {
		s = e.Source.Name + ": " + s
	}
	if e.Nearest != "" {
		return exit.Join(s, "did you mean "+e.Nearest+"?")
	}
	return s
}

// ExitCode implements exit.Coder.
func (e *Error) ExitCode() exit.Code { return exit.Usage }
