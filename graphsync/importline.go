package graphsync

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/meshd/meshd/graphsync/formats"
)

// MaxLine bounds one line of an import, its line end not counted.
const MaxLine = formats.MaxLine

// lineOps is an import line as operations, which take effect together.
type lineOps struct {
	ops  []Op
	what thing
	// exists says what becomes of a node that is there already.
	exists string
}

// thing is what a line is about, for counting.
type thing uint8

const (
	aNode thing = iota
	anEdge
	anObservation
	aVector
	aSchema
)

// decodeLine reads one line of an import as operations that take effect
// together:
//
//	{"node":{"key","type","label","properties","aliases","expires_at","if_exists"}}
//	{"edge":{"source","target","type","weight","predicate","properties","parallel", +}}
//	{"observation":{"node","text","properties", +}}
//	{"vector":{"node","model","vector"}}
//	{"schema":{"closed","node_types","edge_types"}}
//
// + is valid_from, valid_to, provenance, confidence, expires_at. key, type,
// source, target, node, text, model and vector must be there; a node's label
// defaults to its key. A schema replaces the one of the namespace. if_exists is
// "replace" (the default), "keep" or "merge". Names are exact, unknown and doubled
// ones are errors.
func decodeLine(line []byte) (l lineOps, _ error) {
	b, err := canonical(line, MaxDepth+2)
	if err != nil {
		return l, fmt.Errorf("the line %w", err)
	}
	outer, err := members(b)
	if err != nil {
		return l, err
	}
	if len(outer) != 1 {
		return l, errors.New(`the line must have one member: "node", "edge", "observation", "vector" or "schema"`)
	}
	kind, body := string(outer[0].name(b)), outer[0].value(b)
	o := Op{}
	var set func(string, []byte) error
	switch kind {
	case "node":
		o.Op, set = OpUpsertNode, func(name string, v []byte) error { return l.setNode(&o, name, v) }
	case "edge":
		o.Op, l.what, set = OpUpsertEdge, anEdge, o.setEdge
	case "observation":
		o.Op, l.what, set = OpAddObservation, anObservation, o.setObservation
	case "vector":
		o.Op, l.what, set = OpSetVector, aVector, o.setVector
	case "schema":
		return schemaLine(body)
	default:
		return l, fmt.Errorf("unknown field %q", kind)
	}
	fields, err := members(body)
	if err != nil {
		return l, fmt.Errorf("%s must be an object", kind)
	}
	for _, f := range fields {
		name := string(f.name(body))
		if err := set(name, f.value(body)); err != nil {
			return l, fmt.Errorf("%s: %w", name, err)
		}
	}
	l.finish(o)
	for i := range l.ops {
		if _, r := prepare(&l.ops[i]); r != nil {
			return l, r
		}
	}
	return l, nil
}

func schemaLine(body []byte) (lineOps, error) {
	o := Op{Op: OpSetSchema, Schema: new(Schema)}
	l := lineOps{ops: []Op{o}, what: aSchema}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(o.Schema); err != nil {
		return l, fmt.Errorf("schema: %w", err)
	}
	if _, r := prepare(&o); r != nil {
		return l, r
	}
	return l, nil
}

// finish puts the operation of the line itself before those for its aliases,
// which the line gave before it was whole.
func (l *lineOps) finish(o Op) {
	aliases := l.ops
	first := o
	if o.Op == OpUpsertNode {
		if l.exists != formats.Replace && l.exists != "" {
			first.Op = OpCreateNode
		}
		if first.Type == "" && l.exists == formats.Merge {
			first.Type = "node"
		}
		if first.Label == nil {
			first.Label = &first.Key
		}
	}
	if len(aliases) == 0 && l.exists != formats.Merge {
		l.ops = []Op{first}
		return
	}
	l.ops = append(make([]Op, 0, len(aliases)+2), first)
	if l.exists == formats.Merge {
		l.ops = append(l.ops, Op{Op: OpUpdateNode, Key: o.Key, Type: o.Type, Label: o.Label, Properties: o.Properties, Merge: o.Properties != nil, ExpiresAt: o.ExpiresAt})
	}
	for _, a := range aliases {
		a.Key = o.Key
		l.ops = append(l.ops, a)
	}
}

