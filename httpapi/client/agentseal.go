package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/meshd/meshd/node/message/seal"
)

// keyLife is how long a receiver's key is used before the mesh is asked again.
const keyLife = time.Minute

// AgentKey is the key that an agent has published.
type AgentKey struct {
	// Recipient is age's, Hash its "sha256:…".
	Recipient string `json:"recipient"`
	Hash      string `json:"key"`
	// Generation counts the agent's keys from 1; it has had this one Since.
	Generation uint64    `json:"generation"`
	Since      time.Time `json:"since"`
}

// AgentKey asks for an agent's key. One that has none is CodeNotFound.
func (c *Client) AgentKey(ctx context.Context, agent string) (AgentKey, error) {
	var k AgentKey
	if err := c.Do(ctx, Request{Method: "GET", Path: "/agents/" + url.PathEscape(agent) + "/key"}, &k); err != nil {
		return k, err
	}
	// The hash is worked out here: the mesh is not believed what can be checked.
	if seal.HashOf(k.Recipient) != k.Hash {
		return k, errors.New("the key of agent " + agent + " does not fit its hash")
	}
	return k, nil
}

// PublishKey makes a recipient the key that is sealed to for an agent.
func (c *Client) PublishKey(ctx context.Context, agent, recipient string) error {
	body := map[string]string{"recipient": recipient}
	return c.Do(ctx, Request{Method: "PUT", Path: "/agents/" + url.PathEscape(agent) + "/key", Body: body}, nil)
}

// keyring opens what comes and knows the keys of those it seals to.
type keyring struct {
	identity *seal.Identity
	known    KnownKeys

	mu    sync.Mutex
	cache map[string]cachedKey
}

type cachedKey struct {
	AgentKey
	until time.Time
}

func (k *keyring) init(cfg AgentConfig) error {
	k.known, k.cache = cfg.Keys, map[string]cachedKey{}
	if k.known == nil {
		k.known = &keysInMemory{}
	}
	if cfg.Identity == "" {
		return nil
	}
	if cfg.Name == "" {
		return errors.New("an identity is an agent's: attach with a name")
	}
	var err error
	k.identity, err = seal.ParseIdentity(cfg.Identity)
	return err
}

// publish makes the Agent's key known, if it is not.
func (a *Agent) publish(ctx context.Context) error {
	if a.keys.identity == nil {
		return nil
	}
	recipient := a.keys.identity.Recipient()
	k, err := a.client.AgentKey(ctx, a.cfg.Name)
	if err == nil && k.Recipient == recipient {
		return nil
	}
	if err != nil && !IsCode(err, CodeNotFound) && !IsCode(err, CodeUnknownAddress) {
		return fmt.Errorf("asking for the agent's own key: %w", err)
	}
	if err := a.client.PublishKey(ctx, a.cfg.Name, recipient); err != nil {
		return fmt.Errorf("publishing the agent's key: %w", err)
	}
	return nil
}

// sealed encrypts a body to the receiver of m.
func (a *Agent) sealed(ctx context.Context, m *Outgoing, body []byte) (json.RawMessage, error) {
	agent, node, _ := strings.Cut(m.To, "@")
	if node == "*" || strings.HasPrefix(m.To, "topic/") {
		return nil, errors.New("a body is sealed to one agent's key: address it to one")
	}
	k, err := a.keyOf(ctx, agent)
	if err != nil {
		return nil, &SendError{m.ID, Refused, err}
	}
	m.key = k.Hash
	return seal.Seal(k.Recipient, body)
}

// keyOf is an agent's key, if it is the one of before.
func (a *Agent) keyOf(ctx context.Context, agent string) (AgentKey, error) {
	r := &a.keys
	r.mu.Lock()
	c, ok := r.cache[agent]
	r.mu.Unlock()
	if !ok || time.Now().After(c.until) {
		k, err := a.client.AgentKey(ctx, agent)
		if err != nil {
			return k, fmt.Errorf("the key of agent %s: %w", agent, err)
		}
		c = cachedKey{k, time.Now().Add(keyLife)}
		r.mu.Lock()
		r.cache[agent] = c
		r.mu.Unlock()
	}
	known, ok := r.known.Known(agent)
	switch {
	case ok && known != c.Hash:
		return c.AgentKey, &KeyChange{agent, known, c.Hash}
	case !ok:
		return c.AgentKey, r.known.Remember(agent, c.Hash)
	}
	return c.AgentKey, nil
}

// forgetKey has the mesh asked again for the key of a receiver, which is not
// what it was.
func (a *Agent) forgetKey(to string) {
	agent, _, _ := strings.Cut(to, "@")
	a.keys.mu.Lock()
	defer a.keys.mu.Unlock()
	delete(a.keys.cache, agent)
}

// open decrypts what is sealed to this agent.
func (a *Agent) open(body json.RawMessage) (json.RawMessage, error) {
	if a.keys.identity == nil {
		return nil, errors.New("this program has no identity to open sealed messages with")
	}
	return a.keys.identity.Open(body)
}

type keysInMemory struct {
	mu   sync.Mutex
	keys map[string]string
}

// Known implements KnownKeys.
func (k *keysInMemory) Known(agent string) (string, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	h, ok := k.keys[agent]
	return h, ok
}

// Remember implements KnownKeys.
func (k *keysInMemory) Remember(agent, hash string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		k.keys = map[string]string{}
	}
	k.keys[agent] = hash
	return nil
}
