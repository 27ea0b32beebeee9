package mcp

// toolNamed finds a tool; nil where there is none.
func toolNamed(name string) *tool {
	for i := range tools {
		if tools[i].name == name {
			return &tools[i]
		}
	}
	return nil
}

var tools = append(referenceTools(), ownTools()...)

// The shapes that tools share.
func entityField() *field {
	return &field{kind: object, fields: []field{
		{name: "name", kind: text, doc: "The name of the entity"},
		{name: "entityType", kind: text, doc: "The type of the entity"},
		{name: "observations", kind: list, items: &field{kind: text}, doc: "An array of observation contents associated with the entity"},
	}}
}

func relationField() *field {
	return &field{kind: object, fields: []field{
		{name: "from", kind: text, doc: "The name of the entity where the relation starts"},
		{name: "to", kind: text, doc: "The name of the entity where the relation ends"},
		{name: "relationType", kind: text, doc: "The type of the relation"},
	}}
}

// opened lets an object of the arguments have fields that are not known.
func opened(f *field) *field {
	f.open = true
	return f
}

func pagingFields() []field {
	return []field{
		{name: "cursor", kind: text, optional: true, doc: "nextCursor of the answer before, to go on from there; the other arguments must be the same"},
		{name: "max_bytes", kind: integer, optional: true, min: minBytes, max: maxBytes, doc: "How large the answer may be, in bytes (65536 if left out)"},
	}
}

// graphFields is a page of the graph: the last two are there where it is not
// the whole.
func graphFields() []field {
	return []field{
		{name: "entities", kind: list, items: entityField()},
		{name: "relations", kind: list, items: relationField()},
		{name: "nextCursor", kind: text, optional: true, doc: "There is more: call again with it as cursor"},
		{name: "note", kind: text, optional: true, doc: "What was left out, and how to get it"},
	}
}

func doneFields() []field {
	return []field{{name: "success", kind: truth}, {name: "message", kind: text}}
}

// referenceTools have the names, arguments and answers of the reference memory
// server. What is added is optional.
func referenceTools() []tool {
	return []tool{
		{
			name: "create_entities", title: "Create Entities", doc: "Create multiple new entities in the knowledge graph",
			in:        []field{{name: "entities", kind: list, items: opened(entityField())}},
			out:       []field{{name: "entities", kind: list, items: entityField()}},
			reference: true, writes: true, run: does(createEntities),
		},
		{
			name: "create_relations", title: "Create Relations", doc: "Create multiple new relations between entities in the knowledge graph. Relations should be in active voice",
			in:        []field{{name: "relations", kind: list, items: opened(relationField())}},
			out:       []field{{name: "relations", kind: list, items: relationField()}},
			reference: true, writes: true, run: does(createRelations),
		},
		{
			name: "add_observations", title: "Add Observations", doc: "Add new observations to existing entities in the knowledge graph",
			in: []field{{name: "observations", kind: list, items: &field{kind: object, open: true, fields: []field{
				{name: "entityName", kind: text, doc: "The name of the entity to add the observations to"},
				{name: "contents", kind: list, items: &field{kind: text}, doc: "An array of observation contents to add"},
			}}}},
			out: []field{{name: "results", kind: list, items: &field{kind: object, fields: []field{
				{name: "entityName", kind: text},
				{name: "addedObservations", kind: list, items: &field{kind: text}},
			}}}},
			reference: true, writes: true, run: does(addObservations),
		},
		{
			name: "delete_entities", title: "Delete Entities", doc: "Delete multiple entities and their associated relations from the knowledge graph",
			in:        []field{{name: "entityNames", kind: list, items: &field{kind: text}, doc: "An array of entity names to delete"}},
			out:       doneFields(),
			reference: true, writes: true, deletes: true, again: true, run: does(deleteEntities),
		},
		{
			name: "delete_observations", title: "Delete Observations", doc: "Delete specific observations from entities in the knowledge graph",
			in: []field{{name: "deletions", kind: list, items: &field{kind: object, open: true, fields: []field{
				{name: "entityName", kind: text, doc: "The name of the entity containing the observations"},
				{name: "observations", kind: list, items: &field{kind: text}, doc: "An array of observations to delete"},
			}}}},
			out:       doneFields(),
			reference: true, writes: true, deletes: true, again: true, run: does(deleteObservations),
		},
		{
			name: "delete_relations", title: "Delete Relations", doc: "Delete multiple relations from the knowledge graph",
			in:        []field{{name: "relations", kind: list, items: opened(relationField()), doc: "An array of relations to delete"}},
			out:       doneFields(),
			reference: true, writes: true, deletes: true, again: true, run: does(deleteRelations),
		},
		{
			name: "read_graph", title: "Read Graph", doc: "Read the entire knowledge graph. A large one comes in parts, newest entities first: search is better there",
			in: pagingFields(), out: graphFields(), reference: true, again: true, run: does(readGraph),
		},
		{
			name: "search_nodes", title: "Search Nodes", doc: "Search for nodes in the knowledge graph based on a query",
			in:  append([]field{{name: "query", kind: text, doc: "The search query to match against entity names, types, and observation content"}}, pagingFields()...),
			out: graphFields(), reference: true, again: true, run: does(searchNodes),
		},
		{
			name: "open_nodes", title: "Open Nodes", doc: "Open specific nodes in the knowledge graph by their names",
			in:  append([]field{{name: "names", kind: list, items: &field{kind: text}, doc: "An array of entity names to retrieve"}}, pagingFields()...),
			out: graphFields(), reference: true, again: true, run: does(openNodes),
		},
	}
}
