package graphsync

import (
	"bytes"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/consensus"
)

// coded is something that is written and read by hand.
type coded struct {
	name  string
	fresh func() any
	write func(any) []byte
	// read says whether the short reading took it.
	read func([]byte) (any, bool)
}

var codecs = []coded{
	{"node", func() any { return new(nodeRecord) }, func(v any) []byte { return v.(*nodeRecord).encode(nil) },
		func(b []byte) (any, bool) { n := new(nodeRecord); ok := n.read(b); return n, ok }},
	{"edge", func() any { return new(edgeRecord) }, func(v any) []byte { return v.(*edgeRecord).encode(nil) },
		func(b []byte) (any, bool) { e := new(edgeRecord); ok := e.read(b); return e, ok }},
	{"past", func() any { return new(pastRecord) }, func(v any) []byte {
		p := v.(*pastRecord)
		f := mapFields(nil)
		p.encode(&f)
		return f.end()
	}, func(b []byte) (any, bool) { p := new(pastRecord); ok := p.read(b); return p, ok }},
	{"meta", func() any { return new(metaRecord) }, func(v any) []byte { return v.(*metaRecord).encode(nil) },
		func(b []byte) (any, bool) { m := new(metaRecord); ok := m.read(b); return m, ok }},
	{"wire", func() any { return new(wireNode) }, func(v any) []byte { return v.(*wireNode).encode(nil) },
		func(b []byte) (any, bool) { w := new(wireNode); r := cborReader{b: b}; w.read(&r); return w, r.whole() }},
	{"wire edge", func() any { return new(wireEdge) }, func(v any) []byte { return v.(*wireEdge).encode(nil) },
		func(b []byte) (any, bool) { w := new(wireEdge); r := cborReader{b: b}; w.read(&r); return w, r.whole() }},
	{"op", func() any { return new(op) }, func(v any) []byte { return v.(*op).encode(nil) },
		func(b []byte) (any, bool) { o := new(op); r := cborReader{b: b}; o.read(&r); return o, r.whole() }},
	{"command", func() any { return new(command) }, func(v any) []byte { return v.(*command).encode() },
		func(b []byte) (any, bool) { c, err := decodeCommand(b); return c, err == nil }},
	{"client", func() any { return new(clientRecord) }, func(v any) []byte { return v.(*clientRecord).encode(nil) },
		func(b []byte) (any, bool) { c := new(clientRecord); ok := c.read(b); return c, ok }},
	{"sync", func() any { return new(syncRecord) }, func(v any) []byte { return v.(*syncRecord).encode(nil) },
		func(b []byte) (any, bool) { s, err := decodeSync(b); return &s, err == nil }},
	{"clock", func() any { return new(clockRecord) }, func(v any) []byte { return v.(*clockRecord).encode(nil) },
		func(b []byte) (any, bool) { c := new(clockRecord); ok := c.read(b); return c, ok }},
	{"lease", func() any { return new(leaseRecord) }, func(v any) []byte { return v.(*leaseRecord).encode() },
		func(b []byte) (any, bool) { l, ok := decodeLease(b); return &l, ok }},
	{"result", func() any { return new(result) }, func(v any) []byte { return v.(*result).encode() },
		func(b []byte) (any, bool) { r, err := decodeResult(b); return &r, err == nil }},
}

// same compares as the coding does: an empty list and none are one.
func same(a, b any) bool {
	return reflect.DeepEqual(a, b) || bytes.Equal(consensus.Encode(a), consensus.Encode(b))
}

