package main

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/exit"
)

// defaultNamespace is used by verbs that are told none.
const defaultNamespace = "default"

func graphCommand(a *app) *cobra.Command {
	return group("graph", "Read and write the knowledge graph", "  meshd graph add node person Ada key=ada\n  meshd graph neighbors ada",
		group("add", "Add a node or an edge", "  meshd graph add node person Ada key=ada", graphAddNode(a), graphAddEdge(a)),
		graphGet(a), graphSearch(a), graphQuery(a), graphNeighbors(a), graphPath(a), graphPaths(a), graphDegree(a), graphHubs(a), graphHistory(a),
		graphObserve(a), graphObservations(a), graphAlias(a), graphMerge(a), graphDuplicates(a), graphErase(a), graphSchema(a), graphRetention(a),
		graphWatch(a), graphImport(a), graphExport(a))
}

// inNamespace gives cmd --namespace.
func inNamespace(cmd *cobra.Command, into *string) *cobra.Command {
	cmd.Flags().StringVarP(into, "namespace", "n", defaultNamespace, "namespace of the graph (session_id over HTTP)")
	return cmd
}

// refer puts a node that a person names, by id or key, into a query. A word of
// digits is an id; a key of digits is written key:123.
func refer(q url.Values, word, idField, keyField string) {
	if key, ok := strings.CutPrefix(word, "key:"); ok {
		q.Set(keyField, key)
	} else if isID(word) {
		q.Set(idField, word)
	} else {
		q.Set(keyField, word)
	}
}

func isID(word string) bool {
	_, err := strconv.ParseUint(word, 10, 64)
	return err == nil
}

// properties reads k=v words: JSON values stay what they are, anything else is
// a text. The word key=… is the node's key, not a property.
func properties(words []string) (props map[string]any, key string, err error) {
	props = map[string]any{}
	for _, w := range words {
		k, v, ok := strings.Cut(w, "=")
		if !ok || k == "" {
			return nil, "", exit.New(exit.Usage, "\""+w+"\" is not of the form name=value", "for example: year=1843")
		}
		if k == "key" {
			key = v
			continue
		}
		if _, twice := props[k]; twice {
			return nil, "", exit.New(exit.Usage, "the property "+k+" is given twice", "keep one")
		}
		props[k] = value(v)
	}
	return props, key, nil
}

func value(v string) any {
	if json.Valid([]byte(v)) {
		return json.RawMessage(v)
	}
	return v
}
