package message

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestNewIDIsAUUIDv7(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		now := time.Now()
		s := newID(now)
		u, err := uuid.Parse(s)
		if err != nil || u.Version() != 7 || u.Variant() != uuid.RFC4122 || u.String() != s || seen[s] {
			t.Fatal(s, err)
		}
		seen[s] = true
		sec, nsec := u.Time().UnixTime()
		if got := time.Unix(sec, nsec).UnixMilli(); got != now.UnixMilli() {
			t.Fatalf("made at %d, says %d", now.UnixMilli(), got)
		}
	}
}
