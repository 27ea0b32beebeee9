package roster

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/meshd/meshd/node/identity"
)

// Bounds of what the state accepts.
const (
	MaxMembers    = 10_000
	MaxTokens     = 10_000
	MaxTombstones = 100_000
	MaxAddresses  = 16
	MaxAddress    = 255 // bytes
	MaxPins       = 3
	MaxUses       = 10_000
	MaxTTLMillis  = 366 * 24 * 3600 * 1000

	maxID        = 128
	maxRaftID    = 128
	maxRecipient = 4096
	maxVersion   = 128
	maxMeshName  = 64  // characters
	maxTokenName = 128 // characters
	maxName      = 63
)

var (
	nameGrammar   = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{0,62}$`)
	idGrammar     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,127}$`)
	meshIDGrammar = regexp.MustCompile(`^[0-9a-f]{32}$`)
	tokenGrammar  = regexp.MustCompile(`^[0-9a-f]{16}$`)
)

// CleanName turns what a person calls a node into a node name: lower case, or a
// NAME_INVALID refusal that says the rule.
func CleanName(s string) (string, error) {
	name := lower(s)
	return name, checkName(name)
}

// NameFromHost makes a node name of whatever a host calls itself: what the
// grammar does not allow becomes '-', and nothing left becomes "node".
func NameFromHost(host string) string {
	name := strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' {
			return c
		}
		return '-'
	}, lower(host))
	name = strings.Trim(name, "-.")
	name = strings.TrimRight(name[:min(len(name), maxName)], "-.")
	if name == "" {
		return "node"
	}
	return name
}

func lower(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

func checkName(name string) error {
	if !nameGrammar.MatchString(name) {
		return refuse(CodeNameInvalid, fmt.Sprintf("%q cannot be a node's name: 1 to 63 of a-z, 0-9, '.' and '-', beginning with a letter or digit; give another with --name", clip(name)))
	}
	return nil
}

// CheckAddress says whether s is a host:port that a node may be dialled at: a
// name, an IPv4 or a bracketed IPv6 address, with a port from 1 to 65535.
func CheckAddress(s string) error {
	bad := func(why string) error {
		return refuse(CodeInvalid, fmt.Sprintf("address %q is not host:port: %s", clip(s), why))
	}
	if len(s) > MaxAddress {
		return bad("it is too long")
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return bad("host and port are separated by ':', IPv6 stands in brackets")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return bad("the port is a number from 1 to 65535")
	}
	if host == "" {
		return bad("the host is missing")
	}
	for _, c := range []byte(host) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`/\"'@?#[]`, c) >= 0 {
			return bad("the host holds a character that no host name or address has")
		}
	}
	return nil
}

func checkAddresses(as []string) error {
	if len(as) > MaxAddresses {
		return refuse(CodeInvalid, fmt.Sprintf("a node has at most %d addresses, not %d", MaxAddresses, len(as)))
	}
	for _, a := range as {
		if err := CheckAddress(a); err != nil {
			return err
		}
	}
	return nil
}

func checkRole(r Role) error {
	switch r {
	case RoleMember:
		return nil
	case RoleEdge:
		return refuse(CodeRoleUnsupported, "the role edge is not supported by this version; leave --role out to join as a member")
	}
	return refuse(CodeRoleUnsupported, fmt.Sprintf("there is no role %q; leave --role out to join as a member", clip(string(r))))
}

func checkID(id identity.NodeID) error {
	if !idGrammar.MatchString(string(id)) {
		return refuse(CodeInvalid, fmt.Sprintf("%q is not a node id", clip(string(id))))
	}
	return nil
}

func checkRaftID(id string) error {
	if !idGrammar.MatchString(id) {
		return refuse(CodeInvalid, fmt.Sprintf("%q is not a raft id", clip(id)))
	}
	return nil
}

func checkPins(pins []identity.Pin) error {
	if len(pins) == 0 || len(pins) > MaxPins {
		return refuse(CodeInvalid, fmt.Sprintf("a node has 1 to %d pins, not %d", MaxPins, len(pins)))
	}
	for i, p := range pins {
		if p == (identity.Pin{}) {
			return refuse(CodeInvalid, "a pin is all zeros")
		}
		for _, q := range pins[:i] {
			if p == q {
				return refuse(CodeInvalid, "a pin is listed twice")
			}
		}
	}
	return nil
}

// checkText bounds a text that people wrote, in visible characters.
func checkText(what, s string, most int) error {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > most {
		return refuse(CodeNameInvalid, fmt.Sprintf("%s has at most %d characters", what, most))
	}
	for _, c := range s {
		if !unicode.IsPrint(c) {
			return refuse(CodeNameInvalid, what+" holds a character that cannot be shown")
		}
	}
	return nil
}

func checkMeshName(s string) error {
	if strings.TrimSpace(s) == "" {
		return refuse(CodeNameInvalid, "the mesh needs a name; give one with --mesh-name")
	}
	return checkText("the mesh's name", s, maxMeshName)
}

// check says whether a member is within the bounds of the state.
func (m *Member) check() error {
	for _, err := range []error{
		checkID(m.ID), checkName(m.Name), checkPins(m.Pins), checkRaftID(m.RaftID),
		checkAddresses(m.Addresses), checkRole(m.Role),
		checkText("the version", m.Version, maxVersion),
		checkText("the age recipient", m.Recipient, maxRecipient),
	} {
		if err != nil {
			return err
		}
	}
	return nil
}
