package roster

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/meshd/meshd/node/identity"
	"pgregory.net/rapid"
)

func sampleToken() JoinToken {
	t := JoinToken{MeshID: "000102030405060708090a0b0c0d0e0f", ID: "1011121314151617",
		Pins: []identity.Pin{testPin(1), testPin(2)}, Addresses: []string{"192.0.2.7:7443", "[2001:db8::1]:7443", "box.example:443"}}
	for i := range t.Seed {
		t.Seed[i] = byte(0x20 + i)
	}
	return t
}

func drawToken(rt *rapid.T) JoinToken {
	hexOf := func(n int) string {
		return hex.EncodeToString(rapid.SliceOfN(rapid.Byte(), n, n).Draw(rt, "bytes"))
	}
	t := JoinToken{MeshID: hexOf(16), ID: hexOf(8)}
	copy(t.Seed[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(rt, "seed"))
	for range rapid.IntRange(1, MaxTokenPins).Draw(rt, "pins") {
		t.Pins = append(t.Pins, identity.Pin(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(rt, "pin")))
	}
	for range rapid.IntRange(1, MaxTokenAddresses).Draw(rt, "addresses") {
		t.Addresses = append(t.Addresses, fmt.Sprintf("%s:%d", rapid.StringMatching(`[a-z0-9.-]{1,200}`).Draw(rt, "host"), rapid.IntRange(1, 65535).Draw(rt, "port")))
	}
	return t
}

func sameToken(a, b JoinToken) bool {
	return a.MeshID == b.MeshID && a.ID == b.ID && a.Seed == b.Seed && slices.Equal(a.Pins, b.Pins) && slices.Equal(a.Addresses, b.Addresses)
}

func TestJoinTokenComesBack(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		want := drawToken(rt)
		s := want.String()
		got, err := ParseJoinToken(" " + s + "\n")
		if err != nil || !sameToken(got, want) || len(s) > MaxJoinToken {
			rt.Fatalf("%v of %q", err, s)
		}
	})
}

// Every character of a token, replaced by any other that people type, is
// noticed and called a mistake of typing.
func TestOneMistypedCharacterIsSaid(t *testing.T) {
	s := sampleToken().String()
	for i := range s {
		for c := byte('!'); c <= '~'; c++ {
			if c == s[i] {
				continue
			}
			if _, err := ParseJoinToken(s[:i] + string(c) + s[i+1:]); !errors.Is(err, ErrTokenMistyped) {
				t.Fatalf("%q for %q at %d: %v", c, s[i], i, err)
			}
		}
		if i >= len(tokenPrefix) {
			for what, typo := range map[string]string{"left out": s[:i] + s[i+1:], "doubled": s[:i+1] + s[i:], "cut": s[:i]} {
				if _, err := ParseJoinToken(typo); !errors.Is(err, ErrTokenMistyped) {
					t.Fatalf("character %d %s: %v", i, what, err)
				}
			}
		}
		if i > len(tokenPrefix) && s[i] != s[i-1] {
			if _, err := ParseJoinToken(s[:i-1] + string(s[i]) + string(s[i-1]) + s[i+1:]); !errors.Is(err, ErrTokenMistyped) {
				t.Fatalf("characters %d and %d swapped: %v", i-1, i, err)
			}
		}
	}
}

// seal gives a payload the prefix and checksum of a token.
func seal(payload []byte) string {
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(binary.BigEndian.AppendUint32(payload, tokenChecksum(payload)))
}

