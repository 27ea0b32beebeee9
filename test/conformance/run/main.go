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
	node := flag.String("node", "", "ask a node, https://HOST:PORT, and not this process; it is given a namespace for each scenario")
	pin := flag.String("pin", "", "with -node: the pin of its key, as meshd cert prints it")
	key := flag.String("key", os.Getenv("MESHD_KEY"), "with -node: an API key that may write; $MESHD_KEY if left out")
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
	var target conformance.Target = &conformance.Memory{}
	if *node != "" {
		if target, err = conformance.NewNode(*node, *pin, *key); err != nil {
			log.Fatal(err)
		}
	}
	r := conformance.RunAll(ctx, target, list, *dir)
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
