package main

import (
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// The load test itself, as small as it can be: it fails by itself where a
// mutation took effect twice or not at all, or the nodes differ.
func TestASmallRun(t *testing.T) {
	if err := run(settings{bin: realmesh.Binary(t), dir: t.TempDir(), clients: 24, mutations: 100, share: 4, active: 4, kills: 200 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
}
