package main

import (
	"encoding/json"
	"fmt"
	"time"
)

// queryCells are what is asked in openCypher.
var queryCells = []cell{
	{"wordnet-query-1", "WordNet, one node", func(b *bench) error { return b.askWords(1) }},
	{"wordnet-query-3", "WordNet, three nodes", func(b *bench) error { return b.askWords(3) }},
	{"debian-query-1", "Debian's packages, one node", func(b *bench) error { return b.askPackages(1) }},
	{"debian-query-3", "Debian's packages, three nodes", func(b *bench) error { return b.askPackages(3) }},
	{"grow-10k", "10,000 entities, one node", func(b *bench) error { return b.grown(10_000) }},
	{"grow-100k", "100,000 entities, one node", func(b *bench) error { return b.grown(100_000) }},
	{"grow-1M", "1,000,000 entities, one node", func(b *bench) error { return b.grown(1_000_000) }},
	{"burden", "Writes beside long queries, 100,000 entities, three nodes", (*bench).burden},
}

// querySmoke are the cells of which a smoke takes a part.
var querySmoke = []string{"wordnet-query-1", "debian-query-3", "grow-10k", "burden"}

// inquiry is a query to measure.
type inquiry struct {
	name, text string
	params     func(i int) object // nil: none
	// check holds an answer to the i-th parameters against what is known otherwise.
	check func(i int, a *table) error
	// beside is what does the same without a language, if there is something.
	beside func(i int) request
	same   func(i int, a *table, structured []byte) error
}

// table is the answer to a query.
type table struct {
	Rows  [][]json.RawMessage
	Count int
	Plan  string
	Stats struct {
		Expansions int
		MS         float64
	}
}

// number is the only cell.
func (t *table) number() (n int, err error) {
	if len(t.Rows) != 1 || len(t.Rows[0]) != 1 {
		return 0, fmt.Errorf("%d rows where one number was to come", len(t.Rows))
	}
	return n, json.Unmarshal(t.Rows[0][0], &n)
}

// queryRow is what one query came to, and what does the same.
type queryRow struct {
	row
	expansions float64 // of one run, on average
	beside     row
}

// perExpansion says nothing where most of the time goes elsewhere.
func (r *queryRow) perExpansion() string {
	if r.expansions < 1000 {
		return ""
	}
	return fmt.Sprintf("%.0f", r.cpu*1e6/r.expansions)
}

func (r *queryRow) ratio() string {
	if r.beside.n == 0 {
		return " | "
	}
	return fmt.Sprintf("%s (%.1f) | %.2f (%.1f)", ms(r.beside.p50), float64(r.p50)/float64(r.beside.p50), r.beside.cpu, r.cpu/r.beside.cpu)
}

func (q *inquiry) request(i int, explain bool) request {
	text := q.text
	if explain {
		text = "EXPLAIN " + text
	}
	body := object{"session_id": namespace, "query": text, "timeout": "10s"}
	if q.params != nil {
		body["parameters"] = q.params(i)
	}
	return post("/graph/query", body)
}

// checked is how many of a query's parameters are looked at before it is measured.
const checked = 20

// ask measures a query at a node that does not lead, and what does the same. A
// wrong answer is the end.
func (b *bench) ask(q inquiry) error {
	if !b.settings.ops.MatchString(q.name) {
		return nil
	}
	r := queryRow{}
	r.name = q.name
	at, runs := b.follower(), 1
	if q.params != nil {
		runs = checked
	}
	for i := range runs {
		var a table
		if _, err := b.clients[at].into(b.ctx, q.request(i, false), &a); err != nil {
			return fmt.Errorf("%s: %w", q.name, err)
		}
		r.expansions += float64(a.Stats.Expansions) / float64(runs)
		if q.check != nil {
			if err := q.check(i, &a); err != nil {
				return fmt.Errorf("wrong answer: %s, %d: %w", q.name, i, err)
			}
		}
		if q.same != nil {
			other, err := b.clients[at].do(b.ctx, q.beside(i))
			if err == nil {
				err = q.same(i, &a, other.body)
			}
			if err != nil {
				return fmt.Errorf("wrong answer: %s, %d: %w", q.name, i, err)
			}
		}
	}
	r.row = b.timed(q.name, 0, at, func(i int) request { return q.request(i%checked, false) })
	b.add(r.row)
	if q.beside != nil && r.fault == nil {
		r.beside = b.timed(q.name+", structured", 0, at, func(i int) request { return q.beside(i % checked) })
		b.add(r.beside)
	}
	b.out.queries = append(b.out.queries, r)
	return nil
}

// starts says where the plan of a query begins.
func (b *bench) starts(q inquiry, with string) error {
	var a table
	if _, err := b.clients[b.follower()].into(b.ctx, q.request(0, true), &a); err != nil {
		return err
	}
	b.out.plans = append(b.out.plans, [2]string{q.text, a.Plan})
	return begins(a.Plan, with)
}

// shaped makes the mesh, loads a graph, and has it in memory too.
func (b *bench) shaped(d *dataset, nodes int) (*shape, error) {
	if err := b.begin(d, nodes); err != nil {
		return nil, err
	}
	return shapeOf(d)
}

func (b *bench) askWords(nodes int) error {
	d, err := b.wordNet()
	if err != nil {
		return err
	}
	s, err := b.shaped(d, nodes)
	if err != nil {
		return err
	}
	return b.askAll(d, s, wordnetQueries)
}

