package access

import (
	"context"
	"testing"
)

// What is remembered of an answer must not outlive what changes it.
func TestGenerationChangesWithTheKeys(t *testing.T) {
	s := newStage(t, "")
	last := s.Generation()
	if last == 0 {
		t.Fatal("the first generation is 0")
	}
	changed := func(what string) {
		t.Helper()
		now := s.Generation()
		if now == last {
			t.Fatalf("%s left the generation at %d", what, now)
		}
		last = now
	}
	info, key, err := s.Create(context.Background(), "one", RoleUser, nil)
	if err != nil {
		t.Fatal(err)
	}
	changed("making a key")
	if _, err := s.Authenticate(key); err != nil {
		t.Fatal(err)
	}
	if s.Generation() != last {
		t.Fatal("a question changed the generation")
	}
	if _, err := s.Revoke(context.Background(), info.ID); err != nil {
		t.Fatal(err)
	}
	changed("revoking a key")
}
