package search

import (
	"encoding/binary"
	"hash/maphash"
)

// Field says what a text is to its document. A word in a label tells more than
// one in an observation: each field has a boost.
type Field uint8

// The fields, in the order in which a hit is explained.
const (
	Label Field = iota
	Key
	Alias
	Type
	Property
	Observation
	numFields
)

var fieldNames = [numFields]string{"label", "key", "alias", "type", "property", "observation"}

// String is the field's name in answers.
func (f Field) String() string { return fieldNames[f] }

// boosts weigh an occurrence by its field.
var boosts = [numFields]uint16{Label: 4, Key: 3, Alias: 3, Type: 1, Property: 1, Observation: 1}

// Text is one text of a document. Name tells several of a field apart: the
// property's name, the observation's id. It is not searched.
type Text struct {
	Field Field
	Name  string
	Text  string
}

// Document is what is searched for. Updated is in Unix milliseconds.
type Document struct {
	ID      uint64
	Type    string
	Updated int64
	Texts   []Text
	Vectors []Vector
}

// Vector is what a model made of a document: Data has the model's dimension.
type Vector struct {
	Model string
	Data  []float32
}

// Change puts a document in, in place of the one with its id, or takes it out:
// then only the id is given.
type Change struct {
	Document
	Delete bool
}

// MaxDocumentText is how many bytes of a document's texts are indexed; texts
// after that are not found.
const MaxDocumentText = 256 << 10

var seed = maphash.MakeSeed()

// sum stands for what a segment is made of: documents of one sum have the same
// type, words and grams. It holds within a process.
func (d *Document) sum() uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	var head [9]byte
	text := func(f Field, s string) {
		head[0] = byte(f)
		binary.LittleEndian.PutUint64(head[1:], uint64(len(s)))
		_, _ = h.Write(head[:])
		_, _ = h.WriteString(s)
	}
	text(Type, d.Type)
	for i := range d.Texts {
		text(d.Texts[i].Field, d.Texts[i].Text)
	}
	return h.Sum64()
}
