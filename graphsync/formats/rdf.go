package formats

import (
	"net/url"
	"regexp"
	"strings"
)

// The vocabulary of exports to RDF. Node keys that are IRIs stand as they are,
// others as nodeIRI and the key, percent-encoded; types as typeIRI and the type.
const (
	nodeIRI = "urn:meshd:node:"
	typeIRI = "urn:meshd:type:"
	ownIRI  = "urn:meshd:graph#"
	// blankIRI begins the keys of blank nodes.
	blankIRI = "urn:genid:"

	// Of a node.
	pProperties = ownIRI + "properties" // a JSON literal
	pAlias      = ownIRI + "alias"
	// Of a node, an edge or an observation.
	pExpires    = ownIRI + "expires_at"
	pWeight     = ownIRI + "weight"
	pPredicate  = ownIRI + "predicate"
	pParallel   = ownIRI + "parallel"
	pFrom       = ownIRI + "valid_from"
	pTo         = ownIRI + "valid_to"
	pProvenance = ownIRI + "provenance"
	pConfidence = ownIRI + "confidence"
	// Of an observation or a vector: its node; a vector's model.
	pAbout       = ownIRI + "about"
	pModel       = ownIRI + "model"
	tObservation = ownIRI + "Observation"
	tVector      = ownIRI + "Vector"

	rdfIRI    = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	pType     = rdfIRI + "type"
	pSubject  = rdfIRI + "subject"
	pRelation = rdfIRI + "predicate"
	pObject   = rdfIRI + "object"
	pValue    = rdfIRI + "value"
	tJSON     = rdfIRI + "JSON"
	tLang     = rdfIRI + "langString"
	pLabel    = "http://www.w3.org/2000/01/rdf-schema#label"

	xsdIRI   = "http://www.w3.org/2001/XMLSchema#"
	tString  = xsdIRI + "string"
	tInteger = xsdIRI + "integer"
	tDouble  = xsdIRI + "double"
	tBoolean = xsdIRI + "boolean"
	tTime    = xsdIRI + "dateTime"
)

// term is a node or a literal of RDF 1.1.
type term struct {
	kind     termKind
	value    string // an IRI, a blank node's label, or a literal's text
	datatype string // of a literal; empty is a text
	lang     string
}

type termKind byte

const (
	iri termKind = iota + 1
	blank
	literal
)

type statement struct {
	s, p, o term
	graph   string
}

// key is the node key of an IRI or a blank node; the latter is given an IRI
// (RDF 1.1, 3.5), as a key names the same node in every file.
func (t *term) key() string {
	if t.kind == blank {
		return blankIRI + t.value
	}
	if rest, ok := strings.CutPrefix(t.value, nodeIRI); ok {
		if key, err := url.PathUnescape(rest); err == nil {
			return key
		}
	}
	return t.value
}

var absolute = regexp.MustCompile("^[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\\\\x7f]+$")

// nodeTerm is what stands for a key; key is its inverse.
func nodeTerm(key string) term {
	if absolute.MatchString(key) && !strings.HasPrefix(key, "urn:meshd:") {
		return term{kind: iri, value: key}
	}
	return term{kind: iri, value: nodeIRI + url.PathEscape(key)}
}

// localName is the last part of an IRI.
func localName(iri string) string {
	end := strings.TrimRight(iri, "/#")
	if at := strings.LastIndexAny(end, "/#"); at >= 0 && at+1 < len(end) {
		return end[at+1:]
	}
	if at := strings.LastIndexByte(end, ':'); at >= 0 && at+1 < len(end) {
		return end[at+1:]
	}
	return iri
}
