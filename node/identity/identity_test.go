package identity

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func openAt(t *testing.T, dir string, hosts []string, now time.Time) *Identity {
	t.Helper()
	i, err := open(dir, hosts, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestIdentityStaysOverRestarts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	first := openAt(t, dir, []string{"box.lan", "192.0.2.7:7443"}, start)
	again := openAt(t, dir, []string{"box.lan", "192.0.2.7:7443"}, start.Add(time.Hour))
	if again.ID() != first.ID() || again.Pin() != first.Pin() || again.Recipient() != first.Recipient() {
		t.Error("id, pin or recipient changed over a restart")
	}
	if again.Info().Fingerprint != first.Info().Fingerprint {
		t.Error("the certificate was issued anew without a reason")
	}
	if first.ID() != MintNodeID(first.Pin()) {
		t.Error("the id was not minted from the first key")
	}
	if !strings.HasPrefix(first.Recipient(), "age1pq1") {
		t.Errorf("recipient %.12s… is not a hybrid one", first.Recipient())
	}
	if _, err := age.ParseHybridRecipient(first.Recipient()); err != nil {
		t.Error(err)
	}
	for _, name := range []string{keyFile, idFile, ageFile, certificateFile} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %o", name, info.Mode().Perm())
		}
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) != 0 {
		t.Errorf("temporary files stayed: %v", left)
	}
}

func TestCertificateIsIssuedAnew(t *testing.T) {
	hosts := []string{"box.lan"}
	for _, tc := range []struct {
		name  string
		hosts []string
		at    time.Time
		anew  bool
	}{
		{"same day", hosts, start, false},
		{"after 300 days", hosts, start.Add(300 * 24 * time.Hour), false},
		{"in the last 30 days", hosts, start.Add(336 * 24 * time.Hour), true},
		{"after its end", hosts, start.Add(500 * 24 * time.Hour), true},
		{"clock went back below its beginning", hosts, start.Add(-48 * time.Hour), true},
		{"another host", []string{"box.lan", "192.0.2.1"}, start, true},
		{"host gone", nil, start, true},
		{"same hosts written differently", []string{"BOX.lan.:7443", "127.0.0.1"}, start, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			dir := t.TempDir()
			before := openAt(t, dir, hosts, start)
			after := openAt(t, dir, tc.hosts, tc.at)
			if anew := before.Info().Fingerprint != after.Info().Fingerprint; anew != tc.anew {
				t.Errorf("issued anew: %v, want %v", anew, tc.anew)
			}
			if before.Pin() != after.Pin() || before.ID() != after.ID() {
				t.Error("key or id changed")
			}
			if end := after.Info().NotAfter; end.Before(tc.at.Add(30 * 24 * time.Hour)) {
				t.Errorf("ends %v, seen at %v", end, tc.at)
			}
		})
	}
}

func TestReissueLive(t *testing.T) {
	dir, now := t.TempDir(), start
	i, err := open(dir, nil, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	if err := i.Reissue([]string{"new.lan", "fe80::1%eth0"}); err != nil {
		t.Fatal(err)
	}
	if san := i.Info().SAN; !slices.Contains(san, "new.lan") || !slices.Contains(san, "fe80::1") {
		t.Errorf("SAN %v", san)
	}
	fingerprint := i.Info().Fingerprint
	now = now.Add(350 * 24 * time.Hour)
	if err := i.Refresh(); err != nil {
		t.Fatal(err)
	}
	if i.Info().Fingerprint == fingerprint || !slices.Contains(i.Info().SAN, "new.lan") {
		t.Error("refresh did not issue the certificate anew for the hosts in force")
	}
	if err := i.Reissue([]string{"bad host"}); err == nil {
		t.Error("a host with a space was accepted")
	}
}

// A client that trusts the certificate alone, as curl --cacert does, must be
// able to check it in the ordinary way, names included.
func TestCertificateServesOrdinaryClients(t *testing.T) {
	i := openAt(t, t.TempDir(), []string{"box.lan"}, time.Now())
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(i.Info().CertificatePEM))
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "box.lan"} {
		if _, err := i.Certificate().Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := i.Certificate().Leaf.Subject.CommonName; got != "meshd-box.lan" {
		t.Errorf("common name %q", got)
	}
	client, server := net.Pipe()
	go func() {
		s := tls.Server(server, &tls.Config{Certificates: []tls.Certificate{*i.Certificate()}})
		_, _ = io.WriteString(s, "x")
		_ = s.Close()
	}()
	c := tls.Client(client, &tls.Config{RootCAs: roots, ServerName: "box.lan"})
	if err := c.Handshake(); err != nil {
		t.Error(err)
	}
	_ = client.Close()
}

