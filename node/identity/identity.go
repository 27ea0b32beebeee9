package identity

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"filippo.io/age"
)

// The files of an identity. The certificate is written last: where it is, the
// others must be, and their absence is a loss and no first start.
const (
	keyFile         = "node.key"
	idFile          = "node.id"
	ageFile         = "age.key"
	certificateFile = "node.crt"
)

// Identity is this node's key, certificate, id and age key. It is safe for
// concurrent use.
type Identity struct {
	dir string
	now func() time.Time
	key *ecdsa.PrivateKey
	pin Pin
	id  NodeID
	age *age.HybridIdentity

	current atomic.Pointer[tls.Certificate]

	mu    sync.Mutex // orders re-issues; guards hosts
	hosts []string
}

// Open loads the identity kept in dir, or makes one where there is none: an
// ECDSA P-256 key (browsers refuse Ed25519 certificates), a certificate over it
// valid for one year, the node id, and a hybrid post-quantum age identity.
// The certificate names hosts (names or addresses, with or without a port) and
// the loopback ones, and is issued anew over the same key when hosts have
// changed or its last 30 days have begun.
//
// Errors are sentences that name the file: a private key that others may read,
// a damaged file, or one that is missing though the others are there.
func Open(dir string, hosts []string) (*Identity, error) { return open(dir, hosts, time.Now) }

func open(dir string, hosts []string, now func() time.Time) (*Identity, error) {
	if err := ensureDir(dir); err != nil {
		return nil, err
	}
	i := &Identity{dir: dir, now: now, hosts: slices.Clone(hosts)}
	established, err := exists(i.path(certificateFile))
	if err != nil {
		return nil, fmt.Errorf("reading the identity: %w", err)
	}
	if err := i.loadKey(); err != nil {
		return nil, err
	}
	if err := i.loadID(established); err != nil {
		return nil, err
	}
	if err := i.loadAge(established); err != nil {
		return nil, err
	}
	if established {
		if err := i.loadCertificate(); err != nil {
			return nil, err
		}
	}
	if err := i.Refresh(); err != nil {
		return nil, err
	}
	return i, nil
}

// ID returns the node's id.
func (i *Identity) ID() NodeID { return i.id }

// Pin returns the pin of the node's key.
func (i *Identity) Pin() Pin { return i.pin }

// Certificate returns the certificate in force, with its key. Ask for it at
// each handshake: it changes. The value is shared and must not be changed.
func (i *Identity) Certificate() *tls.Certificate { return i.current.Load() }

// Info describes the certificate in force.
func (i *Identity) Info() CertificateInfo { return describe(i.Certificate()) }

// Recipient returns the public half of the age identity (X25519 and
// ML-KEM-768, about 2,000 characters starting with "age1pq1").
func (i *Identity) Recipient() string { return i.age.Recipient().String() }

// Reissue makes the certificate name these hosts from now on. Nothing is
// written when it does already. Connections that exist keep what they have.
func (i *Identity) Reissue(hosts []string) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.reissue(hosts)
}

// Refresh issues the certificate anew if its last 30 days have begun. A node
// that runs for months calls it now and then.
func (i *Identity) Refresh() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.reissue(i.hosts)
}

func (i *Identity) reissue(hosts []string) error {
	names, err := namesOf(hosts)
	if err != nil {
		return err
	}
	now := i.now()
	if c := i.current.Load(); c != nil && !due(c.Leaf, names, now) {
		i.hosts = slices.Clone(hosts)
		return nil
	}
	der, err := issue(i.key, names, now)
	if err != nil {
		return err
	}
	if err := WriteFile(i.path(certificateFile), encodeCertificate(der)); err != nil {
		return err
	}
	i.hosts = slices.Clone(hosts)
	return i.use(der)
}

func (i *Identity) use(der []byte) error {
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return err
	}
	i.current.Store(&tls.Certificate{Certificate: [][]byte{der}, PrivateKey: i.key, Leaf: leaf})
	return nil
}

func (i *Identity) path(name string) string { return filepath.Join(i.dir, name) }

func (i *Identity) loadKey() error {
	path := i.path(keyFile)
	data, err := readPrivate(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		for _, other := range []string{certificateFile, idFile, ageFile} {
			if there, err := exists(i.path(other)); there || err != nil {
				return lost(path)
			}
		}
		if i.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			return fmt.Errorf("making the node's key: %w", err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(i.key)
		if err != nil {
			return fmt.Errorf("making the node's key: %w", err)
		}
		if err := WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
			return err
		}
	case err != nil:
		return err
	default:
		block, rest := pem.Decode(data)
		if block == nil || block.Type != "PRIVATE KEY" || len(bytes.TrimSpace(rest)) > 0 {
			return damaged(path, "it is not one PEM block of a private key")
		}
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return damaged(path, "the key in it cannot be read")
		}
		key, ok := parsed.(*ecdsa.PrivateKey)
		if !ok || key.Curve != elliptic.P256() {
			return damaged(path, "the key in it is not ECDSA P-256")
		}
		i.key = key
	}
	spki, err := x509.MarshalPKIXPublicKey(i.key.Public())
	if err != nil {
		return fmt.Errorf("the key in %s has no public half: %w", path, err)
	}
	i.pin = PinOf(&x509.Certificate{RawSubjectPublicKeyInfo: spki})
	return nil
}

func (i *Identity) loadID(established bool) error {
	path := i.path(idFile)
	data, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && established:
		return lost(path)
	case errors.Is(err, fs.ErrNotExist):
		i.id = MintNodeID(i.pin)
		return WriteFile(path, []byte(i.id+"\n"))
	case err != nil:
		return fmt.Errorf("reading the node id: %w", err)
	}
	if i.id, err = ParseNodeID(strings.TrimSpace(string(data))); err != nil {
		return damaged(path, err.Error())
	}
	return nil
}

func (i *Identity) loadAge(established bool) error {
	path := i.path(ageFile)
	data, err := readPrivate(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && established:
		return lost(path)
	case errors.Is(err, fs.ErrNotExist):
		if i.age, err = age.GenerateHybridIdentity(); err != nil {
			return fmt.Errorf("making the age identity: %w", err)
		}
		return WriteFile(path, []byte("# public key: "+i.Recipient()+"\n"+i.age.String()+"\n"))
	case err != nil:
		return err
	}
	identities, err := age.ParseIdentities(bytes.NewReader(data))
	if err != nil || len(identities) != 1 {
		return damaged(path, "it does not hold one age identity")
	}
	hybrid, ok := identities[0].(*age.HybridIdentity)
	if !ok {
		return damaged(path, "the age identity in it is not a hybrid post-quantum one")
	}
	i.age = hybrid
	return nil
}

func (i *Identity) loadCertificate() error {
	path := i.path(certificateFile)
	const remedy = "; it holds no secret: move it away and it is issued anew over the same key"
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	if info.Size() > maxFile {
		return damaged(path, "it is too large"+remedy)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the certificate: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return damaged(path, "it is not a certificate"+remedy)
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return damaged(path, "the certificate in it cannot be read"+remedy)
	}
	if PinOf(leaf) != i.pin {
		return damaged(path, "it belongs to another key than "+keyFile+remedy)
	}
	return i.use(block.Bytes)
}

func lost(path string) error {
	return fmt.Errorf("%s is missing though the other files of this node's identity are there: restore it, or begin with an empty directory as a new node", path)
}

func damaged(path, why string) error {
	return fmt.Errorf("%s cannot be used: %s", path, why)
}
