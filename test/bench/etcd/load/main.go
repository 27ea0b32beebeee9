// Command load puts load on etcd or meshd through the interface its users have:
// so many clients, each with one request under way, each with a share of the
// keys that nobody else writes. It prints "begin" and "end" around what it
// measures, then one JSON object.
//
// It is a process of its own and the same for both, so that neither server pays
// for its clients and neither client is cleverer.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// conn is one client's way to a server. Its methods are for one goroutine.
type conn interface {
	// Make creates keys, all in one request, and returns their names.
	Make(ctx context.Context, from, count int, value string) ([]string, error)
	Write(ctx context.Context, key, value string) error
	// Batch writes the same value to several keys, all or none.
	Batch(ctx context.Context, keys []string, value string) error
	Read(ctx context.Context, key string, linearizable bool) (value string, err error)
	Close()
}

type options struct {
	target, address, secret, ca, op, keys string
	clients, conns, size                  int
	warm, measure                         time.Duration
}

// result is what is printed.
type result struct {
	Ops       int64   `json:"ops"`
	Errors    int64   `json:"errors"`
	FirstFail string  `json:"first_error,omitempty"`
	Seconds   float64 `json:"seconds"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`
	CPU       float64 `json:"load_cpu_seconds"`
	Checked   int     `json:"checked"` // keys whose last acknowledged value was read back
	Wrong     int     `json:"wrong"`
}

func main() {
	log.SetFlags(0)
	var o options
	flag.StringVar(&o.target, "target", "", "etcd, http or ws")
	flag.StringVar(&o.address, "address", "", "HOST:PORT")
	flag.StringVar(&o.secret, "key", "", "file with meshd's API key")
	flag.StringVar(&o.ca, "ca", "", "file with the server's certificate or authority")
	flag.StringVar(&o.op, "op", "write", "make, write, batch, linear, stale, count or failover")
	flag.StringVar(&o.keys, "keys", "", "file with the keys, made by -op make")
	flag.IntVar(&o.clients, "clients", 1, "requests under way")
	flag.IntVar(&o.conns, "conns", 0, "connections of etcd's client; 0: one a client")
	flag.IntVar(&o.size, "size", 256, "bytes of a value; of -op make: how many keys too, see -count")
	count := flag.Int("count", 10000, "keys to make")
	flag.DurationVar(&o.warm, "warm", time.Second, "before what is measured")
	flag.DurationVar(&o.measure, "measure", 5*time.Second, "how long")
	flag.Parse()
	var err error
	switch o.op {
	case "make":
		err = makeKeys(o, *count)
	case "failover":
		err = failover(o)
	default:
		err = run(o)
	}
	if err != nil {
		log.Fatal(err)
	}
}

func dialAll(o options) ([]conn, error) {
	dial := map[string]func(options) (func() (conn, error), error){"etcd": etcdDialer, "http": httpDialer, "ws": wsDialer}[o.target]
	if dial == nil {
		return nil, fmt.Errorf("there is no target %q", o.target)
	}
	one, err := dial(o)
	if err != nil {
		return nil, err
	}
	conns := make([]conn, o.clients)
	for i := range conns {
		if conns[i], err = one(); err != nil {
			return nil, err
		}
	}
	return conns, nil
}

// value is text that JSON and protobuf carry as it is, different each time.
func value(size int, client int, n int64) string {
	s := fmt.Sprintf("%06d:%012d:", client, n)
	return s + strings.Repeat("v", max(0, size-len(s)))
}

func readKeys(o options) ([]string, error) {
	data, err := os.ReadFile(o.keys)
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(data)), nil
}

func makeKeys(o options, count int) error {
	o.clients = 1
	conns, err := dialAll(o)
	if err != nil {
		return err
	}
	defer conns[0].Close()
	var names []string
	for from := 0; from < count; from += 100 {
		made, err := conns[0].Make(context.Background(), from, min(100, count-from), value(o.size, 0, 0))
		if err != nil {
			return fmt.Errorf("making keys: %w", err)
		}
		names = append(names, made...)
	}
	return os.WriteFile(o.keys, []byte(strings.Join(names, "\n")), 0o600)
}

// worker is one client.
type worker struct {
	conn
	o     options
	index int
	keys  []string
	n     int64
	last  map[string]string // key to the value last acknowledged
	took  []time.Duration
}

// next does one operation.
func (w *worker) next(ctx context.Context) error {
	w.n++
	key := w.keys[int(w.n)%len(w.keys)]
	switch w.o.op {
	case "linear", "stale":
		v, err := w.Read(ctx, key, w.o.op == "linear")
		if err == nil && len(v) != w.o.size {
			err = fmt.Errorf("read %d bytes", len(v))
		}
		return err
	case "batch":
		at := int(w.n*100) % (len(w.keys) - 99)
		keys, v := w.keys[at:at+100], value(w.o.size, w.index, w.n)
		err := w.Batch(ctx, keys, v)
		for _, k := range keys {
			w.acknowledged(k, v, err)
		}
		return err
	}
	v := value(w.o.size, w.index, w.n)
	err := w.Write(ctx, key, v)
	w.acknowledged(key, v, err)
	return err
}

func (w *worker) acknowledged(key, v string, err error) {
	if err != nil {
		delete(w.last, key) // its value is not known
		return
	}
	w.last[key] = v
}

func run(o options) error {
	keys, err := readKeys(o)
	if err != nil {
		return err
	}
	conns, err := dialAll(o)
	if err != nil {
		return err
	}
	share := len(keys) / o.clients
	if share == 0 || o.op == "batch" && share < 100 {
		return errors.New("there are too few keys for so many clients")
	}
	workers := make([]*worker, o.clients)
	for i := range workers {
		workers[i] = &worker{conn: conns[i], o: o, index: i, keys: keys[i*share : (i+1)*share], last: map[string]string{}, n: time.Now().UnixMilli()}
		defer conns[i].Close()
	}
	var res result
	var measuring atomic.Bool
	var ops, fails atomic.Int64
	var first sync.Once
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			for ctx.Err() == nil {
				begun := time.Now()
				err := w.next(context.Background())
				if err != nil {
					fails.Add(1)
					first.Do(func() { res.FirstFail = err.Error() })
				} else if measuring.Load() {
					ops.Add(1)
					w.took = append(w.took, time.Since(begun))
				}
			}
		})
	}
	time.Sleep(o.warm)
	fmt.Println("begin")
	cpu, begun := cpuTime(), time.Now()
	measuring.Store(true)
	time.Sleep(o.measure)
	measuring.Store(false)
	res.Ops, res.Seconds, res.CPU = ops.Load(), time.Since(begun).Seconds(), (cpuTime() - cpu).Seconds()
	fmt.Println("end")
	cancel()
	wg.Wait()
	res.Errors = fails.Load()
	var all []time.Duration
	for _, w := range workers {
		all = append(all, w.took...)
		checked := 0
		for k, v := range w.last {
			if checked++; checked > 20 {
				break
			}
			res.Checked++
			if got, err := w.Read(context.Background(), k, true); err != nil || got != v {
				res.Wrong++
			}
		}
	}
	slices.Sort(all)
	if len(all) > 0 {
		at := func(q float64) float64 { return float64(all[int(q*float64(len(all)-1))].Microseconds()) / 1000 }
		res.P50, res.P99, res.Max = at(.5), at(.99), at(1)
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
