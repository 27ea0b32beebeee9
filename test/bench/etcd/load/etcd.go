package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

type etcdConn struct {
	*clientv3.Client
	shared bool
}

// etcdDialer gives each client a connection of its own, or deals out as many
// as were asked for: etcd's client multiplexes.
func etcdDialer(o options) (func() (conn, error), error) {
	ca, err := os.ReadFile(o.ca)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	open := func() (*clientv3.Client, error) {
		return clientv3.New(clientv3.Config{
			Endpoints: strings.Split(o.address, ","), DialTimeout: 5 * time.Second, Logger: zap.NewNop(),
			TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS13},
		})
	}
	var clients []*clientv3.Client
	n := 0
	return func() (conn, error) {
		n++
		if o.conns > 0 && len(clients) >= o.conns {
			return etcdConn{clients[n%o.conns], true}, nil
		}
		c, err := open()
		clients = append(clients, c)
		return etcdConn{c, false}, err
	}, nil
}

func (c etcdConn) Make(ctx context.Context, from, count int, value string) (names []string, err error) {
	for i := range count {
		names = append(names, fmt.Sprintf("k%07d", from+i))
	}
	return names, c.Batch(ctx, names, value)
}

func (c etcdConn) Write(ctx context.Context, key, value string) error {
	_, err := c.Put(ctx, key, value)
	return err
}

func (c etcdConn) Batch(ctx context.Context, keys []string, value string) error {
	ops := make([]clientv3.Op, len(keys))
	for i, k := range keys {
		ops[i] = clientv3.OpPut(k, value)
	}
	_, err := c.Txn(ctx).Then(ops...).Commit()
	return err
}

func (c etcdConn) Read(ctx context.Context, key string, linearizable bool) (string, error) {
	var o []clientv3.OpOption
	if !linearizable {
		o = append(o, clientv3.WithSerializable())
	}
	r, err := c.Get(ctx, key, o...)
	if err != nil || len(r.Kvs) == 0 {
		return "", err
	}
	return string(r.Kvs[0].Value), nil
}

func (c etcdConn) Close() {
	if !c.shared {
		_ = c.Client.Close()
	}
}