var errUnknown = errors.New("unknown field")

func (l *lineOps) setNode(o *Op, name string, v []byte) (err error) {
	switch name {
	case "key":
		o.Key, err = unquote(v)
	case "type":
		o.Type, err = unquote(v)
	case "label":
		o.Label, err = someText(v)
	case "properties":
		o.Properties = json.RawMessage(v)
	case "expires_at":
		o.ExpiresAt, err = readTime(v)
	case "aliases":
		var list []string
		if json.Unmarshal(v, &list) != nil {
			return errors.New("must be a list of texts")
		}
		if len(list) > MaxAliases {
			return fmt.Errorf("has %d texts, at most %d are allowed", len(list), MaxAliases)
		}
		for _, a := range list {
			l.ops = append(l.ops, Op{Op: OpAddAlias, Alias: a})
		}
	case "if_exists":
		switch l.exists, err = unquote(v); l.exists {
		case formats.Replace, formats.Keep, formats.Merge:
		default:
			err = errors.New("must be replace, keep or merge")
		}
	default:
		err = errUnknown
	}
	return err
}

func (o *Op) setObservation(name string, v []byte) (err error) {
	switch name {
	case "node":
		o.Key, err = unquote(v)
	case "text":
		o.Text, err = unquote(v)
	case "properties":
		o.Properties = json.RawMessage(v)
	default:
		err = o.setTold(name, v)
	}
	return err
}

func (o *Op) setVector(name string, v []byte) (err error) {
	switch name {
	case "node":
		o.Key, err = unquote(v)
	case "model":
		o.Model, err = unquote(v)
	case "vector":
		if json.Unmarshal(v, &o.Vector) != nil {
			err = errors.New("must be a list of numbers")
		}
	default:
		err = errUnknown
	}
	return err
}

// setTold takes what a fact and an observation say of the world.
func (o *Op) setTold(name string, v []byte) (err error) {
	switch name {
	case "valid_from":
		o.ValidFrom, err = readTime(v)
	case "valid_to":
		o.ValidTo, err = readTime(v)
	case "expires_at":
		o.ExpiresAt, err = readTime(v)
	case "provenance":
		o.Provenance, err = someText(v)
	case "confidence":
		o.Confidence, err = readNumber(v)
	default:
		err = errUnknown
	}
	return err
}

func readTime(v []byte) (*time.Time, error) {
	s, err := unquote(v)
	if err != nil {
		return nil, err
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil || t.IsZero() { // the zero time would take away what is there
		return nil, errors.New("must be a time as 2006-01-02T15:04:05Z")
	}
	return &t, nil
}

func someText(v []byte) (*string, error) {
	s, err := unquote(v)
	return &s, err
}

func readNumber(v []byte) (*float64, error) {
	f, err := strconv.ParseFloat(string(v), 64)
	if err != nil || v[0] == '"' {
		return nil, errors.New("must be a number")
	}
	return &f, nil
}
func (o *Op) setEdge(name string, v []byte) (err error) {
	switch name {
	case "source":
		o.Source, err = unquote(v)
	case "target":
		o.Target, err = unquote(v)
	case "type":
		o.Type, err = unquote(v)
	case "weight":
		o.Weight, err = readNumber(v)
	case "predicate":
		o.Predicate, err = someText(v)
	case "properties":
		o.Properties = json.RawMessage(v)
	case "parallel":
		n, bad := strconv.ParseUint(string(v), 10, 32)
		if bad != nil {
			return errors.New("must be a small whole number")
		}
		o.Parallel = uint32(n)
	default:
		err = o.setTold(name, v)
	}
	return err
}

// unquote reads a string in its canonical spelling.
func unquote(v []byte) (string, error) {
	if len(v) < 2 || v[0] != '"' {
		return "", errors.New("must be a string")
	}
	if bytes.IndexByte(v, '\\') < 0 {
		return string(v[1 : len(v)-1]), nil
	}
	var s string
	if err := json.Unmarshal(v, &s); err != nil {
		return "", err
	}
	return s, nil
}
