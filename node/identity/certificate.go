package identity

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

const (
	// One year is below the 398 and 825 days that TLS clients accept.
	certificateLifetime = 365 * 24 * time.Hour
	renewBefore         = 30 * 24 * time.Hour
	// Clients whose clock is behind ours must still accept a new certificate.
	clockTolerance = 24 * time.Hour
	maxHosts       = 256
)

// CertificateInfo describes the certificate to clients that want to pin it.
// The JSON names are those of GET /cert.
type CertificateInfo struct {
	// Fingerprint is the SHA-256 of the certificate, "AA:BB:…"; it changes
	// when the certificate is issued anew.
	Fingerprint string `json:"fingerprint"`
	// SPKISHA256 is the pin of the key in base64; it stays.
	SPKISHA256     string    `json:"spki_sha256"`
	CertificatePEM string    `json:"certificate_pem"`
	Subject        string    `json:"subject"`
	SAN            []string  `json:"san"`
	NotBefore      time.Time `json:"not_before"`
	NotAfter       time.Time `json:"not_after"`
}

// subjectNames are the names a certificate is valid for, in a stable order.
type subjectNames struct {
	common string
	dns    []string
	ips    []netip.Addr
}

// namesOf sorts hosts into names and addresses and adds the loopback ones. A
// port after a host is dropped: advertised addresses have one.
func namesOf(hosts []string) (subjectNames, error) {
	if len(hosts) > maxHosts {
		return subjectNames{}, fmt.Errorf("%d host names for one certificate, at most %d", len(hosts), maxHosts)
	}
	names := subjectNames{
		common: "localhost",
		dns:    []string{"localhost"},
		ips:    []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()},
	}
	for i, h := range hosts {
		host := h
		if name, _, err := net.SplitHostPort(h); err == nil {
			host = name
		}
		host = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), ".")
		if ip, err := netip.ParseAddr(host); err == nil {
			names.ips = append(names.ips, ip.Unmap().WithZone(""))
		} else if err := checkName(host); err != nil {
			return subjectNames{}, fmt.Errorf("host %q cannot stand in a certificate: %w", h, err)
		} else {
			host = strings.ToLower(host)
			names.dns = append(names.dns, host)
		}
		if i == 0 {
			names.common = host
		}
	}
	slices.Sort(names.dns)
	names.dns = slices.Compact(names.dns)
	slices.SortFunc(names.ips, netip.Addr.Compare)
	names.ips = slices.Compact(names.ips)
	return names, nil
}

func checkName(host string) error {
	if host == "" || len(host) > 253 {
		return fmt.Errorf("a name has 1 to 253 characters")
	}
	for _, r := range host {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '-', r == '_':
		default:
			return fmt.Errorf("character %q is not allowed", r)
		}
	}
	return nil
}

// issue makes a self-signed certificate over key.
func issue(key *ecdsa.PrivateKey, names subjectNames, now time.Time) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	common := "meshd-" + names.common
	if len(common) > 64 { // ub-common-name, RFC 5280 appendix A.1
		common = common[:64]
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: common},
		NotBefore:             now.Add(-clockTolerance),
		NotAfter:              now.Add(certificateLifetime - clockTolerance),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		DNSNames:              names.dns,
	}
	for _, ip := range names.ips {
		template.IPAddresses = append(template.IPAddresses, ip.AsSlice())
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("issuing the certificate: %w", err)
	}
	return der, nil
}

// due says whether a certificate must be issued anew at this time for these
// names. One that is not valid yet was issued under a clock that ran ahead.
func due(c *x509.Certificate, names subjectNames, now time.Time) bool {
	if now.Before(c.NotBefore) || now.After(c.NotAfter.Add(-renewBefore)) {
		return true
	}
	var ips []netip.Addr
	for _, ip := range c.IPAddresses {
		addr, _ := netip.AddrFromSlice(ip)
		ips = append(ips, addr.Unmap())
	}
	slices.SortFunc(ips, netip.Addr.Compare)
	dns := slices.Sorted(slices.Values(c.DNSNames))
	return !slices.Equal(dns, names.dns) || !slices.Equal(ips, names.ips)
}

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func describe(c *tls.Certificate) CertificateInfo {
	leaf := c.Leaf
	sum := sha256.Sum256(leaf.Raw)
	hexed := strings.ToUpper(hex.EncodeToString(sum[:]))
	pairs := make([]string, 0, len(sum))
	for i := 0; i < len(hexed); i += 2 {
		pairs = append(pairs, hexed[i:i+2])
	}
	san := slices.Clone(leaf.DNSNames)
	for _, ip := range leaf.IPAddresses {
		san = append(san, ip.String())
	}
	return CertificateInfo{
		Fingerprint:    strings.Join(pairs, ":"),
		SPKISHA256:     PinOf(leaf).String(),
		CertificatePEM: string(encodeCertificate(leaf.Raw)),
		Subject:        leaf.Subject.String(),
		SAN:            san,
		NotBefore:      leaf.NotBefore,
		NotAfter:       leaf.NotAfter,
	}
}
