package node

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestAdvertised(t *testing.T) {
	route := netip.MustParseAddr("192.168.1.10")
	for _, c := range []struct {
		name      string
		advertise []string
		listen    string
		source    netip.Addr
		want      []string
		err       string
	}{
		{"any interface: the default route's source", nil, "", route, []string{"192.168.1.10:7443"}, ""},
		{"any interface by name", nil, "0.0.0.0", route, []string{"192.168.1.10:7443"}, ""},
		{"any interface, both stacks", nil, "::", route, []string{"192.168.1.10:7443"}, ""},
		{"any interface, no network", nil, "", netip.Addr{}, []string{"127.0.0.1:7443"}, ""},
		{"an IPv6 source", nil, "", netip.MustParseAddr("fd00::7"), []string{"[fd00::7]:7443"}, ""},
		{"what is listened on", nil, "10.0.0.2", route, []string{"10.0.0.2:7443"}, ""},
		{"a name listened on", nil, "box.lan", route, []string{"box.lan:7443"}, ""},
		{"told, without a port", []string{"box.lan"}, "", route, []string{"box.lan:7443"}, ""},
		{"told, with ports", []string{"box.lan:1", "[fd00::1]:2"}, "", route, []string{"box.lan:1", "[fd00::1]:2"}, ""},
		{"told, bare IPv6", []string{"fd00::1"}, "", route, []string{"[fd00::1]:7443"}, ""},
		{"a container's service name", []string{"mesh_node-1"}, "", route, []string{"mesh_node-1:7443"}, ""},
		{"told nonsense", []string{"no box"}, "", route, nil, "neither an IP address nor a host name"},
		{"told a bad port", []string{"box:0"}, "", route, nil, "port"},
		{"told the unspecified address", []string{"0.0.0.0:7443"}, "", route, nil, "nobody can dial"},
	} {
		got, err := advertised(c.advertise, c.listen, 7443, c.source)
		if !slices.Equal(got, c.want) || (err == nil) != (c.err == "") || (err != nil && !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, %v; want %v, %q", c.name, got, err, c.want, c.err)
		}
	}
}

func TestOnlyLoopback(t *testing.T) {
	for _, c := range []struct {
		addresses []string
		want      bool
	}{
		{[]string{"127.0.0.1:7443"}, true},
		{[]string{"[::1]:7443", "localhost:1"}, true},
		{[]string{"127.0.0.1:7443", "10.0.0.1:7443"}, false},
		{[]string{"box.lan:7443"}, false},
	} {
		if got := onlyLoopback(c.addresses); got != c.want {
			t.Errorf("%v: %v", c.addresses, got)
		}
	}
}

func TestContainerBridgesAreNoAddress(t *testing.T) {
	for name, want := range map[string]bool{"docker0": true, "br-5f3a": true, "veth12": true, "eth0": false, "wlan0": false, "bridge": false} {
		if isBridge(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
