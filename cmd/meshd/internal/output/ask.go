package output

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

// Confirm asks a yes-or-no question on a terminal. yes answers it beforehand,
// as --yes does; without a terminal and without yes it is a usage error, since
// nobody is there to agree. Anything but y or yes is a no, which ends the
// command as refused.
func (p *Printer) Confirm(ctx context.Context, question string, yes bool) error {
	if yes {
		return nil
	}
	if !p.interactive() {
		return exit.New(exit.Usage, "this asks before it acts, and there is no terminal to ask on", "say --yes if you mean it")
	}
	answer, err := p.prompt(ctx, question+" [y/N] ")
	if err != nil {
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return exit.New(exit.Refused, "nothing was changed", "")
}

// ConfirmWord asks the person to type word, for what cannot be undone.
func (p *Printer) ConfirmWord(ctx context.Context, question, word string, yes bool) error {
	if yes {
		return nil
	}
	if !p.interactive() {
		return exit.New(exit.Usage, "this asks before it acts, and there is no terminal to ask on", "say --yes if you mean it")
	}
	answer, err := p.prompt(ctx, fmt.Sprintf("%s Type %s to go on: ", question, word))
	if err != nil {
		return err
	}
	if answer != word {
		return exit.New(exit.Refused, "nothing was changed", "")
	}
	return nil
}

// interactive says that a person can be asked: questions are read from In and
// shown on Err.
func (p *Printer) interactive() bool { return IsTerminal(p.In) && IsTerminal(p.Err) }

// prompt reads one line. The read cannot be interrupted, so it is left behind
// when ctx ends; the process is about to end then.
func (p *Printer) prompt(ctx context.Context, question string) (string, error) {
	fmt.Fprint(p.Err, question)
	type answer struct {
		line string
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := bufio.NewReader(io.LimitReader(p.In, 1024)).ReadString('\n')
		if errors.Is(err, io.EOF) {
			err = nil
		}
		got <- answer{strings.TrimSpace(line), err}
	}()
	select {
	case a := <-got:
		if a.err != nil {
			return "", fmt.Errorf("reading the answer: %w", a.err)
		}
		return a.line, nil
	case <-ctx.Done():
		fmt.Fprintln(p.Err)
		return "", ctx.Err()
	}
}
