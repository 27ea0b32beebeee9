package function

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshd/meshd/graphsync/cypher/fault"
)

func limitOf(err error) string {
	var f *fault.Error
	if errors.As(err, &f) && f.Class == fault.Limit {
		return f.Limit
	}
	return ""
}

func TestBudgetCounts(t *testing.T) {
	b := NewBudget(context.Background(), Limits{Rows: 2, Expansions: 10, Bytes: 100})
	for range 2 {
		if err := b.Row(); err != nil {
			t.Fatal(err)
		}
	}
	if got := limitOf(b.Row()); got != "rows" {
		t.Errorf("the third of two rows: %q", got)
	}
	if err := b.Expand(10); err != nil {
		t.Fatal(err)
	}
	if got := limitOf(b.Expand(1)); got != "expansions" {
		t.Errorf("the 11th of ten expansions: %q", got)
	}
	if err := b.Hold(60); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{41, -1} {
		if got := limitOf(b.Room(n)); got != "memory" {
			t.Errorf("%d beside 60 of 100 bytes: %q", n, got)
		}
	}
	b.Release(60)
	if err := b.Hold(100); err != nil {
		t.Fatal(err)
	}
	if b.rows != 3 || b.Expansions() != 11 || b.Bytes() != 100 {
		t.Error(b.rows, b.Expansions(), b.Bytes())
	}
}

func TestBudgetWithoutLimits(t *testing.T) {
	b := NewBudget(context.Background(), Limits{})
	if err := errors.Join(b.Row(), b.Expand(1<<40), b.Hold(1<<40), b.Step(1<<40)); err != nil {
		t.Error(err)
	}
}

func TestBudgetOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(t.Context(), Limits{Time: time.Second})
		if err := b.Look(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if err := b.Step(lookEvery - 1); err != nil {
			t.Error("looked too often:", err)
		}
		if got := limitOf(b.Expand(1)); got != "time" {
			t.Errorf("after its time: %q", got)
		}
	})
	ctx, cancel := context.WithCancel(context.Background())
	b := NewBudget(ctx, Limits{})
	cancel()
	if err := b.Look(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	ctx, cancel = context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	if got := limitOf(NewBudget(ctx, Limits{}).Look()); got != "time" {
		t.Errorf("after the deadline of its context: %q", got)
	}
}