func TestInfoJSON(t *testing.T) {
	data, err := json.Marshal(openAt(t, t.TempDir(), nil, start).Info())
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range []string{"fingerprint", "spki_sha256", "certificate_pem", "subject", "san", "not_before", "not_after"} {
		if !strings.Contains(string(data), `"`+field+`":`) {
			t.Errorf("%s is missing", field)
		}
	}
	if n := len(openAt(t, t.TempDir(), nil, start).Info().Fingerprint); n != 32*3-1 {
		t.Errorf("fingerprint of %d characters", n)
	}
}

func TestDamagedDirectories(t *testing.T) {
	overwrite := func(name, text string) func(string) error {
		return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600) }
	}
	remove := func(names ...string) func(string) error {
		return func(dir string) error {
			for _, name := range names {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					return err
				}
			}
			return nil
		}
	}
	mode := func(name string, m os.FileMode) func(string) error {
		return func(dir string) error { return os.Chmod(filepath.Join(dir, name), m) }
	}
	for _, tc := range []struct {
		name   string
		damage func(dir string) error
		says   []string // none: opens
	}{
		{"key readable by group", mode(keyFile, 0o640), []string{keyFile, "chmod 600"}},
		{"age key readable by all", mode(ageFile, 0o604), []string{ageFile, "chmod 600"}},
		{"directory open to others is closed", func(dir string) error { return os.Chmod(dir, 0o755) }, nil},
		{"key missing", remove(keyFile), []string{keyFile, "missing"}},
		{"id missing", remove(idFile), []string{idFile, "missing"}},
		{"age key missing", remove(ageFile), []string{ageFile, "missing"}},
		{"certificate missing is issued", remove(certificateFile), nil},
		{"only the key there, as after a crash", remove(certificateFile, ageFile, idFile), nil},
		{"key garbage", overwrite(keyFile, "garbage"), []string{keyFile, "PEM"}},
		{"key empty", overwrite(keyFile, ""), []string{keyFile}},
		{"key huge", overwrite(keyFile, strings.Repeat("x", maxFile+1)), []string{keyFile}},
		{"id garbage", overwrite(idFile, "garbage"), []string{idFile, "characters"}},
		{"age garbage", overwrite(ageFile, "garbage"), []string{ageFile, "age identity"}},
		{"certificate garbage", overwrite(certificateFile, "garbage"), []string{certificateFile, "issued anew"}},
		{"certificate of another key", func(dir string) error {
			other := t.TempDir()
			if _, err := Open(other, nil); err != nil {
				return err
			}
			return os.Rename(filepath.Join(other, certificateFile), filepath.Join(dir, certificateFile))
		}, []string{certificateFile, "another key"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if runtime.GOOS == "windows" && strings.Contains(tc.name, "readable") {
				t.Skip("no permission bits")
			}
			dir := t.TempDir()
			before := openAt(t, dir, nil, start)
			if err := tc.damage(dir); err != nil {
				t.Fatal(err)
			}
			after, err := open(dir, nil, func() time.Time { return start })
			if len(tc.says) == 0 {
				if err != nil {
					t.Fatal(err)
				}
				if after.ID() != before.ID() {
					t.Error("the id changed")
				}
				if info, err := os.Stat(dir); err == nil && runtime.GOOS != "windows" && info.Mode().Perm() != 0o700 {
					t.Errorf("directory mode %o", info.Mode().Perm())
				}
				return
			}
			if err == nil {
				t.Fatal("opened")
			}
			for _, word := range tc.says {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("%q does not say %q", err, word)
				}
			}
		})
	}
}
