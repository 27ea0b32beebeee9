package deploy

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// compose prepares the processes of the compose file, each with its service's
// own environment; only what containers keep apart (directory, address, name,
// the secret's mount) is put in its place on loopback.
func compose(t *testing.T, secret string) map[string]*container {
	t.Helper()
	all := map[string]*container{}
	for name, s := range services(t) {
		// A volume is made by the engine and is open to be looked into.
		data := filepath.Join(t.TempDir(), name)
		if err := os.Mkdir(data, 0o755); err != nil {
			t.Fatal(err)
		}
		env := maps.Clone(s.Environment)
		address := realmesh.FreeAddress(t)
		env["MESHD_DATA"], env["MESHD_NAME"], env["MESHD_LISTEN"] = data, s.Hostname, address
		env["MESHD_ADVERTISE"] = strings.Replace(address, "127.0.0.1", "localhost", 1)
		if env["MESHD_JOIN_TOKEN_FILE"] != "" {
			env["MESHD_JOIN_TOKEN_FILE"] = secret
		}
		all[name] = newContainer(t, name, list(env))
	}
	return all
}

// healthy waits as the engine does: by the health check's exit code alone.
func healthy(t *testing.T, nodes ...*container) {
	t.Helper()
	for _, c := range nodes {
		realmesh.Eventually(t, 30*time.Second, c.name+" is healthy", func() error {
			if !c.running() {
				t.Fatalf("%s ended with %d", c.name, c.exit(0))
			}
			if r := c.exec("health"); r.Code != 0 {
				return fmt.Errorf("exit %d: %s", r.Code, r.Stderr)
			}
			return nil
		})
	}
}

// formed waits until each node sees all of them alive, and returns the mesh's
// id and its nodes' ids in order.
func formed(t *testing.T, nodes ...*container) (mesh string, ids []string) {
	t.Helper()
	realmesh.Eventually(t, 40*time.Second, "the mesh forms", func() error {
		for _, c := range nodes {
			var members []realmesh.Member
			if err := decode(c.exec("members", "--json"), &members); err != nil {
				return err
			}
			ids = nil
			for _, m := range members {
				if m.Status != "alive" || len(nodes) == 3 && m.Role != "voter" {
					return fmt.Errorf("%s sees %s %s as %s", c.name, m.Status, m.Name, m.Role)
				}
				ids = append(ids, m.ID)
			}
			if len(ids) != len(nodes) {
				return fmt.Errorf("%s sees %d of %d", c.name, len(ids), len(nodes))
			}
			var s realmesh.Status
			if err := decode(c.exec("status", "--json"), &s); err != nil {
				return err
			}
			if mesh == "" {
				mesh = s.MeshID
			}
			if mesh != s.MeshID {
				return fmt.Errorf("%s is of mesh %s, not %s", c.name, s.MeshID, mesh)
			}
		}
		return nil
	})
	slices.Sort(ids)
	return mesh, ids
}

func decode(r realmesh.Result, v any) error {
	if r.Code != 0 {
		return fmt.Errorf("exit %d: %s", r.Code, r.Stderr)
	}
	return json.Unmarshal([]byte(r.Stdout), v)
}

// stopAll does what the engine and the service manager do, and expects what
// they take for a clean end.
func stopAll(t *testing.T, nodes ...*container) {
	t.Helper()
	for _, c := range nodes {
		c.terminate()
	}
	for _, c := range nodes {
		if code := c.exit(10 * time.Second); code != 0 {
			t.Errorf("%s ended with %d on SIGTERM", c.name, code)
		}
	}
}

// The lines of the compose file form a mesh, form it again after everything
// was stopped, and end as the files expect when a node leaves or is removed.
func TestFirstStartAndEveryLater(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "join.token")
	all := compose(t, secret)
	one, two, three := all["one"], all["two"], all["three"]
	var verb []string
	if err := json.Unmarshal([]byte(last(t, dockerfile(t), "CMD")), &verb); err != nil {
		t.Fatal(err)
	}

	if r := one.exec("health"); r.Code != 3 {
		t.Errorf("health of what never ran: exit %d: %s", r.Code, r.Stderr)
	}
	one.start(verb...)
	healthy(t, one)

	made := one.exec("token", "create", "--uses", "2")
	words := strings.Split(strings.TrimSpace(made.Stdout), " ")
	if made.Code != 0 || len(words) < 3 { // cut -d' ' -f3
		t.Fatalf("token create: exit %d: %s%s", made.Code, made.Stdout, made.Stderr)
	}
	if err := os.WriteFile(secret, []byte(words[2]+"\n"), 0o444); err != nil {
		t.Fatal(err)
	}
	two.start(verb...)
	three.start(verb...)
	healthy(t, two, three)
	mesh, ids := formed(t, one, two, three)

	stopAll(t, one, two, three)
	if r := one.exec("health"); r.Code != 3 {
		t.Errorf("health of a stopped node: exit %d: %s", r.Code, r.Stderr)
	}

	// A spent token is emptied; the file must stay for the engine to mount.
	if err := errors.Join(os.Remove(secret), os.WriteFile(secret, nil, 0o444)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*container{three, one, two} {
		c.start(verb...)
	}
	healthy(t, one, two, three)
	again, after := formed(t, one, two, three)
	if again != mesh || !slices.Equal(after, ids) {
		t.Errorf("another mesh came back: %s %v, was %s %v", again, after, mesh, ids)
	}

	t.Run("a removed node stays down", func(t *testing.T) {
		if r := one.exec("remove", "three", "--yes"); r.Code != 0 {
			t.Fatalf("remove: exit %d: %s", r.Code, r.Stderr)
		}
		prevented := strings.Fields(meshdUnit(t).one(t, "Service.RestartPreventExitStatus"))
		if code := three.exit(20 * time.Second); !slices.Contains(prevented, strconv.Itoa(code)) {
			t.Errorf("a removed node ends with %d, and the unit would restart it", code)
		}
		three.start(verb...)
		if code := three.exit(20 * time.Second); !slices.Contains(prevented, strconv.Itoa(code)) {
			t.Errorf("started again it ends with %d", code)
		}
	})
	t.Run("a node that left ends well", func(t *testing.T) {
		if r := two.exec("leave", "--yes"); r.Code != 0 {
			t.Fatalf("leave: exit %d: %s", r.Code, r.Stderr)
		}
		if code := two.exit(20 * time.Second); code != 0 {
			t.Errorf("it ends with %d", code)
		}
	})
	stopAll(t, one)
}

// What the files tell an operator to expect of a first start that cannot be.
func TestFirstStartRefused(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		code int
		says string
	}{
		"neither founds nor joins":   {nil, 4, "belongs to no mesh"},
		"a secret that is not there": {map[string]string{"MESHD_JOIN_TOKEN_FILE": "/run/secrets/join_token"}, 1, "/run/secrets/join_token"},
		"a secret that is no token":  {map[string]string{"MESHD_JOIN_TOKEN": "sesame"}, 4, "not a join token"},
		"a variable mistyped":        {map[string]string{"MESHD_JOIN_TOKENFILE": "x"}, 2, "MESHD_JOIN_TOKEN_FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"MESHD_DATA": t.TempDir(), "MESHD_LISTEN": "127.0.0.1:0"}
			maps.Copy(env, c.env)
			r := runMeshd(t, list(env), "serve")
			if r.Code != c.code || !strings.Contains(r.Stderr, c.says) {
				t.Errorf("exit %d, want %d with %q: %s", r.Code, c.code, c.says, r.Stderr)
			}
		})
	}
}
