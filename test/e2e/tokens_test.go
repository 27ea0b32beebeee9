package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/meshd/meshd/test/realmesh"
)

// stranger is a TLS server with a key of its own that says yes to everything,
// and tells what it was sent after the handshake.
func stranger(t testing.TB, address string) <-chan error {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	ln, err := tls.Listen("tcp", address, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}},
		ClientAuth:   tls.RequestClientCert,
		NextProtos:   []string{"meshd-join/1", "meshd-peer/1"},
		MinVersion:   tls.VersionTLS13,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	heard := make(chan error, 64)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				got, _ := io.ReadAll(io.LimitReader(c, 1<<16))
				certs := len(c.(*tls.Conn).ConnectionState().PeerCertificates)
				switch {
				case len(got) > 0:
					heard <- fmt.Errorf("%d bytes were sent to a stranger: %.60q", len(got), got)
				case certs > 0:
					heard <- fmt.Errorf("the node's certificate was shown to a stranger")
				default:
					heard <- nil
				}
			}()
		}
	}()
	return heard
}

// A machine in the middle with a key of its own learns nothing and stops the
// join.
func TestF15WrongPinIsToldNothing(t *testing.T) {
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	middle := realmesh.FreeAddress(t)
	heard := stranger(t, middle)
	a.Start("init", "--advertise", middle)
	a.WaitServing()
	token := a.Token()
	b.Start("join", token)
	ends(t, b, refused, "nothing was sent", middle)
	select {
	case err := <-heard:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the stranger was never asked")
	}
	if strings.Contains(b.Log(), token) {
		t.Error("the log has the token")
	}
}

// Somebody who carries the bytes and reads along sees nothing of the token, and
// need not be trusted.
func TestF15RelayedJoinShowsNothingSecret(t *testing.T) {
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	r := startRelay(t, a.Address)
	a.Start("init", "--advertise", r.Addr().String())
	a.WaitServing()
	token := a.Token("--name", "relayed")
	b.Start("join", token)
	b.WaitServing()
	var tokens []struct{ ID string }
	a.JSON(&tokens, "token", "list")
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen.Len() == 0 {
		t.Fatal("the join went another way")
	}
	for _, tok := range tokens {
		if strings.Contains(r.seen.String(), tok.ID) {
			t.Error("a token's id went by in clear")
		}
	}
	if id := mustStatus(t, b).Node.ID; strings.Contains(r.seen.String(), id) {
		t.Error("the node's id went by in clear")
	}
}

