package mcp

import "github.com/meshd/meshd/graphsync"

var (
	directionField = field{name: "direction", kind: text, optional: true, enum: []string{"both", "outgoing", "incoming"}, doc: "Which relations to follow, as seen from the entity; both if left out"}
	relationFilter = field{name: "relationType", kind: text, optional: true, doc: "Follow only relations of this type"}
	maxBytesField  = field{name: "max_bytes", kind: integer, optional: true, min: minBytes, max: maxBytes, doc: "How large the answer may be, in bytes (65536 if left out)"}
	limitField     = field{name: "limit", kind: integer, optional: true, min: 1, max: graphsync.MaxLimit, doc: "How many at most"}
	asOfField      = field{name: "as_of", kind: text, optional: true, doc: "Show what the memory held then: a revision (\"1234\") or a time (\"2026-01-31T12:00:00Z\"); now if left out"}
	validAtField   = field{name: "valid_at", kind: text, optional: true, doc: "Show what was true in the world at that time, or \"any\" for facts of all times; what is true now if left out"}
	nameField      = field{name: "name", kind: text, optional: true, doc: "The entity's name or alias; its case does not matter"}
	idField        = field{name: "id", kind: integer, optional: true, min: 1, max: 1 << 40, doc: "The entity's id, in place of the name"}
)

// ownTools are what the reference server does not have.
func ownTools() []tool {
	return []tool{
		{
			name: "remember", title: "Remember", writes: true, again: true, run: does(remember),
			doc: "Note what you have learned about one entity, in one call and all or nothing: makes the entity if it is new, adds observations and relations that are new, and leaves what is there as it is. Entities that relations name need not exist. Answers what was new. Prefer this to create_entities, add_observations and create_relations.",
			in: []field{
				{name: "name", kind: text, doc: "The entity's name: short, as people say it"},
				{name: "entityType", kind: text, optional: true, doc: "What it is: person, project, place…; changes the type of an entity that has another"},
				{name: "observations", kind: list, optional: true, items: &field{kind: text}, doc: "What to remember of it, one plain fact in each"},
				{name: "relations", kind: list, optional: true, doc: "How it is related; give to, or from for a relation towards it", items: &field{kind: object, fields: []field{
					{name: "relationType", kind: text, doc: "In active voice: works_at, knows, part_of"},
					{name: "to", kind: text, optional: true, doc: "The name of the other entity, where the relation leads to it"},
					{name: "from", kind: text, optional: true, doc: "The name of the other entity, where the relation comes from it"},
				}}},
				{name: "source", kind: text, optional: true, doc: "Where this comes from: an address, a document, a message"},
				{name: "confidence", kind: number, optional: true, min: 0, max: 1, doc: "How sure it is, 0 to 1"},
				{name: "valid_from", kind: text, optional: true, doc: "Since when it is true, as 2026-01-31T12:00:00Z"},
				{name: "valid_to", kind: text, optional: true, doc: "Until when it is true"},
			},
		},
		{
			name: "search", title: "Search", again: true, run: does(search),
			doc: "Find entities by what is said of them, best first, with the place that matched. Any of the words suffices and each more ranks higher; +word demands and -word forbids it, \"a phrase\" wants words one behind the other, word* a beginning, word~ allows a misspelling. Word forms of several languages are known. The best tool to begin with.",
			in: []field{
				{name: "query", kind: text, optional: true, doc: "What to look for; may be left out where a vector is given"},
				{name: "mode", kind: text, optional: true, enum: []string{"words", "substring", "vector", "fused"}, doc: "words (default), substring (a part of any text, whatever its case), vector, or fused (words and vector)"},
				{name: "entityTypes", kind: list, optional: true, items: &field{kind: text}, doc: "Only entities of these types"},
				{name: "near", kind: text, optional: true, doc: "The name of an entity: what is few relations away from it ranks higher"},
				{name: "vector", kind: list, optional: true, items: &field{kind: number}, doc: "An embedding of the question, for modes vector and fused"},
				{name: "model", kind: text, optional: true, doc: "The model that made the vector"},
				{name: "limit", kind: integer, optional: true, min: 1, max: graphsync.MaxLimit, doc: "How many at most; 20 if left out"},
				{name: "cursor", kind: text, optional: true, doc: "nextCursor of the answer before"}, maxBytesField,
			},
		},
		{
			name: "get_node", title: "Get Node", again: true, run: does(getNode),
			doc: "Show one entity with everything about it: observations and relations with their ids, times, authors, sources and validity. With as_of it shows what the memory held in the past, with valid_at what was true at a time.",
			in:  []field{nameField, idField, asOfField, validAtField, maxBytesField},
		},
		{
			name: "neighbors", title: "Neighbors", again: true, run: does(neighbors),
			doc: "Show the entities around one, nearest first, and the relations between them. Start with depth 1.",
			in: []field{
				{name: "name", kind: text, doc: nameField.doc}, directionField,
				{name: "depth", kind: integer, optional: true, min: 1, max: graphsync.MaxNeighborDepth, doc: "How many relations away at most; 1 if left out"},
				relationFilter, limitField, asOfField, validAtField, maxBytesField,
			},
		},
		{
			name: "path", title: "Path", again: true, run: does(path),
			doc: "Find a shortest chain of relations between two entities: how are they connected? found is false where there is none.",
			in: []field{
				{name: "from", kind: text, doc: "The name of the entity to start at"},
				{name: "to", kind: text, doc: "The name of the entity to reach"},
				{name: "max_depth", kind: integer, optional: true, min: 1, max: graphsync.MaxPathDepth, doc: "How many relations at most; 10 if left out"},
				directionField, relationFilter, asOfField, validAtField,
			},
		},
		{
			name: "query", title: "Query", again: true, run: does(query),
			doc: "Ask in openCypher, for what no other tool counts, joins or sorts: MATCH, OPTIONAL MATCH, WHERE, WITH, UNWIND, RETURN, ORDER BY, LIMIT, UNION; it reads only. Entities are nodes: their type is the label, n.label is the name, n.observations the list of observations; relations are relationships. Example: MATCH (p:person)-[:works_at]->(c) RETURN c.label, count(p) ORDER BY count(p) DESC LIMIT 10.",
			in: []field{
				{name: "query", kind: text, doc: "The query"},
				{name: "parameters", kind: object, optional: true, open: true, doc: "Values for $name in the query, by name"},
				asOfField, validAtField, maxBytesField,
			},
		},
		{
			name: "history", title: "History", again: true, run: does(history),
			doc: "Show how an entity (by name or id) or a relation (by id) came to be what it is: its versions, newest first, with who changed what and when, also of one that is deleted (by id).",
			in:  []field{nameField, {name: "id", kind: integer, optional: true, min: 1, max: 1 << 40, doc: "The id of an entity or a relation, in place of the name"}, limitField, {name: "cursor", kind: text, optional: true, doc: "nextCursor of the answer before"}, maxBytesField},
		},
		{
			name: "changes_since", title: "Changes Since", again: true, run: does(changesSince),
			doc: "Show what anybody has changed in this memory after a revision, oldest first. Keep the revision of the answer to ask from there next time; answers of remember and get_node have it too.",
			in: []field{
				{name: "revision", kind: integer, min: 0, max: 1 << 53, doc: "Show what came after this revision"},
				limitField, maxBytesField,
			},
		},
	}
}
