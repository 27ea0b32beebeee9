package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// terminal returns the two ends of a terminal: ours, and that of a program.
func terminal(t *testing.T) (ours, its *os.File) {
	t.Helper()
	ours, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	t.Cleanup(func() { _ = ours.Close() })
	n, err := unix.IoctlGetInt(int(ours.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(ours.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err == nil {
		its, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	}
	if err != nil {
		t.Skip("no terminals here: ", err)
	}
	t.Cleanup(func() { _ = its.Close() })
	return ours, its
}

// What is pasted comes whole, however many lines it has.
func TestPromptTakesWhatIsPasted(t *testing.T) {
	ours, its := terminal(t)
	if _, err := term.MakeRaw(int(its.Fd())); err != nil { // or what is written now would be edited by the system
		t.Fatal(err)
	}
	if _, err := ours.WriteString("MATCH (n)\rRETURN n;\r\rexit\rRETURN 1\r\r\x04"); err != nil {
		t.Fatal(err)
	}
	d := newTyped(its, io.Discard, &queryHistory{})
	for _, want := range []string{"MATCH (n)\nRETURN n;\n", "", "exit\n", "RETURN 1\n"} {
		got, err := d.query(t.Context())
		if err != nil || got != want {
			t.Fatalf("%q %v, want %q", got, err, want)
		}
	}
	if got, err := d.query(t.Context()); !errors.Is(err, io.EOF) {
		t.Fatalf("%q %v, want the end", got, err)
	}
}
