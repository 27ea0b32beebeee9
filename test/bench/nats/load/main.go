// Command load puts messages on NATS or meshd through the interface their users
// have: WebSocket with TLS, bodies of JSON, senders at node A and receivers at
// node B of three. It prints "begin" and "end" around what it measures ("ready"
// when idle connections stand), then one JSON object.
//
// It is a process of its own and the same for both, so that neither server pays
// for its clients. NATS is spoken to by its own client; meshd by one written
// here in the same manner: frames are gathered by a flusher, and nothing is
// parsed that is not needed.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"syscall"
	"time"
)

type options struct {
	target, op, key, ca, retention, hello string
	addresses                             []string // A, B and the third
	inflight, peers, size, window, rate   int
	warm, measure                         time.Duration
	run                                   string // differs from run to run, for names
}

// result is what is printed.
type result struct {
	Ops       int64   `json:"ops"` // while it was measured
	Errors    int64   `json:"errors"`
	FirstFail string  `json:"first_error,omitempty"`
	Seconds   float64 `json:"seconds"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	CPU       float64 `json:"load_cpu_seconds"`

	// Of the whole run, where sending and receiving are counted each.
	Sent       int64 `json:"sent"`
	Received   int64 `json:"received"`
	Duplicates int64 `json:"duplicates"`
	Disordered int64 `json:"disordered"`
	// Consumed is what the receiver had while it was measured.
	Consumed int64 `json:"consumed"`
	Rate     int   `json:"paced_at,omitempty"`
}

// system is NATS or meshd.
type system interface {
	// Dial connects to the node at address. What is sent to name comes to take,
	// which is called in order; its answer goes back where one is waited for.
	Dial(address, name string, take func(body []byte) (answer []byte)) (peer, error)
	// Receipts says that done of Send tells of a delivery.
	Receipts() bool
	// Consume takes durable messages to name, and acknowledges each.
	Consume(address, name string, take func(body []byte)) (peer, error)
}

// peer is one connection. Its methods may be called by many at once.
type peer interface {
	// Request waits for the answer.
	Request(to string, body []byte) error
	// Send's done is called once, when as much is known as the system tells.
	Send(to string, body []byte, done func(error)) error
	// Durable's done is called once, when it is replicated and on disks.
	Durable(to string, body []byte, done func(error)) error
	// Publish sends to all who subscribe to a topic, Subscribe's take hears it.
	Publish(topic string, body []byte, done func(error)) error
	Subscribe(topic string, take func(body []byte)) error
	// Window is how many sends may be under way; 0: nobody says.
	Window() int
	Close()
}

func main() {
	log.SetFlags(0)
	var o options
	var addresses string
	flag.StringVar(&o.target, "target", "", "nats or meshd")
	flag.StringVar(&addresses, "addresses", "", "HOST:PORT of nodes A, B and the third")
	flag.StringVar(&o.key, "key", "", "file with meshd's API key")
	flag.StringVar(&o.ca, "ca", "", "file with NATS' certificate")
	flag.StringVar(&o.op, "op", "request", "request, oneway, paced, durable, talk, fanout or idle")
	flag.StringVar(&o.retention, "retention", "workqueue", "of NATS' stream: workqueue or limits")
	flag.StringVar(&o.hello, "hello", "", `members to add to meshd's hello, as "batch":true`)
	flag.IntVar(&o.inflight, "inflight", 1, "under way at once; durable: publishers")
	flag.IntVar(&o.window, "window", 0, "under way of one sender: oneway: 0 is as many as meshd allows, and no bound for NATS; durable: 1 publisher with so many")
	flag.IntVar(&o.peers, "peers", 1000, "agents that talk, subscribers, idle connections")
	flag.IntVar(&o.size, "size", 256, "bytes of a body")
	flag.IntVar(&o.rate, "rate", 0, "messages a second of -op paced; 0: search for the most that loses none")
	flag.DurationVar(&o.warm, "warm", time.Second, "before what is measured")
	flag.DurationVar(&o.measure, "measure", 5*time.Second, "how long")
	flag.Parse()
	o.addresses = strings.Split(addresses, ",")
	o.run = fmt.Sprintf("r%x", time.Now().UnixMilli())
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

func run(o options) (err error) {
	if len(o.addresses) != 3 {
		return fmt.Errorf("there must be three addresses")
	}
	var sys system
	switch o.target {
	case "nats":
		sys, err = newNATS(o)
	case "meshd":
		sys, err = newMeshd(o)
	default:
		err = fmt.Errorf("there is no target %q", o.target)
	}
	if err != nil {
		return err
	}
	op := map[string]func(options, system) (result, error){
		"request": request, "oneway": oneway, "paced": paced, "durable": durable, "talk": talk, "fanout": fanout, "idle": idle,
	}[o.op]
	if op == nil {
		return fmt.Errorf("there is no operation %q", o.op)
	}
	res, err := op(o, sys)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(res)
}

// cpuTime is what this process has used.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