func TestWhatIsNoJoinToken(t *testing.T) {
	good := sampleToken()
	raw, err := base64.RawURLEncoding.DecodeString(good.String()[len(tokenPrefix):])
	if err != nil {
		t.Fatal(err)
	}
	payload := raw[:len(raw)-tokenSum]
	with := func(at int, v byte) string {
		p := slices.Clone(payload)
		p[at] = v
		return seal(p)
	}
	for name, c := range map[string]struct {
		in   string
		want error
	}{
		"empty":              {"", ErrNotToken},
		"white":              {" \n", ErrNotToken},
		"a word":             {"hello", ErrNotToken},
		"an API key":         {"mk_0123456789ab_AAAA", ErrNotToken},
		"prefix alone":       {tokenPrefix, ErrTokenMistyped},
		"no payload":         {tokenPrefix + "AAAAAA", ErrTokenMistyped},
		"too long":           {tokenPrefix + strings.Repeat("A", MaxJoinToken), ErrTokenMistyped},
		"far too long":       {strings.Repeat("A", 1<<20), ErrNotToken},
		"padded":             {good.String() + "=", ErrTokenMistyped},
		"next version":       {with(0, 2), ErrTokenNewer},
		"next prefix":        {"mesh2." + strings.Repeat("A", 200), ErrTokenNewer},
		"version 0":          {with(0, 0), ErrNotToken},
		"no pins":            {with(tokenHead, 0), ErrNotToken},
		"too many pins":      {with(tokenHead, 4), ErrNotToken},
		"one pin more":       {with(tokenHead, 3), ErrNotToken},
		"no addresses":       {with(tokenHead+1+64, 0), ErrNotToken},
		"too many addresses": {with(tokenHead+1+64, 4), ErrNotToken},
		"address too long":   {with(tokenHead+1+64+1, 255), ErrNotToken},
		"address shorter":    {with(tokenHead+1+64+1, 3), ErrNotToken},
		"address a line":     {with(tokenHead+1+64+2, '\n'), ErrNotToken},
		"something behind":   {seal(append(slices.Clone(payload), 0)), ErrNotToken},
		"head only":          {seal(slices.Clone(payload[:tokenHead])), ErrNotToken},
		"short head":         {seal(slices.Clone(payload[:20])), ErrNotToken},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseJoinToken(c.in)
			if !errors.Is(err, c.want) {
				t.Fatalf("%v, want %v", err, c.want)
			}
			if !sameToken(got, JoinToken{}) || (len(c.in) > 20 && strings.Contains(err.Error(), c.in[10:20])) {
				t.Error("a refused token leaves something behind")
			}
		})
	}
}

func TestTokenThatCannotBeWrittenIsEmpty(t *testing.T) {
	for name, change := range map[string]func(*JoinToken){
		"mesh":      func(j *JoinToken) { j.MeshID = "x" },
		"id":        func(j *JoinToken) { j.ID = "" },
		"no pins":   func(j *JoinToken) { j.Pins = nil },
		"pins":      func(j *JoinToken) { j.Pins = make([]identity.Pin, 4) },
		"no host":   func(j *JoinToken) { j.Addresses = nil },
		"addresses": func(j *JoinToken) { j.Addresses = slices.Repeat(j.Addresses, 2) },
		"port":      func(j *JoinToken) { j.Addresses = []string{"host:port"} },
	} {
		j := sampleToken()
		change(&j)
		if s := j.String(); s != "" {
			t.Errorf("%s: %q", name, s)
		}
	}
}

func TestJoinTokenStaysOutOfLogs(t *testing.T) {
	j := sampleToken()
	var b bytes.Buffer
	slog.New(slog.NewTextHandler(&b, nil)).Info("token", "t", j)
	fmt.Fprintf(&b, "%#v", j)
	if got := b.String(); strings.Contains(got, j.String()[30:60]) || !strings.Contains(got, j.ID) {
		t.Error(got)
	}
}

