// Command meshd makes machines one mesh: it runs a node and asks nodes things.
//
// Each verb is one file of this package; this file and root.go hold what all
// of them share. A verb decodes flags, calls the node's HTTP surface or, for
// the few that work on a data directory, the packages below, and prints. It
// holds no rule of the mesh itself.
//
// It promises the exit codes of package exit, results on standard output with
// --json for programs, and errors on standard error as one line: a sentence,
// or with --json an object {error, code, next, exit} with more beside it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/config"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/cmd/meshd/internal/output"
)

// prepare is what a process of this system needs before it does anything; it may
// start it anew.
var prepare = func([]string) {}

func main() {
	prepare(os.Args[1:])
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, config.ThisSystem()))
}

// asksJSON says that --json is among the words of a command, which a mistake
// before it has kept from being read.
func asksJSON(args []string) bool {
	for _, word := range args {
		switch word {
		case "--":
			return false
		case "--json", "--json=true":
			return true
		}
	}
	return false
}

// run is the whole command: it returns the exit code. A first signal, or the
// end of the terminal, cancels the context of the verb, a second ends the
// process as if nothing were here.
func run(args []string, in io.Reader, out, errOut io.Writer, sys config.System) int {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signals = append(signals, syscall.SIGHUP)
	}
	ctx, stop := signal.NotifyContext(context.Background(), signals...)
	defer stop()
	context.AfterFunc(ctx, stop)

	a := &app{in: in, out: out, err: errOut, sys: sys}
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := a.ended(root.ExecuteContext(ctx))
	if err == nil {
		return int(exit.Done)
	}
	// Whatever a verb was doing when it was interrupted, the reason it ended
	// is the signal; what it did not say on its own is not worth a line.
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return int(exit.Interrupted)
	}
	line := "meshd: " + output.Clean(exit.Line(err)) // it may be an agent that says so
	if a.json || asksJSON(args) {
		told, _ := json.Marshal(exit.TellOf(err))
		line = output.Clean(string(told))
	}
	said := make(chan struct{})
	go func() {
		defer close(said)
		fmt.Fprintln(errOut, line)
	}()
	var late <-chan time.Time
	if ctx.Err() != nil { // who was told to end does not wait for who reads it
		late = time.After(lastWord)
	}
	select {
	case <-said:
	case <-late:
	}
	return int(exit.CodeOf(err))
}

// lastWord is how long a command that was interrupted waits until its error is
// written.
const lastWord = time.Second
