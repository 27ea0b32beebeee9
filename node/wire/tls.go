package wire

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/meshd/meshd/node/identity"
)

var peerProtocols = []string{ProtocolPeer, ProtocolRaft, ProtocolGossip, ProtocolJoin}

// serverConfigs returns the configuration for clients and those of the peer
// protocols. Certificates of peers are never judged by date or name: the key
// is the identity.
func (p *Port) serverConfigs() (clients *tls.Config, peers map[string]*tls.Config) {
	certificate := func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return p.identity.Certificate(), nil }
	peers = make(map[string]*tls.Config)
	for _, protocol := range peerProtocols {
		peers[protocol] = &tls.Config{
			GetCertificate:         certificate,
			MinVersion:             tls.VersionTLS13,
			NextProtos:             []string{protocol},
			ClientAuth:             tls.RequireAnyClientCert,
			SessionTicketsDisabled: true, // a resumed session would skip the check of the key
			// Small first records help browsers; between nodes they cost.
			DynamicRecordSizingDisabled: true,
			VerifyConnection:            p.verifyPeer(protocol),
		}
	}
	clients = &tls.Config{
		GetCertificate: certificate,
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		// Never a client certificate here: browsers would show a chooser.
		ClientAuth: tls.NoClientCert,
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			if err := p.gate.enter(h.Conn); err != nil {
				return nil, err
			}
			for _, protocol := range h.SupportedProtos {
				if config := peers[protocol]; config != nil {
					return config, nil
				}
			}
			return nil, nil
		},
	}
	return clients, peers
}

// verifyPeer refuses unknown keys. A removed key passes, so that the hello's
// answer can say why; TLS has only "bad certificate".
func (p *Port) verifyPeer(protocol string) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		pin, err := onePin(state.PeerCertificates)
		if err != nil || protocol == ProtocolJoin {
			return err
		}
		if _, verdict := p.trust.ByPin(pin); verdict == Unknown {
			return ErrNotMember
		}
		return nil
	}
}

// onePin returns the pin of the only certificate: a second one could only be
// there to confuse somebody.
func onePin(certificates []*x509.Certificate) (identity.Pin, error) {
	if len(certificates) != 1 {
		return identity.Pin{}, fmt.Errorf("%d certificates instead of one", len(certificates))
	}
	return identity.PinOf(certificates[0]), nil
}

// clientConfig expects one of pins at the other end. crypto/tls calls
// VerifyConnection before it sends our certificate or anything after it, so a
// wrong key learns nothing from us.
func clientConfig(id *identity.Identity, protocol string, pins []identity.Pin) *tls.Config {
	config := &tls.Config{
		MinVersion: tls.VersionTLS13,
		NextProtos: []string{protocol},
		// Chains, names and dates mean nothing here; the pin below does.
		InsecureSkipVerify:          true,
		SessionTicketsDisabled:      true,
		DynamicRecordSizingDisabled: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			pin, err := onePin(state.PeerCertificates)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrPinMismatch, err)
			}
			if !slices.Contains(pins, pin) {
				return fmt.Errorf("%w: it is %s", ErrPinMismatch, pin)
			}
			if state.NegotiatedProtocol != protocol {
				return fmt.Errorf("%w: it does not speak %s", ErrNotMeshd, protocol)
			}
			return nil
		},
	}
	if id != nil {
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			return id.Certificate(), nil
		}
	}
	return config
}

var errNoPins = errors.New("no pin is known to expect")
