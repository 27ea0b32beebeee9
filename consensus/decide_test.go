package consensus

import "testing"

// The open-time table of DESIGN.md, a case a row.
func TestOpenTimeDecision(t *testing.T) {
	terms := func(m map[uint64]uint64) func(uint64) uint64 { return func(i uint64) uint64 { return m[i] } }
	none := terms(nil)
	for name, c := range map[string]struct {
		in      found
		want    source
		damaged bool
	}{
		"1 an empty directory":                         {in: found{logTerm: none}, want: fromNothing},
		"2 clean state, log reaches it":                {in: found{stateOpens: true, mark: markClean, stateApplied: 9, stateTerm: 2, logFirst: 1, logLast: 10, logTerm: terms(map[uint64]uint64{9: 2})}, want: fromFile},
		"3 killed in this boot":                        {in: found{stateOpens: true, mark: markOpen, sameBoot: true, stateApplied: 9, stateTerm: 2, logFirst: 1, logLast: 10, logTerm: terms(map[uint64]uint64{9: 2})}, want: fromFile},
		"4 unclean, no snapshot":                       {in: found{mark: markOpen, logFirst: 1, logLast: 10, logTerm: none}, want: fromNothing},
		"5 unclean, snapshot":                          {in: found{mark: markOpen, snapIndex: 8, snapApplied: 8, snapTerm: 1, logFirst: 3, logLast: 10, logTerm: terms(map[uint64]uint64{8: 1})}, want: fromSnapshot},
		"6 clean but older than the snapshot":          {in: found{stateOpens: true, mark: markClean, stateApplied: 5, stateTerm: 1, snapIndex: 8, snapApplied: 7, snapTerm: 1, logFirst: 3, logLast: 10, logTerm: terms(map[uint64]uint64{5: 1, 8: 1})}, want: fromSnapshot},
		"7 clean, at the snapshot's content":           {in: found{stateOpens: true, mark: markClean, stateApplied: 7, stateTerm: 1, snapIndex: 8, snapApplied: 7, snapTerm: 1, logFirst: 3, logLast: 10, logTerm: terms(map[uint64]uint64{7: 1, 8: 1})}, want: fromFile},
		"8 installed snapshot, log empty":              {in: found{mark: markOpen, snapIndex: 8, snapApplied: 8, snapTerm: 1, logTerm: none}, want: fromSnapshot},
		"9 installed snapshot, log begins behind":      {in: found{mark: markOpen, snapIndex: 8, snapApplied: 8, snapTerm: 1, logFirst: 9, logLast: 12, logTerm: none}, want: fromSnapshot},
		"10 newest snapshot damaged, log reaches back": {in: found{mark: markOpen, snapIndex: 4, snapApplied: 4, snapTerm: 1, snapDamaged: 1, logFirst: 5, logLast: 12, logTerm: none}, want: fromSnapshot},
		"11 the only snapshot damaged, whole log":      {in: found{mark: markOpen, snapDamaged: 1, logFirst: 1, logLast: 12, logTerm: none}, want: fromNothing},
		"12 the log's files show a loss":               {in: found{logLost: "a frame", logTerm: none}, damaged: true},
		"13 log ends before the state":                 {in: found{stateOpens: true, mark: markClean, stateApplied: 9, stateTerm: 2, logFirst: 1, logLast: 8, logTerm: none}, damaged: true},
		"14 log ends before the snapshot":              {in: found{mark: markOpen, snapIndex: 8, snapApplied: 8, snapTerm: 1, logFirst: 3, logLast: 7, logTerm: none}, damaged: true},
		"15 log begins behind the snapshot":            {in: found{mark: markOpen, snapIndex: 8, snapApplied: 8, snapTerm: 1, logFirst: 10, logLast: 12, logTerm: none}, damaged: true},
		"16 log begins late and no snapshot":           {in: found{mark: markOpen, logFirst: 5, logLast: 12, logTerm: none}, damaged: true},
		"17 other term at the state":                   {in: found{stateOpens: true, mark: markClean, stateApplied: 9, stateTerm: 2, logFirst: 1, logLast: 10, logTerm: terms(map[uint64]uint64{9: 3})}, damaged: true},
		"18 other term at the snapshot":                {in: found{mark: markOpen, snapIndex: 8, snapApplied: 8, snapTerm: 1, logFirst: 3, logLast: 10, logTerm: terms(map[uint64]uint64{8: 2})}, damaged: true},
		"19 log empty, state has entries":              {in: found{stateOpens: true, mark: markClean, stateApplied: 9, stateTerm: 2, logTerm: none}, damaged: true},
		"20 log empty, newest snapshot damaged":        {in: found{mark: markOpen, snapIndex: 4, snapApplied: 4, snapTerm: 1, snapDamaged: 1, logTerm: none}, damaged: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(c.in)
			if (d.damaged != "") != c.damaged {
				t.Fatalf("damaged: %q", d.damaged)
			}
			if !c.damaged && d.source != c.want {
				t.Fatalf("source %d, want %d", d.source, c.want)
			}
		})
	}
}
