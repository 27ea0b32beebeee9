package consensus

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A configuration is written as letters: upper case votes. The leader comes
// first. Wanted: a letter a replica, "-" after it: leaving, "!" after it: no
// vote. Health: a letter for each that is well, "x:seconds" in silent.
func TestPlan(t *testing.T) {
	now := time.Now()
	for name, c := range map[string]struct {
		seats, wanted, well string
		silent              map[string]int
		even                int
		voters              int
		move                string // the seat from the second to the first
		want                string
	}{
		"nothing wanted":                       {seats: "A", want: "none"},
		"alone":                                {seats: "A", wanted: "a", want: "none"},
		"a second is added":                    {seats: "A", wanted: "ab", want: "add b"},
		"two replicas: one seat":               {seats: "Ab", wanted: "ab", well: "b", want: "none"},
		"a third is added":                     {seats: "Ab", wanted: "abc", well: "b", want: "add c"},
		"growth needs two candidates":          {seats: "Abc", wanted: "abc", well: "b", want: "none"},
		"growth begins":                        {seats: "Abc", wanted: "abc", well: "bc", want: "promote b"},
		"growth goes on through two":           {seats: "ABc", wanted: "abc", well: "bc", want: "promote c"},
		"two and no candidate: waits":          {seats: "ABc", wanted: "abc", well: "b", silent: map[string]int{"c": 5}, even: 5, want: "none"},
		"two and no candidate: undone":         {seats: "ABc", wanted: "abc", well: "b", silent: map[string]int{"c": 20}, even: 20, want: "demote b"},
		"three seats, a fourth replica":        {seats: "ABCd", wanted: "abcd", well: "bcd", want: "none"},
		"five wanted, four replicas":           {seats: "ABCd", wanted: "abcd", well: "bcd", voters: 5, want: "none"},
		"five wanted, five replicas":           {seats: "ABCde", wanted: "abcde", well: "bcde", voters: 5, want: "promote d"},
		"a silent voter keeps its seat":        {seats: "ABC", wanted: "abc", well: "b", silent: map[string]int{"c": 3600}, want: "none"},
		"a silent voter waits for 30 s":        {seats: "ABCd", wanted: "abcd", well: "bd", silent: map[string]int{"c": 20}, want: "none"},
		"a dead voter is replaced":             {seats: "ABCd", wanted: "abcd", well: "bd", silent: map[string]int{"c": 40}, want: "demote c"},
		"and the spare gets its seat":          {seats: "ABcd", wanted: "abcd", well: "bd", silent: map[string]int{"c": 40}, want: "promote d"},
		"no replacement without a majority":    {seats: "ABCd", wanted: "abcd", well: "d", silent: map[string]int{"b": 40, "c": 40}, want: "none"},
		"a wiped member: the old id goes":      {seats: "ABC", wanted: "abd", well: "b", silent: map[string]int{"c": 5}, want: "remove c"},
		"a wiped member: the new id comes":     {seats: "AB", wanted: "abd", well: "b", want: "add d"},
		"a removed non-voter":                  {seats: "Ab", wanted: "a", want: "remove b"},
		"a leaving non-voter":                  {seats: "Ab", wanted: "ab-", want: "remove b"},
		"a leaving voter is demoted first":     {seats: "ABCd", wanted: "abc-d", well: "bcd", want: "demote c"},
		"three become two: one seat":           {seats: "AB", wanted: "ab", well: "b", want: "demote b"},
		"no-vote is never promoted":            {seats: "Abc", wanted: "abc!", well: "bc", want: "none"},
		"no-vote loses its seat":               {seats: "ABC", wanted: "abc!", well: "bc", want: "demote c"},
		"a leaving leader hands over":          {seats: "ABC", wanted: "a-bc", well: "bc", want: "transfer b"},
		"a leaving sole voter promotes first":  {seats: "Ab", wanted: "a-b", well: "b", want: "promote b"},
		"then hands over":                      {seats: "AB", wanted: "a-b", well: "b", want: "transfer b"},
		"then is demoted by the new leader":    {seats: "BA", wanted: "a-b", well: "a", want: "demote a"},
		"then is removed":                      {seats: "Ba", wanted: "a-b", well: "a", want: "remove a"},
		"a leaving leader alone waits":         {seats: "A", wanted: "a-", want: "none"},
		"a leader gone from the roster":        {seats: "ABC", wanted: "bc", well: "bc", want: "transfer b"},
		"a seat is moved: one more":            {seats: "ABCd", wanted: "abcd", well: "bcd", move: "dc", want: "promote d"},
		"then one less":                        {seats: "ABCD", wanted: "abcd", well: "bcd", move: "db", want: "demote b"},
		"not asked for any more: undone":       {seats: "ABCD", wanted: "abcd", well: "bcd", want: "demote d"},
		"it is done":                           {seats: "ACDb", wanted: "abcd", well: "bcd", move: "db", want: "none"},
		"the leader's seat: another leads":     {seats: "ABCd", wanted: "abcd", well: "bcd", move: "da", want: "transfer b"},
		"nobody else can lead: waits":          {seats: "ABCd", wanted: "abcd", well: "d", move: "da", want: "none"},
		"the only seat: one more":              {seats: "Ab", wanted: "ab", well: "b", move: "ba", want: "promote b"},
		"the only seat: the new one leads":     {seats: "AB", wanted: "ab", well: "b", move: "ba", want: "transfer b"},
		"the only seat: one less":              {seats: "BA", wanted: "ab", well: "a", move: "ba", want: "demote a"},
		"from a dead voter, at once":           {seats: "ABCd", wanted: "abcd", well: "bd", silent: map[string]int{"c": 5}, move: "dc", want: "promote d"},
		"then the dead one goes":               {seats: "ABCD", wanted: "abcd", well: "bd", silent: map[string]int{"c": 5}, move: "dc", want: "demote c"},
		"not to one that lags":                 {seats: "ABCd", wanted: "abcd", well: "bc", move: "dc", want: "none"},
		"not to one that must not vote":        {seats: "ABCd", wanted: "abcd!", well: "bcd", move: "dc", want: "none"},
		"not to one that leaves":               {seats: "ABCd", wanted: "abcd-", well: "bcd", move: "dc", want: "remove d"},
		"not from one without a seat":          {seats: "ABCde", wanted: "abcde", well: "bcde", move: "de", want: "none"},
		"between two voters: nothing":          {seats: "ABC", wanted: "abc", well: "bc", move: "bc", want: "none"},
		"another silent voter is no hindrance": {seats: "ABCD", wanted: "abcd", well: "d", silent: map[string]int{"b": 5, "c": 5}, move: "db", want: "demote b"},
	} {
		t.Run(name, func(t *testing.T) {
			in := planInput{now: now, voters: 3, health: map[string]vitals{}, times: healthTimes{}.orDefault()}
			if c.voters > 0 {
				in.voters = c.voters
			}
			for i, l := range c.seats {
				id := strings.ToLower(string(l))
				if i == 0 {
					in.leader = id
				}
				in.seats = append(in.seats, seat{id, id != string(l)})
				in.health[id] = vitals{}
			}
			for _, l := range c.wanted {
				switch n := len(in.wanted); l {
				case '-':
					in.wanted[n-1].Leaving = true
				case '!':
					in.wanted[n-1].NoVote = true
				default:
					in.wanted = append(in.wanted, Replica{RaftID: string(l)})
				}
			}
			for _, l := range c.well {
				in.health[string(l)] = vitals{Well: now.Add(-time.Minute)}
			}
			for id, s := range c.silent {
				in.health[id] = vitals{Silent: now.Add(-time.Duration(s) * time.Second)}
			}
			if c.even > 0 {
				in.evenSince = now.Add(-time.Duration(c.even) * time.Second)
			}
			if c.move != "" {
				in.order = seatMove{To: c.move[:1], From: c.move[1:]}
			}
			got := plan(in)
			if s := strings.TrimSpace(string(got.kind) + " " + got.id); s != c.want {
				t.Fatalf("planned %q, want %q", s, c.want)
			}
		})
	}
}

