// Command server is the NATS server as its project releases it, built from the
// pinned module so that a benchmark needs no download by hand.
package main

import (
	"flag"
	"log"
	"os"

	"github.com/nats-io/nats-server/v2/server"
)

func main() {
	log.SetFlags(0)
	set := flag.NewFlagSet("server", flag.ExitOnError)
	opts, err := server.ConfigureOptions(set, os.Args[1:], server.PrintServerAndExit, set.Usage, server.PrintTLSHelpAndDie)
	if err != nil {
		log.Fatal(err)
	}
	s, err := server.NewServer(opts)
	if err != nil {
		log.Fatal(err)
	}
	s.ConfigureLogger()
	if err := server.Run(s); err != nil {
		log.Fatal(err)
	}
	s.WaitForShutdown()
}