func (b *bench) askPackages(nodes int) error {
	d, err := debian(b.ctx, b.dir, b.small)
	if err != nil {
		return err
	}
	s, err := b.shaped(d, nodes)
	if err != nil {
		return err
	}
	return b.askAll(d, s, debianQueries)
}

// askAll asks for patterns, walks, paths, and what all nodes say.
func (b *bench) askAll(d *dataset, s *shape, own queries) error {
	var all []inquiry
	for i := range own.patterns {
		all = append(all, counting(s, &own.patterns[i]))
	}
	all = append(all, reaching(s, d.all, 10), reaching(s, d.three, 3), fanning(s, d.three), joining(d.pairs))
	all = append(all, overall(s, own)...)
	for _, q := range all {
		if err := b.ask(q); err != nil {
			return err
		}
	}
	label, key := own.label, d.keys[0]
	for _, q := range []struct {
		inquiry
		with string
	}{
		{inquiry{text: fmt.Sprintf("MATCH (a {key: $k})-[:%s]->(b) RETURN b", d.three.edge)}, "a"},
		{inquiry{text: fmt.Sprintf("MATCH (a:%s)-[:%s]->(b {key: $k}) RETURN a", label, d.three.edge)}, "b"},
	} {
		q.params = func(int) object { return object{"k": key} }
		if err := b.starts(q.inquiry, q.with); err != nil {
			return err
		}
	}
	b.memory()
	return nil
}

// few is how many nodes have the rare label of a grown graph.
const few = 100

// grown asks for what touches few nodes.
func (b *bench) grown(entities int) error {
	if b.small {
		entities /= 10
	}
	d, err := synthetic(b.dir, entities)
	if err != nil {
		return err
	}
	if err := b.begin(d, 1); err != nil {
		return err
	}
	var ops []object
	for i := range few {
		ops = append(ops, object{"op": "create_node", "type": "few", "key": fmt.Sprint("few ", i), "label": fmt.Sprint("one of few ", i), "properties": object{"n": i}})
	}
	for i := range few / 2 {
		ops = append(ops, object{"op": "create_edge", "type": "rarely", "source": fmt.Sprint("few ", i), "target": fmt.Sprint("few ", i+1)})
	}
	if _, err := b.clients[b.leader].do(b.ctx, post("/graph/batch", object{"session_id": namespace, "ops": ops})); err != nil {
		return err
	}
	for _, q := range smallQueries(d) {
		if err := b.ask(q); err != nil {
			return err
		}
	}
	b.memory()
	return nil
}

// burdens are queries that nothing ends but their limits.
var burdens = []string{
	"MATCH (a)-->(b)-->(c)-->(d)-->(e)-->(f)-->(g)-->(h)-->(i)-->(j) RETURN count(*)",
	"MATCH (a), (b), (c) WHERE a.label + b.label = c.label RETURN count(*)",
	"UNWIND range(1, 50000) AS i UNWIND range(1, 50000) AS j WITH i, j WHERE (i + j) % 7 = 8 RETURN count(*)",
	"MATCH (a)--(b)--(c)--(d)--(e)--(f)--(g)--(h) WHERE a.label = h.label + 'x' RETURN count(*)",
}

// burden measures writes without and with queries that take all they may.
func (b *bench) burden() error {
	entities, long := 100_000, 20*time.Second
	if b.small {
		entities, long = 10_000, 3*time.Second
	}
	d, err := synthetic(b.dir, entities)
	if err != nil {
		return err
	}
	if err := b.begin(d, 3); err != nil {
		return err
	}
	b.budget = long
	made := 0
	create := func(name string, at int) {
		made++
		of := made
		b.op(name, 0, at, func(i int) request {
			return post("/graph/nodes", object{"session_id": namespace, "node_type": "made", "label": fmt.Sprintf("made %d %d", of, i)})
		})
	}
	disk := func() (sum int64) {
		for _, n := range b.mesh.Disk() {
			sum += n
		}
		return sum
	}
	follower := b.follower()
	create("create, nothing else", follower)
	for _, where := range []struct {
		name string
		at   []int
	}{{"at the leader", []int{b.leader}}, {"at a follower", []int{follower}}, {"at every node", []int{0, 1, 2}}} {
		before := disk()
		stop := make(chan struct{})
		ended := make(chan int)
		asking := 0
		for _, at := range where.at {
			for i := range 4 {
				asking++
				go func() { ended <- b.weigh(at, i, stop) }()
			}
		}
		create("create, four long queries at once "+where.name, follower)
		close(stop)
		runs := 0
		for range asking {
			runs += <-ended
		}
		leader, err := b.mesh.Leader()
		if err != nil {
			return err
		}
		word := "the leader stayed"
		if leader != b.leader {
			word = "**another node leads now**"
		}
		b.leader = leader
		b.out.say("%s: %d long queries were asked meanwhile; the disks of all nodes grew by %s MB; %s", where.name, runs, mb(disk()-before), word)
	}
	b.memory()
	return nil
}

// weigh asks a long query again and again.
func (b *bench) weigh(at, which int, stop chan struct{}) (runs int) {
	c := newClient(b.clients[at].base, b.clients[at].key)
	for q := (inquiry{text: burdens[which%len(burdens)]}); ; runs++ {
		select {
		case <-stop:
			return runs
		case <-b.ctx.Done():
			return runs
		default:
		}
		_, _ = c.do(b.ctx, q.request(0, false)) // each ends by a limit
	}
}