// The vectors fix the format: whoever changes them changes what tokens in
// people's hands mean.
func TestJoinTokenVectors(t *testing.T) {
	type vector struct {
		Name      string         `json:"name"`
		MeshID    string         `json:"mesh_id"`
		ID        string         `json:"id"`
		Seed      string         `json:"seed"`
		Pins      []identity.Pin `json:"pins"`
		Addresses []string       `json:"addresses"`
		Token     string         `json:"token"`
		Exporter  string         `json:"exporter"`
		NodeID    string         `json:"node_id"`
		NodePin   identity.Pin   `json:"node_pin"`
		RaftID    string         `json:"raft_id"`
		PublicKey string         `json:"public_key"`
		Signature string         `json:"signature"`
	}
	const file = "testdata/jointoken.jsonl"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		var v vector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		j := JoinToken{MeshID: v.MeshID, ID: v.ID, Pins: v.Pins, Addresses: v.Addresses}
		if n, err := hex.Decode(j.Seed[:], []byte(v.Seed)); n != 32 || err != nil {
			t.Fatal(v.Name, n, err)
		}
		exporter, err := hex.DecodeString(v.Exporter)
		if err != nil {
			t.Fatal(err)
		}
		token, key := j.String(), hex.EncodeToString(j.PublicKey())
		sig := hex.EncodeToString(j.Sign(exporter, identity.NodeID(v.NodeID), v.NodePin, v.RaftID))
		if *rewrite {
			v.Token, v.PublicKey, v.Signature = token, key, sig
			line, _ := json.Marshal(v)
			out.Write(append(line, '\n'))
			continue
		}
		if token != v.Token || key != v.PublicKey || sig != v.Signature {
			t.Errorf("%s: token %s key %s signature %s", v.Name, token, key, sig)
		}
		if got, err := ParseJoinToken(v.Token); err != nil || !sameToken(got, j) {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
	if *rewrite {
		if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestJoinProofIsBoundToEverything(t *testing.T) {
	j := sampleToken()
	exporter := bytes.Repeat([]byte{9}, 32)
	sig := j.Sign(exporter, "node", testPin(5), "raft")
	type call struct {
		key            []byte
		exporter       []byte
		mesh, token    string
		id             identity.NodeID
		pin            identity.Pin
		raft           string
		sig            []byte
		shouldBeProven bool
	}
	good := call{j.PublicKey(), exporter, j.MeshID, j.ID, "node", testPin(5), "raft", sig, true}
	other := sampleToken()
	other.Seed[0]++
	for name, change := range map[string]func(*call){
		"nothing changed":   func(c *call) { c.shouldBeProven = true },
		"another key":       func(c *call) { c.key = other.PublicKey() },
		"no key":            func(c *call) { c.key = nil },
		"another exporter":  func(c *call) { c.exporter = make([]byte, 32) },
		"short exporter":    func(c *call) { c.exporter = exporter[:31] },
		"another mesh":      func(c *call) { c.mesh = "ff" + c.mesh[2:] },
		"no mesh":           func(c *call) { c.mesh = "" },
		"another token":     func(c *call) { c.token = "ff" + c.token[2:] },
		"another node":      func(c *call) { c.id = "other" },
		"another node key":  func(c *call) { c.pin = testPin(6) },
		"another log":       func(c *call) { c.raft = "raft2" },
		"a border moved":    func(c *call) { c.id, c.raft = "noder", "aft" },
		"another signature": func(c *call) { c.sig = other.Sign(exporter, "node", testPin(5), "raft") },
		"no signature":      func(c *call) { c.sig = nil },
		"endless name":      func(c *call) { c.raft = strings.Repeat("x", 1<<20) },
	} {
		c := good
		c.shouldBeProven = false
		change(&c)
		err := VerifyJoin(c.key, c.exporter, c.mesh, c.token, c.id, c.pin, c.raft, c.sig)
		if (err == nil) != c.shouldBeProven || (err != nil && !errors.Is(err, ErrJoinProof)) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if j.Sign(exporter[:31], "node", testPin(5), "raft") != nil {
		t.Error("signed over a short exporter")
	}
}

func FuzzParseJoinToken(f *testing.F) {
	f.Add(sampleToken().String())
	f.Add(seal([]byte{1}))
	f.Add("mesh1.")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		j, err := ParseJoinToken(s)
		if err != nil {
			return
		}
		// Line breaks within are all that two spellings may differ in.
		if want := strings.NewReplacer("\n", "", "\r", "").Replace(strings.TrimSpace(s)); j.String() != want {
			t.Fatalf("%q is read as %q", s, j.String())
		}
	})
}

// FuzzDecodeToken goes behind the checksum.
func FuzzDecodeToken(f *testing.F) {
	raw, _ := base64.RawURLEncoding.DecodeString(sampleToken().String()[len(tokenPrefix):])
	f.Add(raw[1 : len(raw)-tokenSum])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		s := seal(append([]byte{tokenVersion}, body...))
		if j, err := ParseJoinToken(s); err == nil && j.String() != s {
			t.Fatalf("%x comes back otherwise", body)
		}
	})
}