// What is coded by hand is to the byte what consensus.Encode writes.
func TestHandwrittenCodeIsTheEncodersOwn(t *testing.T) {
	text := rapid.SampledFrom([]string{"", "a", "label of a node", "größe", string(make([]byte, 300))})
	raw := rapid.SampledFrom([][]byte{nil, []byte(`{"v":1}`), bytes.Repeat([]byte("x"), 70000)})
	num := rapid.SampledFrom([]uint64{0, 1, 23, 24, 255, 256, 65535, 65536, 1<<32 - 1, 1 << 32, math.MaxInt64, math.MaxUint64})
	small := rapid.SampledFrom([]uint32{0, 1, 24, 1 << 16, math.MaxUint32})
	weight := rapid.SampledFrom([]float64{0, 1, 0.5, -2, 1.0 / 3, 65504, 65505, 1e-7, 6e-8, 5.960464477539063e-8, math.MaxFloat32, math.MaxFloat64, math.SmallestNonzeroFloat64})
	rapid.Check(t, func(t *rapid.T) {
		n := func(what string) uint64 { return num.Draw(t, what) }
		s := func(what string) string { return text.Draw(t, what) }
		stamped := stamp{n("flags"), n("version"), n("rev"), int64(n("at")), n("urev"), -int64(n("uat") >> 1), symbol(small.Draw(t, "by")), symbol(small.Draw(t, "uby"))}
		w := weight.Draw(t, "weight")
		o := op{Kind: opKind(n("kind")), Flags: n("oflags"), ID: n("id"), Key: s("key"), Norm: s("norm"), Type: s("type"), Label: s("label"), Name: s("name"), Props: raw.Draw(t, "props"),
			Source: n("source"), Target: n("target"), SourceKey: s("skey"), TargetKey: s("tkey"), Weight: w, Predicate: s("pred"), Parallel: small.Draw(t, "parallel"), IfVersion: n("if"),
			ValidFrom: int64(n("vf")), ValidTo: -int64(n("vt") >> 1), From: s("from"), Confidence: w, Expires: int64(n("exp")), Text: s("text"), Data: raw.Draw(t, "data"), Days: n("days"), Bytes: n("bytes")}
		// A map written by hand has at most 23 members; no operation takes all.
		if rapid.Bool().Draw(t, "edge") {
			o.Key, o.Norm, o.Label, o.Name, o.Text, o.Data, o.Days, o.Bytes = "", "", "", "", "", nil, 0, 0
		} else {
			o.Source, o.Target, o.SourceKey, o.TargetKey, o.Weight, o.Parallel = 0, 0, "", "", 0, 0
		}
		at, past := int64(n("from at")), -int64(n("to at")>>1)
		told := provenance{&at, &past, s("told"), &w, int64(n("pexp"))}
		wired := wireNode{s("ns"), n("wid"), s("wtype"), s("wlabel"), s("wkey"), raw.Draw(t, "wprops"), rapid.Bool().Draw(t, "given"), []string{s("alias a"), "b"}, wireStamp{n("wv"), int64(n("wat")), int64(n("wut")), s("wby"), s("wuby")}, int64(n("wexp"))}
		wiredEdge := wireEdge{s("ns"), n("eid"), s("etype"), n("esource"), n("etarget"), raw.Draw(t, "eprops"), s("epred"), w, wired.wireStamp, wireTold{int64(n("texp")), &at, &past, s("origin"), &w}}
		head := pushHead{n("hbase"), n("ifrev"), n("ref"), n("sref"), n("tref"), int64(n("hat")), rapid.Bool().Draw(t, "cascade"), s("hcode"), s("hfield"),
			[]clockPart{{Instance: s("instance"), Count: n("count")}, {}}, raw.Draw(t, "foreign"), raw.Draw(t, "sforeign"), raw.Draw(t, "tforeign")}
		done := outcome{pushStatus(n("pstatus")), reason(n("reason")), n("pid"), n("pversion"), n("conflict"), []string{s("pfield"), "x"}, s("pcode"), s("pf"), s("message"), rapid.Bool().Draw(t, "repeated")}
		res := result{Ops: []opResult{{ID: n("rid"), Status: status(n("status")), Version: n("rv")}, {}}}
		if rapid.Bool().Draw(t, "pushed") {
			res.Push = &pushResult{n("last"), []outcome{done, {}}, s("stopped")}
		}
		if rapid.Bool().Draw(t, "with node") {
			res.Node = &wired
		}
		if rapid.Bool().Draw(t, "with edge") {
			res.Edge = &wiredEdge
		}
		values := []any{
			&nodeRecord{stamped, symbol(small.Draw(t, "type")), s("label"), s("name"), s("key"), s("norm"), raw.Draw(t, "props"), []alias{{Key: s("alias"), Norm: s("anorm")}, {Key: "b"}}, int64(n("nexp"))},
			&edgeRecord{stamped, &w, s("pred"), raw.Draw(t, "props"), told},
			&pastRecord{append([]byte{cborMap}, raw.Draw(t, "past")...), int64(n("end")), symbol(small.Draw(t, "endby")) & maxSymbol, ending(n("how")), raw.Draw(t, "place"), n("gap")},
			&metaRecord{n("format"), n("next"), symbol(small.Draw(t, "a")), symbol(small.Draw(t, "b")), symbol(small.Draw(t, "c")), symbol(small.Draw(t, "d")), n("from"), n("keep"), n("kbytes"), -int64(n("since") >> 1)},
			&wired, &wiredEdge, &o,
			&command{s("ns"), s("author"), []op{o, {}}, rapid.Bool().Draw(t, "lenient"), rapid.Bool().Draw(t, "whole"), &pushPart{s("client"), n("first"), n("pbase"), []pushHead{head, {}}, s("pfrom"), head.Clock}},
			&clientRecord{n("clast"), int64(n("cat")), n("own"), symbol(small.Draw(t, "cby")) & maxSymbol, s("cname"), s("cns")},
			&syncRecord{rapid.Bool().Draw(t, "off"), strategy(rapid.IntRange(0, 2).Draw(t, "strategy")), uint32(rapid.IntRange(0, maxSyncInterval).Draw(t, "interval")), int64(n("slast"))},
			&clockRecord{n("capplied"), head.Clock},
			&leaseRecord{Rev: n("lrev"), Until: -int64(n("until") >> 1), By: symbol(small.Draw(t, "lby")) & maxSymbol},
			&res,
		}
		for i, c := range codecs {
			want := consensus.Encode(values[i])
			if got := c.write(values[i]); !bytes.Equal(got, want) {
				t.Fatalf("%s: written as %x, want %x", c.name, got, want)
			}
			if got, ok := c.read(want); ok && !same(got, values[i]) {
				t.Fatalf("%s: read as %+v, was %+v", c.name, got, values[i])
			}
		}
	})
}

