package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// mcpPath is where meshd serves clients of the Model Context Protocol.
const mcpPath = "/mcp?session_id=" + namespace

// askTools calls the tools of meshd by a client in Go, which adds little.
func (b *bench) askTools(p *plan) map[string]row {
	rows := map[string]row{}
	for _, o := range p.Operations {
		most := maxOps
		if o.Once {
			most = len(o.Calls)
		}
		if o.After != "" {
			most = rows[o.After].n
		}
		rows[o.Name] = b.calls(o, most)
	}
	return rows
}

func (b *bench) calls(o planned, most int) (r row) {
	var all []time.Duration
	cpu := b.cpu()
	for end := time.Now().Add(b.budget); len(all) < most && time.Now().Before(end); {
		q := post(mcpPath, object{"jsonrpc": "2.0", "id": len(all) + 1, "method": "tools/call",
			"params": object{"name": o.Tool, "arguments": o.Calls[len(all)%len(o.Calls)]}})
		q.header = http.Header{"Accept": {"application/json, text/event-stream"}}
		begun := time.Now()
		a, err := b.clients[b.follower()].do(b.ctx, q)
		if err == nil {
			err = toolFault(a.body)
		}
		if err != nil {
			r.fault = err
			return r
		}
		all = append(all, a.at.Sub(begun))
		r.bytes += float64(len(a.body))
	}
	n := float64(max(1, len(all)))
	r.cpu = (b.cpu() - cpu) * 1000 / n
	r.bytes /= n
	r.times(all)
	return r
}

// toolFault is what the answer to a call says was wrong.
func toolFault(body []byte) error {
	var said struct {
		Error  *struct{ Message string }
		Result *struct{ IsError bool }
	}
	if err := json.Unmarshal(body, &said); err != nil {
		return err
	}
	if said.Error != nil || said.Result == nil || said.Result.IsError {
		return fmt.Errorf("the call failed: %.200s", body)
	}
	return nil
}
