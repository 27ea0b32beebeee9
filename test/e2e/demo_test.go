package e2e_test

import (
	"context"
	"os/exec"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// `meshd demo` is the README's first command: it ends well, and says what held.
func TestTheDemoHolds(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), 3*time.Minute)
	defer stop()
	out, err := exec.CommandContext(ctx, realmesh.Binary(t), "demo").CombinedOutput()
	if err != nil {
		t.Fatalf("the demo ended with %v:\n%s", err, lastLines(string(out), 40))
	}
	says(t, string(out), "All of it held")
}
