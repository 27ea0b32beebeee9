package numbered

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/meshd/meshd/consensus"
)

func TestIDs(t *testing.T) {
	for text, want := range map[string]ID{"17": 17, "18446744073709551615": math.MaxUint64, "0": 0, "017": 0, "-1": 0, "": 0, "1x": 0, "18446744073709551616": 0} {
		got, err := ParseID(text)
		if got != want || (err == nil) != (want != 0) {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	raw, err := json.Marshal(struct{ ID ID }{17})
	if err != nil || string(raw) != `{"ID":"17"}` {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestKeysSortAsTheirNumbers(t *testing.T) {
	order := [][]byte{TimeKey(-1, 5), TimeKey(0, 6), TimeKey(255, 1), TimeKey(256, 0), TimeKey(math.MaxInt64, 9)}
	for i := 1; i < len(order); i++ {
		if bytes.Compare(order[i-1], order[i]) >= 0 {
			t.Errorf("key %d is not before the next", i-1)
		}
	}
	for _, key := range [][]byte{TimeKey(7, 300), ByteKey(2, 300), WordKey("a", 300), ID(300).Key()} {
		if IDOf(key) != 300 {
			t.Errorf("%x names %d", key, IDOf(key))
		}
	}
	if TimeOf(TimeKey(7, 300)) != 7 || TimeOf(nil) != 0 || IDOf(nil) != 0 {
		t.Error("times are read wrongly")
	}
}

// Who watches hears of what was committed, and without events that some are missing.
func TestWatched(t *testing.T) {
	var w Watched[int]
	var heard []string
	cancel := w.Watch(func(events []int) { heard = append(heard, fmt.Sprint(len(events))) })
	w.Happened([]int{1, 2})
	w.Happened(nil)
	w.Committed(nil)
	w.Committed(nil) // nothing happened
	w.Happened(make([]int, maxFresh+1))
	w.Happened([]int{3})
	w.Committed(nil)
	w.Happened([]int{4})
	w.Reset(nil)
	w.Committed(nil)
	cancel()
	w.Reset(nil)
	if got := fmt.Sprint(heard); got != "[2 0 1 0]" {
		t.Errorf("heard %s", got)
	}
}

func TestCommands(t *testing.T) {
	type body struct {
		N int `cbor:"1,keyasint"`
	}
	var e Envelope
	if err := Decode(Command(3, body{7}), &e, "things"); err != nil || e.Kind != 3 {
		t.Fatalf("%+v, %v", e, err)
	}
	got, err := Run(e, "things", func(b body) ([]byte, error) { return []byte{byte(b.N)}, nil })
	if err != nil || got[0] != 7 {
		t.Errorf("%v, %v", got, err)
	}
	_, err = Run(Envelope{Body: []byte{0xff}}, "things", Quiet(func(body) error { return nil }))
	var r *consensus.Refusal
	if !errors.As(err, &r) || r.Code != CodeUpgradeNode || r.Sentence != "a command of things holds what this version cannot read; upgrade this node" {
		t.Errorf("%v", err)
	}
	if r := Invalid("name", "no"); r.Code != CodeInvalid || r.Details["field"] != "name" || IsName("A") || !IsName("a-1") || Printable("a\n", 9) || Printable("ab", 1) || !Printable("ü", 2) {
		t.Errorf("%+v", r)
	}
}
