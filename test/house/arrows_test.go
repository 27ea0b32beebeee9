package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/meshd/meshd"

type pkg struct {
	ImportPath, Doc, Name string
	Imports               []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Doc,Name,Imports", module+"/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// floors numbers the storeys of the house; an import may only lead to a lower
// one, or stay within its own top-level folder.
var floors = map[string]int{"consensus": 0, "gossip": 0, "graphsync": 1, "node": 2, "httpapi": 3, "cmd": 4, "test": 5}

func top(path string) (string, bool) {
	rest, ok := strings.CutPrefix(path, module+"/")
	if !ok {
		return "", false
	}
	name, _, _ := strings.Cut(rest, "/")
	return name, true
}

// Arrows point down only: cmd → httpapi → node → graphsync → consensus, and
// node → gossip.
func TestImportsPointDown(t *testing.T) {
	for _, p := range packages(t) {
		from, ok := top(p.ImportPath)
		if !ok {
			continue
		}
		level, known := floors[from]
		if !known {
			t.Errorf("%s: the top-level folder %q has no floor", p.ImportPath, from)
		}
		for _, i := range p.Imports {
			to, ours := top(i)
			if !ours || to == from {
				continue
			}
			if floors[to] >= level {
				t.Errorf("%s imports %s: that arrow points up", p.ImportPath, i)
			}
			if from == "graphsync" && to == "gossip" {
				t.Errorf("%s imports %s: the graph knows nothing of gossip", p.ImportPath, i)
			}
		}
	}
}

// The layers below the node know nothing of certificates and HTTP.
func TestLowerLayersKnowNoTransport(t *testing.T) {
	for _, p := range packages(t) {
		name, _ := top(p.ImportPath)
		if name != "consensus" && name != "gossip" && name != "graphsync" {
			continue
		}
		for _, i := range p.Imports {
			if i == "crypto/tls" || i == "crypto/x509" || strings.HasPrefix(i, "net/http") {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
}

// Within node, the core packages do not import the node that opens them.
func TestNodePartsDoNotKnowTheNode(t *testing.T) {
	for _, p := range packages(t) {
		if !strings.HasPrefix(p.ImportPath, module+"/node/") {
			continue
		}
		for _, i := range p.Imports {
			if i == module+"/node" {
				t.Errorf("%s imports %s: that arrow points up", p.ImportPath, i)
			}
		}
	}
}

// The query language is shown a graph and knows of no other package of the house.
func TestTheQueryLanguageStandsAlone(t *testing.T) {
	const room = module + "/graphsync/cypher"
	found := false
	for _, p := range packages(t) {
		if p.ImportPath != room && !strings.HasPrefix(p.ImportPath, room+"/") {
			continue
		}
		found = true
		for _, i := range p.Imports {
			if _, ours := top(i); ours && !strings.HasPrefix(i, room+"/") {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
	if !found {
		t.Error("there is no " + room)
	}
}

// Every package says what it is.
func TestPackagesAreDocumented(t *testing.T) {
	for _, p := range packages(t) {
		if p.Name != "" && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
