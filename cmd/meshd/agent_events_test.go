package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshd/meshd/cmd/meshd/internal/program"
)

// An agent whose program prints without end, and whose events nobody read, did not
// stop.
func TestEventsThatNobodyReadHoldNobodysEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		unread, w := io.Pipe()
		e := newEventLines(ctx, w)
		var reports sync.WaitGroup
		for range 3 {
			reports.Go(func() {
				for range 1000 {
					e.report(program.Event{Event: "log", Text: "again"})
				}
			})
		}
		time.Sleep(time.Hour)
		select {
		case <-e.left:
			t.Error("events were dropped while the agent ran")
		default:
		}
		began := time.Now()
		stop()
		reports.Wait()
		e.done()
		if took := time.Since(began); took > 2*unreadEvent {
			t.Errorf("it took %s", took)
		}
		unread.Close()
		<-e.written
	})
}

// Who reads gets all of them, in order, also those of the end.
func TestEventsAreWrittenToTheLast(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var out bytes.Buffer
	e := newEventLines(ctx, &out)
	e.report(program.Event{Event: "started"})
	stop()
	for range 500 {
		e.report(program.Event{Event: "log"})
	}
	e.report(program.Event{Event: "stopped"})
	e.done()
	<-e.written
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 502 || lines[0] != `{"event":"started"}` || lines[501] != `{"event":"stopped"}` {
		t.Errorf("%d lines: %.200s", len(lines), out.String())
	}
}
