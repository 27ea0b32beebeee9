package e2e_test

import (
	"flag"
	"os"
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
	os.Exit(m.Run())
}
