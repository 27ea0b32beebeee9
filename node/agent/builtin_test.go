package agent

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

type handler func(ctx context.Context, m message.Message) (json.RawMessage, error)

func (handler) Name() string        { return "helper" }
func (handler) Description() string { return "helps" }
func (h handler) Handle(ctx context.Context, m message.Message) (json.RawMessage, error) {
	return h(ctx, m)
}

func TestAHostedAgent(t *testing.T) {
	for _, c := range []struct {
		name   string
		handle handler
		reply  string
		code   string
	}{
		{"answers", func(_ context.Context, m message.Message) (json.RawMessage, error) { return m.Body, nil }, `"q"`, ""},
		{"refuses", func(context.Context, message.Message) (json.RawMessage, error) {
			return nil, consensus.Refuse("NOT_FOUND", "no")
		}, "", "NOT_FOUND"},
		{"fails", func(context.Context, message.Message) (json.RawMessage, error) { return nil, errors.New("private") }, "", CodeAgentError},
		{"panics", func(context.Context, message.Message) (json.RawMessage, error) { panic("oh") }, "", CodeAgentError},
		{"answers nonsense", func(context.Context, message.Message) (json.RawMessage, error) { return json.RawMessage("{"), nil }, "", message.CodeInvalid},
		{"is too slow", func(ctx context.Context, _ message.Message) (json.RawMessage, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}, "", message.CodeReplyTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			router := message.New(message.Config{NodeID: "n1", Directory: alone{}})
			defer router.Close()
			h, err := Host(router, c.handle, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			if l := router.Local(); l[0].Kind != message.KindBuiltin || l[0].Description != "helps" {
				t.Errorf("%+v", l)
			}
			receipt, err := router.Send(context.Background(), message.Message{To: "helper", Body: json.RawMessage(`"q"`)}, true)
			if receipt.Status != message.Delivered || string(receipt.Reply) != c.reply || code(err) != c.code {
				t.Errorf("%s: %+v, %v", c.name, receipt, err)
			}
		})
	}
}

func TestAHostedAgentIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		router := message.New(message.Config{NodeID: "n1", Directory: alone{}})
		defer router.Close()
		atOnce := 0
		h, err := Host(router, handler(func(ctx context.Context, _ message.Message) (json.RawMessage, error) {
			atOnce++
			<-ctx.Done()
			return nil, ctx.Err()
		}), nil)
		if err != nil {
			t.Fatal(err)
		}
		codes := map[string]int{}
		var over []string
		for range hostedAtOnce + hostedQueue + 5 {
			router.Submit(context.Background(), message.Message{To: "helper", Deadline: time.Now().Add(time.Minute)}, true,
				func(_ message.Receipt, err error) { over = append(over, code(err)) })
			synctest.Wait()
		}
		if atOnce != hostedAtOnce || len(over) != 5 {
			t.Errorf("%d at once, %d refused", atOnce, len(over))
		}
		h.Close()
		synctest.Wait()
		for _, c := range over {
			codes[c]++
		}
		if codes[message.CodeOverloaded] != 5 || codes[message.CodeAgentGone] != hostedAtOnce+hostedQueue {
			t.Error(codes)
		}
	})
}