// Whatever the short reading takes, the decoder takes, and as the same.
func FuzzCodec(f *testing.F) {
	w := 0.5
	for i, v := range []any{
		&nodeRecord{stamp{1, 2, 3, 4, 5, 6, 7, 8}, 9, "l", "n", "k", "m", []byte("{}"), []alias{{Key: "a", Norm: "b"}}, 7}, &edgeRecord{stamp{Version: 1}, &w, "p", []byte("{}"), provenance{Source: "s", Confidence: &w}},
		&pastRecord{[]byte("r"), 5, 6, endMerged, []byte("p"), 7}, &metaRecord{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, &wireNode{Namespace: "n", ID: 1 << 33, Given: true, Aliases: []string{"a"}, Expires: 5}, &wireEdge{ID: 4, Weight: 1, wireTold: wireTold{ValidTo: new(int64), Confidence: &w}}, &op{Kind: 1, Weight: 1, Parallel: 300},
		&command{"n", "a", []op{{Kind: 2}}, true, true, &pushPart{"c", 1, 2, []pushHead{{Base: 3, Clock: []clockPart{{Instance: "i", Count: 4}}, Foreign: []byte("f")}}, "p", nil}},
		&clientRecord{1, 2, 3, 4, "n", "s"}, &syncRecord{true, 1, 60, 5}, &clockRecord{1, []clockPart{{Instance: "i", Count: 2}}}, &leaseRecord{Rev: 1, Until: 2, By: 3}, &result{Push: &pushResult{1, []outcome{{Status: pushConflict, Fields: []string{"label"}}}, "S"}, Ops: []opResult{{ID: 1, Status: 2, Version: 3}}},
	} {
		f.Add(uint8(i), consensus.Encode(v))
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		c := codecs[int(which)%len(codecs)]
		got, ok := c.read(data)
		if !ok {
			return
		}
		full := c.fresh()
		if err := consensus.Decode(data, full); err != nil {
			t.Fatalf("%s: %x: taken, and %v", c.name, data, err)
		}
		if !same(got, full) {
			t.Fatalf("%s: %x: read as %+v, is %+v", c.name, data, got, full)
		}
	})
}
