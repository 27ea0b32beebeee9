package gossip

import (
	"crypto/sha256"
	"net"
	"strconv"

	"github.com/hashicorp/memberlist"
)

// pseudoPort is the same for every node: it names nothing.
const pseudoPort = 7443

// pseudoIP is the constant address memberlist knows a node by: an IPv6 unique
// local address (RFC 4193, fd00::/8) made from the node id. Connections are
// dialled by name, so a machine that moves keeps this address, and memberlist
// never sees two addresses claim one name.
func pseudoIP(nodeID string) net.IP {
	sum := sha256.Sum256([]byte("meshd gossip address\x00" + nodeID))
	ip := make(net.IP, net.IPv6len)
	ip[0] = 0xfd
	copy(ip[1:], sum[:net.IPv6len-1])
	return ip
}

func pseudoAddr(nodeID string) *net.TCPAddr {
	return &net.TCPAddr{IP: pseudoIP(nodeID), Port: pseudoPort}
}

// joinName is what memberlist's Join takes for a node.
func joinName(nodeID string) string {
	return nodeID + "/" + net.JoinHostPort(pseudoIP(nodeID).String(), strconv.Itoa(pseudoPort))
}

// sameAddress says that a node memberlist was told of carries the address its
// name gives it.
func sameAddress(n *memberlist.Node) bool {
	return n.Port == pseudoPort && n.Addr.Equal(pseudoIP(n.Name))
}
