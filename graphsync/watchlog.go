package graphsync

// Bounds of one look at the log. A revision is never divided, so a look may
// take one revision more than its bound.
const (
	lookChanges = 4096
	// lookValues bounds the values of one look, and those of one revision:
	// what is beyond is Omitted.
	lookValues = 4 << 20
)

// look is what one short view found in the log.
type look struct {
	events []*Event
	// upTo is the revision up to which everything is in events.
	upTo uint64
	more bool // there is more to read at once
}

// readLog reads the changes after a position, until as many are wanted as most
// says (0: no bound). detail says how much to tell of the changes that want returns true
// for; a nil want is for all.
func (v *view) readLog(from Position, detail Detail, most int, want func(*Event) bool) (look, error) {
	l := look{upTo: from.Revision}
	if err := v.keptFrom(from, false); err != nil {
		return l, err
	}
	values, ofRevision, wanted := 0, 0, 0
	for k, val := range v.r.Scan(tLog, from.key(nil), nil) {
		c, ok := readChange(k, val)
		if !ok {
			return l, errRecord
		}
		if n := len(l.events); n > 0 && l.events[n-1].Revision != c.rev {
			l.events[n-1].last, l.upTo, ofRevision = true, l.events[n-1].Revision, 0
			if n >= lookChanges || values > lookValues || most > 0 && wanted >= most {
				l.more = true
				return l, nil
			}
		}
		e, err := v.eventOf(&c)
		if err != nil {
			return l, err
		}
		l.events = append(l.events, e)
		if want != nil && !want(e) {
			continue
		}
		if wanted++; detail == DetailIDs {
			continue
		}
		if e.detail = detail; ofRevision > lookValues {
			e.Omitted = true
		} else if err := v.fillEvent(e, &c, detail); err != nil {
			return l, err
		}
		values += len(e.Data) + len(e.Before)
		ofRevision += len(e.Data) + len(e.Before)
	}
	if n := len(l.events); n > 0 {
		l.events[n-1].last = true
	}
	l.upTo = max(l.upTo, v.r.Revision())
	return l, nil
}

// keptFrom refuses a position whose next changes are no longer in the log. A
// beginner must not come from before there was a log either.
func (v *view) keptFrom(from Position, beginner bool) error {
	m, err := v.counters()
	if err != nil || m.LogFrom == 0 && !beginner {
		return err
	}
	oldest := m.oldest(v.r.Revision())
	if from.whole() >= oldest {
		if beginner {
			return v.knownPlace(m.LogFrom, from, oldest)
		}
		return nil
	}
	r := refuse(CodeCompacted, "since", "the changes after revision %s are no longer kept, the oldest are those after %d", from, oldest)
	r.Details["oldest"] = itoa(oldest)
	return r
}

// knownPlace refuses a place that was told of by a mesh which lost it: who goes on
// there has what never was.
func (v *view) knownPlace(logFrom uint64, from Position, oldest uint64) error {
	before, _, ok, err := v.lastUpTo(logFrom, from.Revision)
	if err != nil || !ok {
		return err
	}
	if r := v.abandoned("since", before, from.Revision); r != nil {
		r.Code = CodeCompacted
		r.Details["oldest"] = itoa(oldest)
		return r
	}
	return nil
}

// eventOf is a change with its names.
func (v *view) eventOf(c *change) (*Event, error) {
	e := &Event{Revision: c.rev, Order: c.ord, EntityType: entities[c.kind], EntityID: c.id, Operation: operations[c.deed],
		Timestamp: millis(c.at), SourceID: c.source, TargetID: c.target, NodeID: c.node, OtherID: c.other}
	var err error
	if e.SessionID, err = v.text(symNamespace, c.ns); err != nil {
		return e, err
	}
	if e.Author, err = v.text(symAuthor, c.author); err != nil {
		return e, err
	}
	if c.kind == kindVector {
		e.NodeID = c.id
		e.Model, err = v.text(symModel, c.typ)
		return e, err
	}
	if e.Type, err = v.text(symType, c.typ); err != nil {
		return e, err
	}
	e.former, err = v.formerType(c)
	return e, err
}

// formerType is the type that a node had before a change, where that was
// another: who wants nodes of that type is told that one has left.
func (v *view) formerType(c *change) (string, error) {
	if c.kind != kindNode || c.deed != changeUpdated || c.flags&keptPast == 0 {
		return "", nil
	}
	got := v.r.Get(tNodeHist, appendNodePast(nil, c.rev, c.id))
	if got == nil {
		return "", nil
	}
	p, err := decodePast(got)
	if err != nil || p.Gap != 0 {
		return "", err
	}
	n, err := peekNode(p.Record)
	if err != nil || n.Type == c.typ {
		return "", err
	}
	return v.text(symType, n.Type)
}