func mustStatus(t testing.TB, n *realmesh.Node) realmesh.Status {
	t.Helper()
	s, err := n.Status()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestF15TokensThatAdmitNobody(t *testing.T) {
	a := realmesh.New(t, "alpha")
	a.Found()
	join := func(t *testing.T, token string, words ...string) {
		t.Helper()
		n := realmesh.New(t, "beta")
		n.Start("join", token)
		ends(t, n, refused, words...)
		if log := n.LastLog(); len(token) > 20 && strings.Contains(log, token[10:]) {
			t.Error("the token is in the log")
		}
	}
	used := a.Token()
	b := realmesh.New(t, "beta")
	b.Start("join", used)
	b.WaitServing()
	revoked := realmeshToken(t, a)
	a.Must("token", "revoke", revoked.ID)
	short := a.Token("--ttl", "1s")

	t.Run("used up", func(t *testing.T) { join(t, used, "has had all its uses", "meshd token create") })
	t.Run("revoked", func(t *testing.T) { join(t, revoked.Token, "was revoked", "meshd token create") })
	t.Run("expired", func(t *testing.T) {
		realmesh.Eventually(t, 10*time.Second, "it expires", func() error {
			var tokens []struct{ Status string }
			a.JSON(&tokens, "token", "list")
			for _, tok := range tokens {
				if tok.Status == "expired" {
					return nil
				}
			}
			return fmt.Errorf("%v", tokens)
		})
		join(t, short, "expired at", "meshd token create")
	})
	good := a.Token("--uses", "3")
	mid := len(good) / 2
	swapped := good[:mid] + string(good[mid+1]) + string(good[mid]) + good[mid+2:]
	for i := mid; good[i] == good[i+1]; i++ {
		swapped = good[:i+1] + string(good[i+2]) + string(good[i+1]) + good[i+3:]
	}
	for name, typo := range map[string]string{
		"one wrong":   good[:mid] + other(good[mid]) + good[mid+1:],
		"one missing": good[:mid] + good[mid+1:],
		"one twice":   good[:mid+1] + good[mid:],
		"swapped":     swapped,
		"cut off":     good[:len(good)-9],
		"more behind": good + "x",
		"lower case":  strings.ToLower(good),
	} {
		t.Run("mistyped: "+name, func(t *testing.T) {
			if typo == good {
				t.Skip("the same")
			}
			join(t, typo, "typed")
		})
	}
	for name, word := range map[string]string{"a word": "hello", "an API key": a.AdminKey(), "an address": "127.0.0.1:7443", "next version": "mesh2." + good[6:]} {
		t.Run("malformed: "+name, func(t *testing.T) { join(t, word, "token") })
	}
	var tokens []struct{ Used int }
	a.JSON(&tokens, "token", "list")
	sum := 0
	for _, tok := range tokens {
		sum += tok.Used
	}
	if sum != 1 {
		t.Errorf("tokens were used %d times, once by a member", sum)
	}
}

func other(c byte) string {
	if c == 'A' {
		return "B"
	}
	return "A"
}

type tokenMade struct{ ID, Token string }

func realmeshToken(t testing.TB, n *realmesh.Node, args ...string) tokenMade {
	t.Helper()
	var made tokenMade
	n.JSON(&made, append([]string{"token", "create"}, args...)...)
	return made
}

func TestF15OneUseIsOneMachine(t *testing.T) {
	t.Parallel()
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	a.Found()
	b.Join(a)
	token := a.Token()
	racers := []*realmesh.Node{realmesh.New(t, "one"), realmesh.New(t, "two"), realmesh.New(t, "three")}
	for _, n := range racers {
		n.Start("join", token)
	}
	in, out := 0, 0
	for _, n := range racers {
		realmesh.Eventually(t, 40*time.Second, n.Name+" is in or out", func() error {
			switch {
			case !n.Running():
				out++
				ends(t, n, refused, "has had all its uses")
				return nil
			case strings.Contains(n.Log(), "joined mesh"):
				in++
				return nil
			}
			return fmt.Errorf("neither:\n%s", lastLines(n.Log(), 4))
		})
	}
	if in != 1 || out != 2 {
		t.Errorf("%d joined by a token of one use, %d were refused", in, out)
	}
	members, err := a.Members()
	if err != nil || len(members) != 3 {
		t.Errorf("%d members, want alpha, beta and one racer (%v)", len(members), err)
	}
}

// The leader dies while a newcomer's admission is before it: the newcomer goes
// on by itself until somebody admits it, once.
func TestF15LeaderDiesInTheMiddleOfAJoin(t *testing.T) {
	t.Parallel()
	nodes := realmesh.Three(t)
	leader := leaderOf(t, nodes...)
	rest := others(nodes, leader)
	token := rest[0].Token()
	leader.Pause()
	n := realmesh.New(t, "delta")
	n.Start("join", token)
	realmesh.Eventually(t, 10*time.Second, "its admission is under way", func() error {
		if !strings.Contains(n.Log(), "reaches this node") {
			return fmt.Errorf("%s", n.Log())
		}
		return nil
	})
	leader.Kill()
	realmesh.Eventually(t, 60*time.Second, "it joins", func() error {
		if !n.Running() {
			t.Fatalf("the join was given up:\n%s", lastLines(n.Log(), 10))
		}
		if !strings.Contains(n.Log(), "joined mesh") {
			return fmt.Errorf("%s", lastLines(n.Log(), 5))
		}
		return nil
	})
	leader.Start("serve")
	leader.WaitServing()
	realmesh.Formed(t, 40*time.Second, append(nodes, n)...)
	if members, err := leader.Members(); err != nil || len(members) != 4 {
		t.Errorf("%d members (%v)", len(members), err)
	}
}

func TestTokenFromStandardInputFileAndLine(t *testing.T) {
	a := realmesh.New(t, "alpha")
	a.Found()
	made := struct {
		Token string `json:"token"`
		Line  string `json:"join_command"`
	}{}
	a.JSON(&made, "token", "create", "--uses", "5")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(made.Line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b, c := realmesh.New(t, "beta"), realmesh.New(t, "gamma")
	b.Input = made.Token + "\n"
	b.Start("join", "-")
	b.WaitServing()
	c.Start("join", "--token-file", file)
	c.WaitServing()
	for _, n := range []*realmesh.Node{b, c} {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", n.PID()))
		if err == nil && strings.Contains(string(line), "mesh1.") {
			t.Errorf("%s shows the token in ps", n.Name)
		}
	}
	realmesh.Formed(t, 20*time.Second, a, b, c)

	n := realmesh.New(t, "delta")
	n.Start("join")
	ends(t, n, usage, "needs a token")
	n.Start("join", "--token-file", file+".missing")
	if code := n.WaitExit(10 * time.Second); code == done || !strings.Contains(n.LastLog(), file+".missing") {
		t.Errorf("a file that is not there: exit %d: %s", code, n.LastLog())
	}
}

// While no seed answers a join goes on, says so, and gives up when it was told
// to.
func TestJoinRetriesUntilItsTimeout(t *testing.T) {
	a, b := realmesh.New(t, "alpha"), realmesh.New(t, "beta")
	a.Found()
	token := a.Token()
	a.Kill()
	b.Start("join", token, "--timeout", "2s")
	ends(t, b, unreachable, "no node of the mesh answer", "firewall")
	b.Start("join", token)
	realmesh.Eventually(t, 10*time.Second, "it says that it tries again", func() error {
		if !strings.Contains(b.LastLog(), "trying again") {
			return fmt.Errorf("%s", b.LastLog())
		}
		return nil
	})
	a.Start("serve")
	a.WaitServing()
	b.WaitServing()
	if _, err := net.Dial("tcp", b.Address); err != nil {
		t.Error(err)
	}
}

// Answers about the mesh itself say of which revision they are, and a join
// token whose answer was lost is not made twice.
func TestAnswersAboutTheMeshCarryItsRevision(t *testing.T) {
	t.Parallel()
	n := realmesh.New(t, "alpha")
	n.Start("init")
	n.WaitServing()
	c := n.Client(n.AdminKey())
	ask := func(method, path string, body any, headers ...string) realmesh.Answer {
		t.Helper()
		a, err := c.Ask(method, path, body, headers...)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	made := ask(http.MethodPost, "/tokens", map[string]any{"name": "lab"}, "Idempotency-Key", "once")
	if made.Status != http.StatusCreated {
		t.Fatalf("a token: %s", made)
	}
	if again := ask(http.MethodPost, "/tokens", map[string]any{"name": "lab"}, "Idempotency-Key", "once"); again.Status != http.StatusConflict || again.Code() != "SHOWN_ONCE" {
		t.Errorf("the same token once more: %s", again)
	}
	if other := ask(http.MethodPost, "/tokens", map[string]any{"name": "den"}, "Idempotency-Key", "once"); other.Code() != "IDEMPOTENCY_MISMATCH" {
		t.Errorf("another token under the same key: %s", other)
	}
	wrote, err := strconv.ParseUint(made.Header.Get("X-Mesh-Revision"), 10, 64)
	if err != nil || wrote == 0 {
		t.Errorf("the token was made at revision %q", made.Header.Get("X-Mesh-Revision"))
	}
	for _, path := range []string{"/tokens", "/apikeys", "/status", "/members"} {
		a := ask(http.MethodGet, path, nil)
		revision, err := strconv.ParseUint(a.Header.Get("X-Mesh-Revision"), 10, 64)
		if err != nil || revision < wrote || a.Header.Get("X-Mesh-Age-Ms") == "" {
			t.Errorf("%s is of revision %q and age %q, the write before it of %d", path, a.Header.Get("X-Mesh-Revision"), a.Header.Get("X-Mesh-Age-Ms"), wrote)
		}
	}
}
