package seal

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"filippo.io/age"
)

// pair is one key for all tests.
var pair = sync.OnceValues(func() (string, string) {
	identity, recipient, err := Generate()
	if err != nil {
		panic(err)
	}
	return identity, recipient
})

func TestSealAndOpen(t *testing.T) {
	identity, recipient := pair()
	for name, body := range map[string]string{
		"a text": `"für dich"`, "an object": `{"task":7}`, "null": `null`,
		"more than a chunk": `"` + strings.Repeat("x", 200<<10) + `"`,
	} {
		sealed, err := Seal(recipient, []byte(body))
		if err != nil {
			t.Fatal(name, err)
		}
		if !json.Valid(sealed) || bytes.Contains(sealed, []byte(body)) {
			t.Errorf("%s: sealed as %.80s", name, sealed)
		}
		opened, err := Open(identity, sealed)
		if err != nil || string(opened) != body {
			t.Errorf("%s: opened as %.80s, %v", name, opened, err)
		}
		other, err := Seal(recipient, []byte(body))
		if err != nil || bytes.Equal(other, sealed) {
			t.Errorf("%s: two sealings are the same (%v)", name, err)
		}
	}
}

// The largest body that may be sealed is still one that an inbox takes.
func TestTheLargestBodyFits(t *testing.T) {
	identity, recipient := pair()
	body := []byte(`"` + strings.Repeat("x", MaxBody-2) + `"`)
	sealed, err := Seal(recipient, body)
	if err != nil || len(sealed) > MaxSealed {
		t.Fatalf("%d bytes, %v", len(sealed), err)
	}
	if opened, err := Open(identity, sealed); err != nil || !bytes.Equal(opened, body) {
		t.Fatalf("%d bytes came back, %v", len(opened), err)
	}
	if _, err := Seal(recipient, append(body, ' ')); !errors.Is(err, ErrTooLarge) {
		t.Error(err)
	}
}

func TestRefusals(t *testing.T) {
	identity, recipient := pair()
	sealed, err := Seal(recipient, []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	strange, _, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	var e envelope
	if err := json.Unmarshal(sealed, &e); err != nil {
		t.Fatal(err)
	}
	file, err := base64.StdEncoding.DecodeString(*e.Age)
	if err != nil {
		t.Fatal(err)
	}
	wrap := func(file []byte) string { return `{"age":"` + base64.StdEncoding.EncodeToString(file) + `"}` }
	changed := bytes.Clone(file)
	changed[len(changed)-1] ^= 1
	for name, c := range map[string]struct {
		identity, sealed string
		want             error
	}{
		"another's":       {strange, string(sealed), ErrWrongKey},
		"not sealed":      {identity, `{"a":1}`, ErrNotSealed},
		"more in it":      {identity, strings.Replace(string(sealed), "{", `{"b":1,`, 1), ErrNotSealed},
		"no object":       {identity, `"age"`, ErrNotSealed},
		"nothing":         {identity, ``, ErrNotSealed},
		"two":             {identity, string(sealed) + string(sealed), ErrNotSealed},
		"not base64":      {identity, `{"age":"?"}`, ErrNotSealed},
		"not age":         {identity, wrap([]byte("hello")), ErrNotSealed},
		"cut off":         {identity, wrap(file[:len(file)-3]), ErrNotSealed},
		"changed":         {identity, wrap(changed), ErrNotSealed},
		"oversize":        {identity, strings.Repeat(" ", MaxSealed+1), ErrTooLarge},
		"no identity":     {"", string(sealed), ErrKey},
		"not an identity": {recipient, string(sealed), ErrKey},
	} {
		body, err := Open(c.identity, []byte(c.sealed))
		if body != nil || !errors.Is(err, c.want) {
			t.Errorf("%s: %s, %v", name, body, err)
		}
		if err != nil && strings.Contains(err.Error(), recipient[:40]) {
			t.Errorf("%s: the key is in the error", name)
		}
	}
	for name, r := range map[string]string{
		"classical": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
		"upper":     strings.ToUpper(recipient), "identity": identity, "nothing": "", "long": strings.Repeat("a", MaxRecipient+1),
	} {
		if _, err := Seal(r, []byte(`1`)); !errors.Is(err, ErrKey) || len(err.Error()) > 300 {
			t.Errorf("%s: %v", name, err)
		}
		if CheckRecipient(r) == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if _, err := Seal(recipient, []byte(`{`)); err == nil {
		t.Error("what is not JSON was sealed")
	}
}

// A body sealed to several recipients is no sealed body: each would cost a
// decapsulation.
func TestOneRecipientOnly(t *testing.T) {
	identity, recipient := pair()
	r, err := age.ParseHybridRecipient(recipient)
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	w, err := age.Encrypt(&file, r, r)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte("1"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(identity, []byte(`{"age":"`+base64.StdEncoding.EncodeToString(file.Bytes())+`"}`))
	if !errors.Is(err, ErrNotSealed) {
		t.Error(err)
	}
}

// An identity with an older key opens what was sealed before the change.
func TestOlderKeys(t *testing.T) {
	identity, recipient := pair()
	fresh, published, err := Generate()
	if err != nil {
		t.Fatal(err)
	}
	i, err := ParseIdentity("# newest first\n" + fresh + "\r\n\n" + identity + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if i.Recipient() != published {
		t.Error("the newest is not the one to publish")
	}
	for _, r := range []string{recipient, published} {
		sealed, err := Seal(r, []byte(`1`))
		if err != nil {
			t.Fatal(err)
		}
		if body, err := i.Open(sealed); err != nil || string(body) != "1" {
			t.Error(string(body), err)
		}
	}
	if _, err := ParseIdentity(strings.Repeat(fresh+"\n", maxIdentities+1)); !errors.Is(err, ErrKey) {
		t.Error(err)
	}
}

func TestHashOf(t *testing.T) {
	if got := HashOf("age1pq1"); len(got) != 71 || !strings.HasPrefix(got, "sha256:") || got == HashOf("age1pq2") {
		t.Error(got)
	}
}

func FuzzOpen(f *testing.F) {
	identity, recipient := pair()
	i, err := ParseIdentity(identity)
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := Seal(recipient, []byte(`{"a":1}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(sealed))
	f.Add([]byte(`{"age":""}`))
	f.Add([]byte(`{"age":"YWdlLWVuY3J5cHRpb24ub3JnL3YxCg=="}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := i.Open(data)
		switch {
		case err == nil && !json.Valid(body):
			t.Fatalf("opened %q", body)
		case err != nil && !errors.Is(err, ErrNotSealed) && !errors.Is(err, ErrWrongKey) && !errors.Is(err, ErrTooLarge):
			t.Fatal(err)
		}
	})
}

func FuzzParseIdentity(f *testing.F) {
	identity, _ := pair()
	f.Add(identity)
	f.Add("# nothing\n")
	f.Fuzz(func(t *testing.T, text string) {
		if i, err := ParseIdentity(text); err == nil && CheckRecipient(i.Recipient()) != nil {
			t.Fatal("an identity has no recipient")
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	identity, recipient := pair()
	i, err := ParseIdentity(identity)
	if err != nil {
		b.Fatal(err)
	}
	sealed, err := Seal(recipient, []byte(`"`+strings.Repeat("x", 254)+`"`))
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := i.Open(sealed); err != nil {
			b.Fatal(err)
		}
	}
}
