package graphsync

import "testing"

// Keys, labels and observations that nobody can see were taken.
func TestInvisibleNamesAreRefused(t *testing.T) {
	s := newService(t)
	n := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "n", Key: "n"})
	for _, text := range []string{"\u200b", "\ufeff\u200d", "\x01\x7f", "\u00ad", "\ufe0f", "\u3164", "\u115f \u2800", "\u202e", "\U000e0041", "\u0085\u00a0"} {
		for field, op := range map[string]Op{
			"key":   {Op: OpCreateNode, Key: text, Type: "n", Label: ptr("x")},
			"label": {Op: OpUpdateNode, ID: n.ID, Label: &text},
			"alias": {Op: OpAddAlias, ID: n.ID, Alias: text},
			"text":  {Op: OpAddObservation, ID: n.ID, Text: text},
		} {
			if _, _, err := s.Batch(bg, alice, "s", []Op{op}); code(err) != CodeInvalid || detail(err, "field") != field || detail(err, "op") != "0" {
				t.Errorf("%s %q: %v", field, text, err)
			}
		}
		// What may have been stored before can be named, to be read and removed.
		if _, _, err := s.GetNodeByKey(bg, stale, "s", text); code(err) != CodeNotFound && detail(err, "field") == "" {
			t.Errorf("%q: %v", text, err)
		}
	}
	for i, text := range []string{"é", "\u200bx", "👍\ufe0f", "नमस्ते", "\u0301", "-", "あ", "\ue000"} {
		if _, _, err := s.CreateNode(bg, alice, NewNode{SessionID: "s", NodeType: "n", Label: text, Key: text}); err != nil {
			t.Errorf("%d %q: %v", i, text, err)
		}
	}
}

// The refusal of a batch's only operation did not say that it was operation 0.
func TestRefusedOnlyOperationIsNamed(t *testing.T) {
	s := newService(t)
	a := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "a"})
	b := mustCreate(t, s, NewNode{SessionID: "s", NodeType: "n", Label: "b"})
	if _, _, err := s.SetVector(bg, alice, "s", a.ID, "m", []float32{1, 2}); err != nil {
		t.Fatal(err)
	}
	_, _, err := s.Batch(bg, alice, "s", []Op{{Op: OpSetVector, ID: b.ID, Model: "m", Vector: []float32{1}}})
	if err == nil || err.Error() != `operation 0: vector has 1 dimensions, those of "m" have 2` || detail(err, "op") != "0" {
		t.Error(err)
	}
}
