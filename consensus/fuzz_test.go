package consensus

import (
	"bytes"
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func contextFor(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

func TestEntriesSurviveEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var e entry
		e.stamp = rapid.Int64Min(0).Draw(t, "stamp")
		e.level = rapid.Uint32().Draw(t, "level")
		for range rapid.IntRange(0, 3).Draw(t, "n") {
			env := envelope{seq: rapid.Uint64().Draw(t, "seq"), part: "kv", body: rapid.SliceOf(rapid.Byte()).Draw(t, "body")}
			copy(env.origin[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "origin"))
			if rapid.Bool().Draw(t, "idem") {
				env.idem = &IdempotencyKey{Scope: "s", Key: rapid.StringN(1, 20, 60).Draw(t, "key")}
			}
			data := env.encode()
			got, err := decodeEnvelope(data)
			if err != nil || got.seq != env.seq || got.origin != env.origin || !bytes.Equal(got.body, env.body) || (got.idem == nil) != (env.idem == nil) {
				t.Fatalf("%+v became %+v, %v", env, got, err)
			}
			e.acks = append(e.acks, ack{env.origin, env.seq})
			e.envelopes = append(e.envelopes, data)
		}
		got, err := decodeEntry(e.encode())
		if err != nil || got.stamp != e.stamp || got.level != e.level || len(got.acks) != len(e.acks) || len(got.envelopes) != len(e.envelopes) {
			t.Fatalf("%+v became %+v, %v", e, got, err)
		}
	})
}

func FuzzDecodeEntry(f *testing.F) {
	env := envelope{seq: 7, part: "kv", body: []byte("set a b"), idem: &IdempotencyKey{Scope: "s", Key: "k"}}
	e := entry{stamp: 1, level: 1, acks: []ack{{seq: 3}}, envelopes: [][]byte{env.encode()}}
	f.Add(e.encode())
	f.Add(env.encode())
	f.Add(systemEntry(firstLevel, 4, systemCommand(sysMarker, 3)))
	f.Add([]byte{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		if e, err := decodeEntry(data); err == nil {
			for _, env := range e.envelopes {
				_, _ = decodeEnvelope(env)
			}
		}
		_, _ = decodeEnvelope(data)
	})
}

func FuzzReadSnapshot(f *testing.F) {
	var b bytes.Buffer
	s, err := openStateFile(f.TempDir()+"/state-1.db", append([]Table{kvTable}, sysTables...))
	if err != nil {
		f.Fatal(err)
	}
	tx, err := s.db.Begin(false)
	if err != nil {
		f.Fatal(err)
	}
	if err := writeSnapshot(&b, tx); err != nil {
		f.Fatal(err)
	}
	tx.Rollback()
	s.db.Close()
	f.Add(b.Bytes())
	f.Add([]byte(snapshotMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = readSnapshot(bytes.NewReader(data), nil)
	})
}

func FuzzScanSegment(f *testing.F) {
	f.Add([]byte{0x0d, 0x6b, 0xeb, 0x58, 0, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0})
	f.Add(bytes.Repeat([]byte{1, 0, 0, 0}, 40))
	f.Fuzz(func(t *testing.T, data []byte) {
		if end, _ := scanSegment(data); end < 0 || end > len(data) {
			t.Fatalf("end %d of %d", end, len(data))
		}
	})
}

func FuzzHandleCall(f *testing.F) {
	for i, m := range []string{methodPropose, methodTerm, methodReadIndex, methodRevision, methodStats, "consensus.none"} {
		f.Add(m, []byte{byte(i)})
	}
	x := one(f, nil)
	f.Fuzz(func(t *testing.T, method string, body []byte) {
		ctx, cancel := contextFor(5 * time.Second)
		defer cancel()
		_, _ = x.HandleCall(ctx, "somebody", method, body)
	})
}

func FuzzParseCurrent(f *testing.F) {
	f.Add("state-1.db clean boot\n")
	f.Add("../../etc/passwd open")
	f.Fuzz(func(t *testing.T, text string) {
		if c := parseCurrent(text); c.name != "" && bytes.ContainsAny([]byte(c.name), "/\\") {
			t.Fatalf("a path: %q", c.name)
		}
	})
}