// With everybody well, any configuration reaches what the roster wants in a
// bounded number of steps, and then rests.
func TestPlanArrives(t *testing.T) {
	ids := []string{"a", "b", "c", "d", "e", "f"}
	rapid.Check(t, func(t *rapid.T) {
		now := time.Now()
		in := planInput{now: now, voters: rapid.SampledFrom([]int{3, 5}).Draw(t, "voters"), leader: "a",
			health: map[string]vitals{}, times: healthTimes{}.orDefault()}
		for _, id := range ids {
			if id != "a" && rapid.Bool().Draw(t, "in configuration") {
				in.seats = append(in.seats, seat{id, rapid.Bool().Draw(t, "votes")})
			}
			if rapid.Bool().Draw(t, "wanted") {
				in.wanted = append(in.wanted, Replica{RaftID: id, NoVote: rapid.Bool().Draw(t, "no vote"), Leaving: id != "b" && rapid.Bool().Draw(t, "leaving")})
			}
		}
		in.seats = append(in.seats, seat{"a", true})
		// One that can lead at the end.
		in.wanted = slices.DeleteFunc(in.wanted, func(r Replica) bool { return r.RaftID == "b" })
		in.wanted = append(in.wanted, Replica{RaftID: "b"})
		for range 60 {
			for _, s := range in.seats {
				in.health[s.id] = vitals{Well: now.Add(-time.Hour)}
			}
			next := plan(in)
			i := slices.IndexFunc(in.seats, func(s seat) bool { return s.id == next.id })
			switch next.kind {
			case stepNone:
				p := planner{planInput: in, want: map[string]Replica{}}
				voters := 0
				for _, r := range in.wanted {
					p.want[r.RaftID] = r
				}
				for _, s := range in.seats {
					if s.voter {
						voters++
					}
					if !p.stays(s.id) {
						t.Fatalf("rests with %v, wanted %v", in.seats, in.wanted)
					}
				}
				if voters != p.target() {
					t.Fatalf("rests with %v, target %d", in.seats, p.target())
				}
				return
			case stepAdd:
				if i >= 0 {
					t.Fatalf("adds %s again", next.id)
				}
				in.seats = append(in.seats, seat{next.id, false})
			case stepPromote:
				in.seats[i].voter = true
			case stepDemote:
				in.seats[i].voter = false
			case stepRemove:
				in.seats = slices.Delete(in.seats, i, i+1)
			case stepTransfer:
				in.leader = next.id
			}
			voters := 0
			for _, s := range in.seats {
				if s.voter {
					voters++
				}
			}
			if voters == 0 {
				t.Fatalf("no voter is left after %v", next)
			}
		}
		t.Fatalf("never rests: %v, wanted %v", in.seats, in.wanted)
	})
}
