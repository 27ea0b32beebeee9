// Command run judges scenarios of openCypher's compatibility kit and prints how
// many of each group passed. It fails where an answer was wrong.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"os/signal"
	"strings"

	"github.com/meshd/meshd/test/conformance"
)

func main() {
	log.SetFlags(0)
	dir := flag.String("features", "test/conformance/testdata", "directory of feature files, as the kit's tck/features")
	only := flag.String("only", "", "run scenarios whose file or name contains this")
	verbose := flag.Bool("v", false, "tell what did not pass, and why")
	skipped := flag.Bool("skipped", false, "with -v: tell what was skipped too")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	list, err := conformance.Read(*dir)
	if err != nil {
		log.Fatal(err)
	}
	if *only != "" {
		kept := list[:0]
		for _, s := range list {
			if strings.Contains(s.File, *only) || strings.Contains(s.Name, *only) {
				kept = append(kept, s)
			}
		}
		list = kept
	}
	r := conformance.RunAll(ctx, &conformance.Memory{}, list, *dir)
	if *verbose {
		r.PrintFailures(os.Stdout, *skipped)
	}
	if err := r.Print(os.Stdout); err != nil {
		log.Fatal(err)
	}
	if r.Total[conformance.Wrong] > 0 {
		stop()
		os.Exit(1) //nolint:gocritic // stop was called
	}
}
