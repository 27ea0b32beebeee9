package inbox

import (
	"testing"
	"time"
)

// A node whose clock is wrong reads the times of messages by the mesh's: it kept
// back all that expires sooner than its clock is ahead, and pushed what was
// delayed or leased by another.
func TestAWrongClockNeitherHidesNorHurriesMessages(t *testing.T) {
	for _, ahead := range []time.Duration{time.Hour, -time.Hour} {
		w := newWorld(t)
		w.cfg.Now = func() time.Time { return w.now().Add(ahead) }
		w.cfg.Ahead = func() time.Duration { return ahead }
		w.send(Outgoing{To: to("bob"), Body: []byte(`"soon over"`), TTL: time.Minute})
		w.send(Outgoing{To: to("bob"), Body: []byte(`"later"`), Delay: 10 * time.Second})
		pending := func(want string) {
			t.Helper()
			b, err := w.Pending(t.Context(), "bob", PendingOptions{})
			got := ""
			for _, m := range b.Messages {
				got += string(m.Body)
			}
			if err != nil || got != want {
				t.Errorf("ahead %s: pending are %s, %v; want %s", ahead, got, err, want)
			}
		}
		pending(`"soon over"`)
		b, err := w.Pending(t.Context(), "bob", PendingOptions{})
		if want := w.now().Add(ahead + 10*time.Second); err != nil || !b.Next.Equal(want) {
			t.Errorf("ahead %s: the next is due at %s, want %s, %v", ahead, b.Next, want, err)
		}
		if list, err := w.Lease(t.Context(), "bob", 1, 5*time.Second); err != nil || len(list) != 1 {
			t.Fatalf("ahead %s: leased %v, %v", ahead, bodies(list), err)
		}
		pending("")
		w.pass(11 * time.Second)
		pending(`"soon over""later"`)
		w.pass(time.Minute)
		if err := w.Tidy(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		pending(`"later"`)
		if dead := w.dead("bob"); len(dead) != 1 || dead[0].Death != DeathExpired {
			t.Errorf("ahead %s: dead are %v", ahead, bodies(dead))
		}
	}
}
