package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/meshd/meshd/graphsync"
	"github.com/meshd/meshd/httpapi/client"
)

// A robot notes what it sees, in reach of its mesh or not.
func ExampleOffline() {
	c, err := client.New(client.Config{
		Nodes: []client.Node{ // `meshd cert` prints the pins
			{URL: "https://alpha.lan:7443", Pin: "oV9c0HhN1cIVXC0xqXJkFqEJ3+ykAVZRCRtvpXoXeOw="},
			{URL: "https://beta.lan:7443", Pin: "4Vb2o9rNGwq6P2dYyGqkA1n3b8YyUfcQwJm0w0nRzZk="},
		},
		Key: "mk_…",
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	o, err := client.OpenOffline(client.OfflineConfig{Client: c, Path: "/var/lib/robot/notes", Namespace: "field-notes"})
	if err != nil {
		log.Fatal(err)
	}
	defer o.Close()

	// Written to the disk at once, all or none; the mesh need not be there.
	label := "a fallen tree"
	err = o.Write(func(b *client.Batch) error {
		tree, err := b.Do(graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpCreateNode, Type: "obstacle", Label: &label}})
		if err != nil {
			return err
		}
		_, err = b.Do(graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpCreateEdge, SourceID: tree, Target: "path-12", Type: "BLOCKS"}})
		if errors.Is(err, client.ErrNotFound) { // the replica has not heard of path-12
			_, err = b.Do(graphsync.Mutation{Op: graphsync.Op{Op: graphsync.OpAddObservation, ID: tree, Text: "blocks path 12"}})
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	switch r, err := o.CatchUp(ctx); {
	case errors.Is(err, client.ErrUnreachable):
		fmt.Println(o.Pending(), "mutations wait for the mesh")
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println("at revision", r.Revision)
	}

	// What is at odds with what others did waits for somebody to decide.
	problems, err := o.Problems()
	if err != nil {
		log.Fatal(err)
	}
	for _, p := range problems {
		if p.Result.ConflictID != 0 {
			err = o.Resolve(ctx, p, graphsync.Resolution{Keep: graphsync.KeepCurrent})
		} else {
			err = o.Dismiss(p.Mutation.Seq)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}
