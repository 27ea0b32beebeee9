package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// patience is how long anything may take before it counts as failed.
const patience = 10 * time.Second

type natsSystem struct {
	o    options
	conf *tls.Config
}

func newNATS(o options) (*natsSystem, error) {
	pem, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem)
	return &natsSystem{o, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13}}, nil
}

func (s *natsSystem) Receipts() bool { return false }

func (s *natsSystem) connect(address string) (*natsPeer, error) {
	nc, err := nats.Connect("wss://"+address, nats.Secure(s.conf), nats.Timeout(patience), nats.MaxReconnects(-1), nats.DontRandomize(), nats.IgnoreDiscoveredServers(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})) // what is lost is counted by the receiver
	if err != nil {
		return nil, err
	}
	return &natsPeer{Conn: nc, window: s.o.window}, nil
}

func (s *natsSystem) Dial(address, name string, take func([]byte) []byte) (peer, error) {
	p, err := s.connect(address)
	if err != nil {
		return nil, err
	}
	if name == "" || take == nil {
		return p, nil
	}
	sub, err := p.Conn.Subscribe(name, func(m *nats.Msg) {
		if answer := take(m.Data); answer != nil && m.Reply != "" {
			_ = m.Respond(answer)
		}
	})
	if err != nil {
		return nil, err
	}
	// The client itself drops nothing: what is lost is the servers' doing.
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return nil, err
	}
	return p, p.Flush()
}

// Consume makes a stream of three replicas in files, whose leader is the third
// node, and takes its messages one by one as they come.
func (s *natsSystem) Consume(address, name string, take func([]byte)) (peer, error) {
	p, err := s.connect(address)
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(p.Conn)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	retention := jetstream.WorkQueuePolicy // an acknowledged message is gone, as from an inbox
	if s.o.retention == "limits" {
		retention = jetstream.LimitsPolicy
	}
	stream, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: name, Subjects: []string{name}, Replicas: 3, Storage: jetstream.FileStorage, Retention: retention})
	if err != nil {
		return nil, fmt.Errorf("making a stream: %w", err)
	}
	c, err := stream.CreateConsumer(ctx, jetstream.ConsumerConfig{Durable: "inbox", AckPolicy: jetstream.AckExplicitPolicy, AckWait: 30 * time.Second, MaxAckPending: 1024})
	if err != nil {
		return nil, fmt.Errorf("making a consumer: %w", err)
	}
	if err := s.lead(ctx, p, stream, c, name); err != nil {
		return nil, err
	}
	_, err = c.Consume(func(m jetstream.Msg) {
		take(m.Data())
		_ = m.Ack()
	})
	p.close = func() { _ = js.DeleteStream(context.Background(), name) }
	return p, err
}

// lead makes the third node lead the stream and its consumer, where neither the
// publishers nor the consumer are.
func (s *natsSystem) lead(ctx context.Context, p *natsPeer, stream jetstream.Stream, c jetstream.Consumer, name string) error {
	const third = "n2"
	for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		si, err := stream.Info(ctx)
		if err != nil {
			continue
		}
		ci, err := c.Info(ctx)
		if err != nil {
			continue
		}
		if si.Cluster.Leader == third && ci.Cluster.Leader == third {
			return nil
		}
		if si.Cluster.Leader != third {
			p.stepDown("STREAM.LEADER.STEPDOWN."+name, third)
		}
		if ci.Cluster.Leader != third {
			p.stepDown("CONSUMER.LEADER.STEPDOWN."+name+".inbox", third)
		}
	}
	return fmt.Errorf("the third node does not come to lead the stream: %w", ctx.Err())
}

func (p *natsPeer) stepDown(api, to string) {
	ask, _ := json.Marshal(map[string]any{"placement": map[string]any{"preferred": to}})
	_, _ = p.Conn.Request("$JS.API."+api, ask, 2*time.Second)
}

type natsPeer struct {
	*nats.Conn
	window int
	once   sync.Once
	js     jetstream.JetStream
	waits  sync.Map // *nats.Msg to func(error)
	close  func()
}

func (p *natsPeer) Window() int { return 0 }

func (p *natsPeer) Request(to string, body []byte) error {
	m, err := p.Conn.Request(to, body, patience)
	if err == nil && len(m.Data) != len(body) {
		err = fmt.Errorf("an answer of %d bytes", len(m.Data))
	}
	return err
}

func (p *natsPeer) Send(to string, body []byte, done func(error)) error {
	err := p.Conn.Publish(to, body)
	if err == nil {
		done(nil)
	}
	return err
}

func (p *natsPeer) Durable(to string, body []byte, done func(error)) (err error) {
	p.once.Do(func() {
		p.js, err = jetstream.New(p.Conn, jetstream.WithPublishAsyncMaxPending(max(1, p.window)),
			jetstream.WithPublishAsyncAckHandler(func(_ jetstream.JetStream, m *nats.Msg, _ *jetstream.PubAck) { p.heard(m, nil) }),
			jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, m *nats.Msg, err error) { p.heard(m, err) }))
	})
	if err != nil {
		return err
	}
	if p.window == 0 {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if _, err = p.js.Publish(ctx, to, body, jetstream.WithRetryAttempts(0)); err == nil {
			done(nil)
		}
		return err
	}
	// The client keeps the message until it is acknowledged.
	m := &nats.Msg{Subject: to, Data: append([]byte(nil), body...)}
	p.waits.Store(m, done)
	if _, err = p.js.PublishMsgAsync(m); err != nil {
		p.waits.Delete(m)
	}
	return err
}

func (p *natsPeer) heard(m *nats.Msg, err error) {
	if done, ok := p.waits.LoadAndDelete(m); ok {
		done.(func(error))(err)
	}
}

func (p *natsPeer) Publish(topic string, body []byte, done func(error)) error {
	return p.Send(strings.ReplaceAll(topic, "/", "."), body, done)
}

func (p *natsPeer) Subscribe(topic string, take func([]byte)) error {
	sub, err := p.Conn.Subscribe(strings.ReplaceAll(topic, "/", "."), func(m *nats.Msg) { take(m.Data) })
	if err != nil {
		return err
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		return err
	}
	return p.Flush()
}

func (p *natsPeer) Close() {
	if p.close != nil {
		p.close()
	}
	p.Conn.Close()
}
