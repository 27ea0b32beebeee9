package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/meshd/meshd/httpapi/client"
)

func mesh() *client.Client {
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
	return c
}

// An agent that adds numbers, four requests at a time.
func ExampleClient_Attach() {
	ctx := context.Background()
	adder, err := mesh().Attach(ctx, client.AgentConfig{
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
	<-adder.Done() // it lives until somebody puts it out
	log.Fatal(adder.Err())
}

// Asking another agent, with what may come of it.
func ExampleAgent_Request() {
	a, err := mesh().Attach(context.Background(), client.AgentConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	r, err := a.Request(ctx, client.Outgoing{To: "adder", Body: []int{2, 3}})
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

// A durable message is taken once under its id, however often it is sent, and
// is delivered until the receiver has it.
func ExampleAgent_Send() {
	a, err := mesh().Attach(context.Background(), client.AgentConfig{Name: "shop"})
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

// Messages of the inbox one at a time, each acknowledged when it is done.
func ExampleAgent_Messages() {
	a, err := mesh().Attach(context.Background(), client.AgentConfig{Name: "packer", Credit: 1})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	for m := range a.Messages() {
		switch err := pack(m); {
		case err == nil:
			_ = m.Ack()
		case m.Durable:
			_ = m.Return(time.Minute, err.Error()) // again, here or elsewhere
		}
	}
}

func pack(*client.Message) error { return nil }

// What is published to a topic comes to all who subscribe.
func ExampleAgent_Subscribe() {
	ctx := context.Background()
	a, err := mesh().Attach(ctx, client.AgentConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer a.Close()
	_, err = a.Subscribe(ctx, "orders/*", func(_ context.Context, m *client.Message) error {
		fmt.Printf("%s from %s: %s\n", m.To, m.From.Agent, m.Body)
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := a.Publish(ctx, "orders/new", map[string]int{"order": 7}); err != nil {
		log.Fatal(err)
	}
}

// Only the receiver can read what is sealed to its key.
func ExampleAgent_Send_sealed() {
	a, err := mesh().Attach(context.Background(), client.AgentConfig{Name: "nurse"})
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
