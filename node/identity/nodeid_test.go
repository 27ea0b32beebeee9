package identity

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"
	"pgregory.net/rapid"
)

func pins(t *rapid.T) Pin {
	return Pin(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "pin"))
}

func TestNodeIDRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := MintNodeID(pins(t))
		for _, form := range []string{string(id), strings.ToUpper(string(id)), strings.ReplaceAll(string(id), "-", ""), " " + strings.ReplaceAll(string(id), "-", " ") + "\n"} {
			got, err := ParseNodeID(form)
			if err != nil || got != id {
				t.Fatalf("%q: %q, %v", form, got, err)
			}
		}
		if s := id.Short(); len(s) != 6 || !strings.HasPrefix(string(id), s) {
			t.Fatalf("short %q", s)
		}
	})
}

// CRC is linear: whether an error is noticed depends on the error alone, so
// one id stands for all.
func TestNodeIDNoticesEveryTypo(t *testing.T) {
	flat := strings.ReplaceAll(string(MintNodeID(Pin{1, 2, 3, 200, 201})), "-", "")
	for i := range flat {
		for _, c := range idAlphabet {
			if typo := flat[:i] + string(c) + flat[i+1:]; typo != flat {
				if _, err := ParseNodeID(typo); !errors.Is(err, ErrNodeID) {
					t.Errorf("character %d as %c was accepted", i, c)
				}
			}
		}
	}
	for i := 0; i+1 < len(flat); i++ {
		for _, a := range idAlphabet {
			for _, b := range idAlphabet {
				if a == b {
					continue
				}
				data := []byte(flat)
				data[i], data[i+1] = byte(a), byte(b)
				if i+1 < idDataChars {
					copy(data[idDataChars:], idCheck(string(data[:idDataChars])))
				}
				swapped := []byte(string(data))
				swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
				if _, err := ParseNodeID(string(data)); err != nil {
					continue // swaps that touch the check characters start from an id that holds
				}
				if _, err := ParseNodeID(string(swapped)); err == nil {
					t.Errorf("swap of %c%c at %d was accepted", a, b, i)
				}
			}
		}
	}
}

func TestNodeIDForgivesLookAlikes(t *testing.T) {
	var id NodeID
	for b := byte(0); !strings.ContainsAny(string(id), "o") || !strings.ContainsAny(string(id), "i") || !strings.ContainsAny(string(id), "b"); b++ {
		id = MintNodeID(Pin{b, b + 7, b * 3, b * 5, 77, 13, b})
	}
	got, err := ParseNodeID(strings.NewReplacer("o", "0", "i", "1", "b", "8").Replace(string(id)))
	if err != nil || got != id {
		t.Errorf("%q, %v", got, err)
	}
}

func TestPinForms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pins(t)
		if got, err := ParsePin(p.String()); err != nil || got != p {
			t.Fatal(got, err)
		}
		var fromJSON, fromCBOR Pin
		data, err := json.Marshal(p)
		if err != nil || json.Unmarshal(data, &fromJSON) != nil || fromJSON != p {
			t.Fatal("json", err)
		}
		if data, err = cbor.Marshal(p); err != nil || len(data) != 34 || cbor.Unmarshal(data, &fromCBOR) != nil || fromCBOR != p {
			t.Fatal("cbor", err)
		}
	})
	short, _ := cbor.Marshal([]byte{1, 2, 3})
	if err := cbor.Unmarshal(short, new(Pin)); err == nil {
		t.Error("a short pin was filled up")
	}
	for _, s := range []string{"", "AAAA", strings.Repeat("A", 44), strings.Repeat("*", 43) + "=", strings.Repeat("A", 42) + "B="} {
		if _, err := ParsePin(s); err == nil {
			t.Errorf("%q was accepted", s)
		}
	}
}

func FuzzParseNodeID(f *testing.F) {
	f.Add(string(MintNodeID(Pin{1})))
	f.Add("")
	f.Add("ａaaaaa")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseNodeID(s)
		if err != nil {
			return
		}
		if again, err := ParseNodeID(string(id)); err != nil || again != id {
			t.Errorf("%q parses as %q and that as %q, %v", s, id, again, err)
		}
	})
}
