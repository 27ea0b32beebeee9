package config

import (
	"strings"
	"time"
)

// kind is how a key's value is written and checked.
type kind uint8

const (
	text kind = iota
	list
	boolean
	integer
	duration
	size
	share
	secret
)

// Key is one configuration key: its name in the file, its flag and its
// variable follow from the table below.
type Key struct {
	// Name is the dotted name, as in the file.
	Name string
	// Flag is the flag of the same meaning, or empty.
	Flag string
	// Help is one line for people.
	Help string

	kind     kind
	fallback any
	check    func(any) error
	set      func(*Config, any)
}

// Variable is the key's environment variable.
func (k Key) Variable() string {
	return prefix + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

const prefix = "MESHD_"

// keys is every key there is. A new one needs this line and its field.
var keys = []Key{
	{Name: "data", Flag: "data", Help: "directory of the node", kind: text, fallback: "",
		set: func(c *Config, v any) { c.Data = v.(string) }},
	{Name: "listen", Flag: "listen", Help: "address to listen on, HOST:PORT; port 0 takes any", kind: text, fallback: ":7443", check: isListen,
		set: func(c *Config, v any) { c.Listen = v.(string) }},
	{Name: "advertise", Flag: "advertise", Help: "where peers reach this node, HOST or HOST:PORT (default: source address of the default route)", kind: list, check: each(isHostMaybePort),
		set: func(c *Config, v any) { c.Advertise = v.([]string) }},
	{Name: "name", Flag: "name", Help: "name of the node (default: the host's name)", kind: text, fallback: "", check: isName,
		set: func(c *Config, v any) { c.Name = v.(string) }},
	{Name: "peer", Flag: "peer", Help: "address of a peer to try first, HOST:PORT", kind: list, check: each(isHostPort),
		set: func(c *Config, v any) { c.Peer = v.([]string) }},
	{Name: "mesh_name", Flag: "mesh-name", Help: "name of a mesh that is made here", kind: text, fallback: "", check: isName,
		set: func(c *Config, v any) { c.MeshName = v.(string) }},
	{Name: "init", Help: "make a mesh when the directory is empty", kind: boolean, fallback: false,
		set: func(c *Config, v any) { c.Init = v.(bool) }},
	{Name: "join_token", Help: "join a mesh when the directory is empty", kind: secret,
		set: func(c *Config, v any) { c.JoinToken = v.(Secret) }},
	{Name: "api_key", Help: "an administrator's key at this node, 32 bytes or more", kind: secret,
		set: func(c *Config, v any) { c.APIKey = v.(Secret) }},
	{Name: "no_vote", Flag: "no-vote", Help: "never make this node a voter", kind: boolean, fallback: false,
		set: func(c *Config, v any) { c.NoVote = v.(bool) }},
	{Name: "voters", Help: "how many nodes keep the log: 1, 3 or 5", kind: integer, fallback: int64(3), check: oneOfInts(1, 3, 5),
		set: func(c *Config, v any) { c.Voters = int(v.(int64)) }},
	{Name: "leader_timeout", Flag: "leader-timeout", Help: "how long a leader is silent before another stands, the same on all nodes: 1s, on a quiet LAN 300ms", kind: duration, fallback: "1s", check: timeBetween(100*time.Millisecond, 10*time.Second),
		set: func(c *Config, v any) { c.LeaderTimeout = v.(durationValue).d }},
	{Name: "socket_group", Flag: "socket-group", Help: "group that may use the local socket beside the owner", kind: text, fallback: "",
		set: func(c *Config, v any) { c.SocketGroup = v.(string) }},
	{Name: "log.level", Flag: "log-level", Help: "debug, info, warn or error", kind: text, fallback: "info", check: oneOf("debug", "info", "warn", "error"),
		set: func(c *Config, v any) { c.Log.Level = v.(string) }},
	{Name: "log.format", Flag: "log-format", Help: "auto (text on a terminal, else json), text or json", kind: text, fallback: "auto", check: oneOf("auto", "text", "json"),
		set: func(c *Config, v any) { c.Log.Format = v.(string) }},
	{Name: "trace.sample", Help: "share of the messages that come without a traceparent to trace: 0 none, 0.01 one of a hundred, 1 all", kind: share, fallback: "0",
		set: func(c *Config, v any) { c.Trace.Sample = v.(float64) }},
	{Name: "cors.origins", Help: "web origins that may call from a browser", kind: list, check: each(isOrigin),
		set: func(c *Config, v any) { c.CORS.Origins = v.([]string) }},
	{Name: "limits.body", Help: "largest request body, for example 16MiB", kind: size, fallback: "1MiB", check: between(1<<10, 1<<32),
		set: func(c *Config, v any) { c.Limits.Body = v.(int64) }},
	{Name: "limits.request", Help: "how long one request may take, for example 60s", kind: duration, fallback: "30s", check: timeBetween(time.Second, time.Hour),
		set: func(c *Config, v any) { c.Limits.Request = v.(durationValue).d }},
	{Name: "http.request_id_header", Help: "header that carries the request id", kind: text, fallback: "X-Request-Id", check: isHeader,
		set: func(c *Config, v any) { c.HTTP.RequestIDHeader = v.(string) }},
	{Name: "http.hosts", Help: "names the node answers to beside its own", kind: list, check: each(isHost),
		set: func(c *Config, v any) { c.HTTP.Hosts = v.([]string) }},
}

var byName = func() map[string]Key {
	m := make(map[string]Key, len(keys))
	for _, k := range keys {
		m[k.Name] = k
	}
	return m
}()

// clientVariables belong to verbs that ask a node, not to the node.
var clientVariables = []string{"MESHD_NODE", "MESHD_PIN", "MESHD_KEY", "MESHD_KEY_FILE", "MESHD_CONFIG", "MESHD_BACKUP_PASSPHRASE", "MESHD_BACKUP_PASSPHRASE_FILE"}
