package agent

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/meshd/meshd/node/jsonwalk"
)

// What is taken for the frames of an array is what encoding/json finds in it.
func FuzzElements(f *testing.F) {
	for _, s := range []string{`[{"type":"ping"},{"a":[1,{"b":"]},"}]}]`, `[ {} , {} ]`, `[{}`, `[{},]`, `[{}]x`, `[]`, `[{}{}]`, `["\"",1 ,true]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var want []json.RawMessage
		if len(data) == 0 || data[0] != '[' || json.Unmarshal(data, &want) != nil {
			want = nil
		}
		var got [][]byte
		right := len(data) > 0 && data[0] == '['
		for i, more := jsonwalk.Space(data, min(1, len(data))), right; more && right; {
			end := jsonwalk.Value(data, i)
			if right = end > i; right {
				got = append(got, data[i:end])
				i, more, right = nextElement(data, end)
			}
		}
		if want == nil {
			return // whoever takes the frames finds what is wrong, or nextElement has
		}
		if len(want) == 0 {
			if right {
				t.Fatalf("%s: an empty array was taken", data)
			}
			return
		}
		if !right || len(got) != len(want) {
			t.Fatalf("%s: %d elements, %v", data, len(got), right)
		}
		for i := range want {
			if !bytes.Equal(bytes.TrimSpace(got[i]), want[i]) {
				t.Fatalf("%s: %s, want %s", data, got[i], want[i])
			}
		}
	})
}

// Whatever is written as texts is read as the same frames, each message within
// its bounds and with the shortest header.
func TestTexts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := texts{arrays: rapid.Bool().Draw(t, "arrays")}
		var want []string
		for i := range rapid.IntRange(0, 60).Draw(t, "frames") {
			size := rapid.SampledFrom([]int{0, 1, 100, 125, 300, 5000, 40000, 70000}).Draw(t, "size")
			want = append(want, fmt.Sprintf(`{"n":%d,"text":"%s"}`, i, strings.Repeat("x", size)))
			w.frame([]byte(want[i]))
		}
		w.seal()
		var got []string
		r := bufio.NewReader(bytes.NewReader(w.out))
		for r.Buffered() > 0 || len(got) < len(want) {
			size := readHead(t, r)
			payload := make([]byte, size)
			for n := 0; n < size; {
				k, err := r.Read(payload[n:])
				if err != nil {
					t.Fatal(err)
				}
				n += k
			}
			var several []json.RawMessage
			if payload[0] != '[' {
				several = []json.RawMessage{payload}
			} else if err := json.Unmarshal(payload, &several); err != nil || !w.arrays || len(several) < 2 || size > fullText+70100 {
				t.Fatalf("%d frames in %d bytes: %v", len(several), size, err)
			}
			for _, frame := range several {
				got = append(got, string(frame))
			}
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%d frames, want %d", len(got), len(want))
		}
	})
}

// readHead reads the header of a text message and returns its length.
func readHead(t *rapid.T, r *bufio.Reader) (size int) {
	head := make([]byte, 2)
	_, err := io.ReadFull(r, head)
	if err != nil || head[0] != 0x81 {
		t.Fatalf("%x: %v", head, err)
	}
	bytes, least := 0, 0
	switch size = int(head[1]); size {
	case 126:
		bytes, least = 2, 126
	case 127:
		bytes, least = 8, 1<<16
	}
	if bytes == 0 {
		return size
	}
	size = 0
	for range bytes {
		b, err := r.ReadByte()
		if err != nil {
			t.Fatal(err)
		}
		size = size<<8 | int(b)
	}
	if size < least {
		t.Fatalf("%d bytes have a header of %d", size, bytes)
	}
	return size
}
