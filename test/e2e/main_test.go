package e2e_test

import (
	"flag"
	"os"
	"os/signal"
	"testing"
)

// Most of the time these tests wait, for a process, an election or the end of a
// patience: more of them at once than the machine has processors.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", "5")
	}
	// Started in the background, a test may have been told to ignore Ctrl-C, and
	// would pass that on to the programs that are stopped by it.
	if signal.Ignored(os.Interrupt) {
		signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	}
	os.Exit(m.Run())
}
