package node

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// DefaultPort is where a node listens unless told otherwise.
const DefaultPort = 7443

// advertised decides which addresses the mesh is told to dial: what the
// operator says, else the address that is listened on, else the source address
// of the default route. Host names are kept and resolved at each dial.
// port is the port really listened on, source what the default route's source
// address is (the zero Addr where there is none).
func advertised(advertise []string, listenHost string, port int, source netip.Addr) ([]string, error) {
	var out []string
	for _, a := range advertise {
		hp, err := withPort(a, port)
		if err != nil {
			return nil, err
		}
		out = append(out, hp)
	}
	if len(out) > 0 {
		return out, nil
	}
	if ip, err := netip.ParseAddr(listenHost); err == nil && !ip.IsUnspecified() {
		return []string{net.JoinHostPort(ip.String(), strconv.Itoa(port))}, nil
	} else if err != nil && listenHost != "" {
		return []string{net.JoinHostPort(listenHost, strconv.Itoa(port))}, nil
	}
	if !source.IsValid() {
		source = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return []string{net.JoinHostPort(source.String(), strconv.Itoa(port))}, nil
}

// withPort completes HOST, HOST:PORT or a bare IPv6 address to HOST:PORT.
func withPort(a string, port int) (string, error) {
	host, p, err := net.SplitHostPort(a)
	if err != nil {
		host, p = strings.Trim(a, "[]"), strconv.Itoa(port)
	}
	n, err := strconv.Atoi(p)
	if err != nil || n < 1 || n > 65535 {
		return "", fmt.Errorf("address %q: the port must be 1 to 65535", a)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		if ip.IsUnspecified() {
			return "", fmt.Errorf("address %q: nobody can dial %s; name an address or host of this machine", a, host)
		}
	} else if !isHostName(host) {
		return "", fmt.Errorf("address %q: %q is neither an IP address nor a host name", a, host)
	}
	return net.JoinHostPort(host, p), nil
}

// isHostName accepts the names of RFC 1123 plus underscores, which container
// networks use.
func isHostName(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, c := range []byte(label) {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return false
			}
		}
	}
	return true
}

// routeSource returns the address this machine would speak from to the world,
// or that of its first interface which is up and no container bridge. Nothing
// is sent: connecting a UDP socket only asks the routing table.
func routeSource() netip.Addr {
	for _, to := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} {
		c, err := net.Dial("udp", to)
		if err != nil {
			continue
		}
		ap, err := netip.ParseAddrPort(c.LocalAddr().String())
		c.Close()
		if err == nil && !ap.Addr().IsLoopback() {
			return ap.Addr().WithZone("")
		}
	}
	ifs, err := net.Interfaces()
	if err != nil {
		return netip.Addr{}
	}
	for _, i := range ifs {
		if i.Flags&net.FlagUp == 0 || i.Flags&net.FlagLoopback != 0 || isBridge(i.Name) {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().IsGlobalUnicast() {
				return p.Addr()
			}
		}
	}
	return netip.Addr{}
}

// isBridge knows the interfaces that container engines make: their addresses
// mean the same thing on every machine and lead nowhere from another.
func isBridge(name string) bool {
	for _, p := range []string{"docker", "br-", "veth", "virbr", "cni", "flannel", "podman", "lxc", "lxd"} {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// onlyLoopback says that no other machine can reach any of the addresses.
func onlyLoopback(addresses []string) bool {
	for _, a := range addresses {
		host, _, err := net.SplitHostPort(a)
		if err != nil {
			return false
		}
		ip, err := netip.ParseAddr(host)
		if host != "localhost" && (err != nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}
