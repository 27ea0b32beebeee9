package realmesh

import (
	"bufio"
	"encoding/json"
	"strings"
)

// Labels are the labels of all nodes of a namespace, by the node's own export.
func (n *Node) Labels(namespace string) []string {
	n.t.Helper()
	var out []string
	lines := bufio.NewScanner(strings.NewReader(n.Must("graph", "export", "--namespace", namespace)))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var l struct {
			Node *struct{ Label string }
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			n.t.Fatalf("export of %s: %v", n.Name, err)
		}
		if l.Node != nil {
			out = append(out, l.Node.Label)
		}
	}
	return out
}
