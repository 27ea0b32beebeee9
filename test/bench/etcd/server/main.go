// Command server is etcd as its project releases it, built from the pinned
// module so that a benchmark needs no download by hand.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
