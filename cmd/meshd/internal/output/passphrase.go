package output

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/term"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

// Interactive says that a person can be asked.
func (p *Printer) Interactive() bool { return p.interactive() }

// Passphrase asks for a secret on a terminal without showing it. Twice asks
// again and wants the same, for secrets that nothing checks later.
func (p *Printer) Passphrase(ctx context.Context, question string, twice bool) (string, error) {
	first, err := p.hidden(ctx, question+": ")
	if err != nil || !twice {
		return first, err
	}
	second, err := p.hidden(ctx, "Again: ")
	if err == nil && first != second {
		err = exit.New(exit.Usage, "the two passphrases differ", "type the same one twice")
	}
	return first, err
}

// hidden reads a line without echo. The terminal shows what is typed again
// when it returns, however that comes.
func (p *Printer) hidden(ctx context.Context, question string) (string, error) {
	in, ok := p.In.(*os.File)
	if !ok || !p.interactive() {
		return "", exit.New(exit.Usage, "there is no terminal to ask for the passphrase on", "give it in a file by --passphrase-file, or in MESHD_BACKUP_PASSPHRASE")
	}
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("asking for the passphrase: %w", err)
	}
	fmt.Fprint(p.Err, question)
	type answer struct {
		line []byte
		err  error
	}
	got := make(chan answer, 1)
	go func() {
		line, err := term.ReadPassword(fd)
		got <- answer{line, err}
	}()
	defer fmt.Fprintln(p.Err)
	select {
	case a := <-got:
		if a.err != nil {
			return "", fmt.Errorf("reading the passphrase: %w", a.err)
		}
		return string(a.line), nil
	case <-ctx.Done(): // the read is left behind; the process is about to end
		_ = term.Restore(fd, before)
		return "", ctx.Err()
	}
}
