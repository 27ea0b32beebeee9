package gossip

import (
	"bytes"
	"io"
	"testing"
)

func seedRecord() []byte {
	raw, err := encodeRecord(&wireRecord{Record: Record{
		NodeID: "a", Name: "n", Incarnation: 1, Counter: 2, Load: 0.5,
		Agents:    []Agent{{Name: "librarian", Capabilities: []string{"graph"}}},
		Instances: []Instance{{ID: "x", Lease: 1}},
	}})
	if err != nil {
		panic(err)
	}
	return raw
}

func FuzzFrame(f *testing.F) {
	f.Add(greeting(kindPackets, goodHello))
	f.Add(newFrame(kindRefuse, []byte("no")))
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, body, err := readFrame(bytes.NewReader(data), maxHello); err == nil {
			if !bytes.HasPrefix(data, newFrame(k, body)) {
				t.Fatal("a frame does not encode to what it was read from")
			}
		}
		_, _, _ = readHello(bytes.NewReader(data))
		_ = readAnswer(bytes.NewReader(data))
	})
}

func FuzzVetPacket(f *testing.F) {
	f.Add(labelled(append([]byte{mlPing}, msgpack(probe{SourceNode: "b"})...)...))
	f.Add(labelled(mlCompound, 1, 0, 1, mlUser))
	f.Add(labelled(mlCRC, 0, 0, 0, 0, mlAck))
	f.Fuzz(func(_ *testing.T, data []byte) { _ = vetPacket(data, "mesh", "b") })
}

func FuzzVetStream(f *testing.F) {
	f.Add(labelled(append([]byte{mlPushPull}, msgpack(map[string]int{"Nodes": 3, "UserStateLen": 9})...)...))
	f.Add(labelled(mlPing))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_ = vetStream(&cappedReader{r: bytes.NewReader(data), left: 1 << 16}, "mesh", true)
		_ = vetStream(io.LimitReader(bytes.NewReader(data), 1<<16), "mesh", false)
	})
}

func FuzzRecord(f *testing.F) {
	f.Add(seedRecord())
	f.Add([]byte{0xa1, 0x01, 0xa0})
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := decodeRecord(data)
		if err != nil {
			return
		}
		if _, err := encodeRecord(w); err != nil {
			t.Fatalf("a record that was read cannot be written: %v", err)
		}
	})
}

func FuzzState(f *testing.F) {
	f.Add(encode(stateMessage{From: "a", Records: [][]byte{seedRecord()}}))
	f.Add(encode(stateMessage{From: "a", Digests: []digest{{NodeID: "b", Incarnation: 1, Counter: 2}}}))
	f.Add(encode([]digest{{NodeID: "b", Incarnation: 1, Counter: 2}}))
	f.Add(encode(meta{Name: "n"}))
	f.Fuzz(func(_ *testing.T, data []byte) {
		_, _ = decodeState(data)
		_, _ = decodeDigests(data)
		_, _ = decodeMeta(data)
	})
}
