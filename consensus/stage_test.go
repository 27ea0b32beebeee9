package consensus

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/raft"
)

// large is a command of kv of about n bytes: it sets k to its own text.
func large(k string, n int) []byte {
	return []byte("big " + k + " " + strings.Repeat("0123456789abcdef", n/16))
}

// aside is what lies aside in the state, by its own count and by looking.
func (x *node) aside(t *testing.T) (counted uint64, chunks int) {
	t.Helper()
	if err := x.machine.settle(); err != nil {
		t.Fatal(err)
	}
	tx, err := x.machine.begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	for _, name := range []Table{tableStaged, tableStagedAt} {
		c := x.machine.tablesOf(tx, nil).table(name).cursor()
		for k, _ := c.first(); k != nil; k, _ = c.next() {
			chunks++
		}
	}
	return x.machine.state().Staged, chunks
}

// A command larger than an entry takes effect whole, from any node, beside
// others, and leaves nothing aside.
func TestLargeCommands(t *testing.T) {
	t.Parallel()
	_, _, nodes := mesh(t, 3, nil)
	bodies := [][]byte{large("a", MaxCommand), large("b", 3<<20), large("c", MaxStaged-64), large("d", MaxCommand-64)}
	var all sync.WaitGroup
	for i, body := range bodies {
		all.Go(func() {
			if _, err := nodes[i%3].Propose(context.Background(), Proposal{Part: "kv", Body: body}); err != nil {
				t.Errorf("%d bytes: %v", len(body), err)
			}
		})
	}
	all.Wait()
	for i, body := range bodies {
		if got := nodes[0].get(t, ReadOptions{Consistency: Linearizable}, string(rune('a'+i))); got != string(body) {
			t.Errorf("%d bytes were kept as %d", len(body), len(got))
		}
	}
	eventually(t, 10*time.Second, "nothing lies aside", func() bool {
		for _, x := range nodes {
			if counted, chunks := x.aside(t); counted != 0 || chunks != 0 {
				return false
			}
		}
		return true
	})
}

// A large command is refused whole, and its key remembers the answer of the first.
func TestLargeCommandRefusedOrRepeated(t *testing.T) {
	x := one(t, nil)
	body := append([]byte("no k "), large("", MaxCommand)...)
	var r *Refusal
	if _, err := x.Propose(context.Background(), Proposal{Part: "kv", Body: body}); !errors.As(err, &r) || r.Code != "NO" {
		t.Fatalf("%v", err)
	}
	if got := x.get(t, ReadOptions{}, "k"); got != "" {
		t.Fatal("a refused command left a trace")
	}
	body = append([]byte("add n "), large("", MaxCommand)...)
	p := Proposal{Part: "kv", Body: body, Idempotency: &IdempotencyKey{Scope: "s", Key: "k", BodyHash: sha256.Sum256(body)}}
	for i := range 3 {
		out, err := x.Propose(context.Background(), p)
		if err != nil || out.Replayed != (i > 0) || out.Result[7] != 1 {
			t.Fatalf("%d: %+v, %v", i, out, err)
		}
	}
}

// staging is a machine and the chunks of a body.
func staging(b *bare, id byte, body []byte, drop int) (last *raft.Log) {
	name := [16]byte{id}
	env := func(kind envelopeKind, body []byte) *raft.Log {
		b.index++
		e := entry{stamp: int64(b.index), level: Level, envelopes: [][]byte{(&envelope{origin: origin{1}, seq: b.index, part: "kv", kind: kind, body: body}).encode()}}
		return &raft.Log{Index: b.index, Term: 1, Type: raft.LogCommand, Data: e.encode()}
	}
	count := 0
	for at := 0; at < len(body); at += chunkSize {
		if count != drop {
			b.Apply(env(envelopeChunk, append(append(name[:], byte(count)), body[at:min(at+chunkSize, len(body))]...)))
		}
		count++
	}
	sum := sha256.Sum256(body)
	return env(envelopeStaged, append(append(name[:], byte(count)), sum[:]...))
}

func TestChunksOutOfOrderOrMissing(t *testing.T) {
	b := bareMachine(t)
	refused := func(l *raft.Log) (code string) {
		b.resolve = func(_ origin, _ uint64, out outcome) bool {
			if out.Refusal != nil {
				code = out.Refusal.Code
			}
			return true
		}
		b.Apply(l)
		return code
	}
	body := large("k", 3*chunkSize)
	for drop := range 3 {
		if code := refused(staging(b, byte(drop), body, drop)); code != codeStagedGone {
			t.Errorf("without chunk %d: %q", drop, code)
		}
	}
	if code := refused(staging(b, 9, body, -1)); code != "" {
		t.Fatal(code)
	}
	if got, err := b.see("k"); err != nil || got != string(body) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	left := b.state().Staged
	if left == 0 {
		t.Fatal("nothing is left of the three")
	}
	// After their time what nobody named is dropped, whatever comes.
	late := b.next("set other v")
	e, err := decodeEntry(late.Data)
	if err != nil {
		t.Fatal(err)
	}
	e.stamp = stagedTime + 120_000
	late.Data = e.encode()
	b.Apply(late)
	if b.state().Staged != 0 {
		t.Errorf("%d of %d bytes are left", b.state().Staged, left)
	}
}

// What lies aside is bounded, and the bound is given back.
func TestChunksAreBounded(t *testing.T) {
	b := bareMachine(t)
	full := 0
	b.resolve = func(_ origin, _ uint64, out outcome) bool {
		if out.Refusal != nil && out.Refusal.Code == codeStagedFull {
			full++
		}
		return true
	}
	for i := range byte(5) {
		staging(b, i, large("k", MaxStaged-chunkSize), -1)
	}
	if full == 0 || b.state().Staged > stagedBytes {
		t.Fatalf("%d refused, %d bytes aside", full, b.state().Staged)
	}
}

// A command whose chunks cannot be had is not half there after a restart.
func TestLargeCommandAcrossKills(t *testing.T) {
	manyOpens(t)
	x := one(t, nil)
	for i := range 5 {
		ctx, cancel := context.WithCancel(context.Background())
		done, g := make(chan error, 1), x.Group
		body := large(fmt.Sprintf("k%d", i), 4<<20)
		go func() {
			_, err := g.Propose(ctx, Proposal{Part: "kv", Body: body})
			done <- err
		}()
		for {
			moved := g.machine.moved.wait()
			if g.machine.state().Staged > 0 || len(done) > 0 {
				break
			}
			<-moved
		}
		x.kill()
		cancel()
		err := <-done
		x.open()
		got := x.get(t, ReadOptions{}, fmt.Sprintf("k%d", i))
		if got != "" && got != string(body) || err == nil && got == "" {
			t.Fatalf("%d of %d bytes, %v", len(got), len(body), err)
		}
	}
}
