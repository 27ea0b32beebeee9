package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/url"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/meshd/meshd/httpapi/client"
	"github.com/meshd/meshd/httpapi/client/agenttest"
)

// stage is what starts a node for an example.
type stage struct {
	testing.TB
	ends []func()
}

func (*stage) Helper()                      {}
func (s *stage) Cleanup(fn func())          { s.ends = append(s.ends, fn) }
func (*stage) Fatal(args ...any)            { log.Fatal(args...) }
func (*stage) Fatalf(f string, args ...any) { log.Fatalf(f, args...) }

// mesh is a client of a mesh, which ends with end.
func mesh() (c *client.Client, end func()) {
	s := &stage{}
	c = agenttest.Client(s, agenttest.New(s, "n1"))
	return c, func() {
		for _, fn := range slices.Backward(s.ends) {
			fn()
		}
	}
}

// A client of two nodes: it outlives either.
func ExampleNew() {
	c, err := client.New(client.Config{
		Nodes: []client.Node{ // `meshd cert` prints the pins
			{URL: "https://alpha.lan:7443", Pin: "oV9c0HhN1cIVXC0xqXJkFqEJ3+ykAVZRCRtvpXoXeOw="},
			{URL: "https://beta.lan:7443", Pin: "4Vb2o9rNGwq6P2dYyGqkA1n3b8YyUfcQwJm0w0nRzZk="},
		},
		Key: os.Getenv("MESHD_KEY"),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
}

// An agent that adds numbers, four requests at a time, and one that asks it, with
// what may come of it.
func ExampleClient_Attach() {
	c, end := mesh()
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	adder, err := c.Attach(ctx, client.AgentConfig{
		Name: "adder", Description: "adds numbers", Concurrency: 4,
		Handler: func(_ context.Context, m *client.Message) error {
			var numbers []float64
			if err := m.Decode(&numbers); err != nil {
				return &client.Error{Code: "NOT_NUMBERS", Sentence: "I add numbers"}
			}
			sum := 0.0
			for _, n := range numbers {
				sum += n
			}
			return m.Reply(sum)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer adder.Close() // a program that is nothing else waits for <-adder.Done()

	asker, err := c.Attach(ctx, client.AgentConfig{}) // without a name
	if err != nil {
		log.Fatal(err)
	}
	defer asker.Close()
	for _, q := range []client.Outgoing{{To: "adder", Body: []int{2, 3}}, {To: "adder", Body: "two and three"}, {To: "nobody", Body: 1}} {
		r, err := asker.Request(ctx, q)
		var refused *client.Error
		switch {
		case err == nil:
			fmt.Printf("%s\n", r.Reply)
		case errors.Is(err, client.ErrAgent) && errors.As(err, &refused):
			fmt.Println("it says:", refused.Sentence, refused.AgentCode())
		case errors.Is(err, client.ErrRefused):
			fmt.Println("it has not got it, so it may be asked again:", err)
		case errors.Is(err, client.ErrTimeout), errors.Is(err, client.ErrUnknown):
			fmt.Println("it may be at it:", err)
		}
	}
	// Output:
	// 5
	// it says: I add numbers NOT_NUMBERS
	// it has not got it, so it may be asked again: no agent named "nobody" is known in this mesh (UNKNOWN_ADDRESS)
}

// A durable message is taken once under its id, however often it is sent, and
// is delivered until the receiver has it.
func ExampleAgent_Send() {
	c, end := mesh()
	defer end()
	a, err := c.Attach(context.Background(), client.AgentConfig{Name: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	r, err := a.Send(context.Background(), client.Outgoing{
		To: "packer", ID: "order-7", Durable: true, TTL: 48 * time.Hour, Priority: "high",
		Body: map[string]int{"order": 7},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Status, r.Duplicate)
}

// Messages one at a time, without a handler: each is acknowledged when it is done,
// and one of the inbox can be given back.
func ExampleAgent_Messages() {
	c, end := mesh()
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	packer, err := c.Attach(ctx, client.AgentConfig{Name: "packer", Credit: 1})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := packer.Send(ctx, client.Outgoing{To: "packer", Body: map[string]int{"order": 7}}); err != nil {
		log.Fatal(err)
	}
	for m := range packer.Messages() {
		switch err := pack(m); {
		case err == nil:
			_ = m.Ack()
		case m.Durable:
			_ = m.Return(time.Minute, err.Error()) // again, here or elsewhere
		}
		if err := packer.Close(); err != nil { // a program goes on
			log.Fatal(err)
		}
	}
	// Output: {"order":7} is packed
}

func pack(m *client.Message) error {
	fmt.Printf("%s is packed\n", m.Body)
	return nil
}

// What is published to a topic comes to all who subscribe.
func ExampleAgent_Subscribe() {
	c, end := mesh()
	defer end()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	shop, err := c.Attach(ctx, client.AgentConfig{Name: "shop"})
	if err != nil {
		log.Fatal(err)
	}
	defer shop.Close()
	heard := make(chan struct{})
	_, err = shop.Subscribe(ctx, "orders/*", func(_ context.Context, m *client.Message) error {
		fmt.Printf("%s from %s: %s\n", m.To, m.From.Agent, m.Body)
		close(heard)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := shop.Publish(ctx, "orders/new", map[string]int{"order": 7}); err != nil {
		log.Fatal(err)
	}
	<-heard
	// Output: topic/orders/new from shop: {"order":7}
}

// An agent that does tasks. While it lives nobody else gets the one that it is at;
// an error fails the attempt, and the mesh begins another if one is left.
func ExampleMessage_Task() {
	c, end := mesh()
	defer end()
	resizer, err := c.Attach(context.Background(), client.AgentConfig{
		Name: "resizer", Capabilities: []string{"images"},
		Handler: func(ctx context.Context, m *client.Message) error {
			task := m.Task()
			if task == nil {
				return fmt.Errorf("I do tasks")
			}
			for percent := range 100 {
				if err := task.Working(ctx, client.Progress{Percent: &percent}); err != nil {
					return err // it was cancelled, or is with another
				}
			}
			return task.Complete(ctx, map[string]string{"image": "node-17"})
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	<-resizer.Done()
}

// Giving a task to whoever can do it, and waiting for its end.
func ExampleClient_Do() {
	c, end := mesh()
	defer end()
	var task struct {
		ID, State string
		Result    json.RawMessage
	}
	err := c.Do(context.Background(), client.Request{
		Method: "POST", Path: "/tasks", Query: url.Values{"wait": {"1m"}}, Idempotency: client.NewMessageID(),
		Body: map[string]any{"needs": []string{"images"}, "type": "resize", "body": "node-16", "deadline": "10m"},
	}, &task)
	switch {
	case client.IsCode(err, client.CodeTasksFull):
		log.Fatal("later: ", err)
	case err != nil:
		log.Fatal(err)
	}
	fmt.Println(task.ID, task.State)
}

// Only the receiver can read what is sealed to its key.
func ExampleAgent_Send_sealed() {
	c, end := mesh()
	defer end()
	a, err := c.Attach(context.Background(), client.AgentConfig{Name: "nurse"})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	_, err = a.Send(context.Background(), client.Outgoing{To: "doctor", Durable: true, Seal: true, Body: "the results are there"})
	var change *client.KeyChange
	if errors.As(err, &change) {
		log.Fatalf("nothing was sent: %v", change)
	}
	if err != nil {
		log.Fatal(err)
	}
}
