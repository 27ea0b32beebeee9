// Package client asks a mesh from a Go program: over HTTPS, with nodes known by
// their pins and the program by its API key.
//
// `meshd cert` prints a node's pin, and `meshd apikey create --role agent` makes a
// key. With two or more nodes the program outlives any of them:
//
//	c, err := client.New(client.Config{
//		Nodes: []client.Node{
//			{URL: "https://alpha.lan:7443", Pin: "oV9c0HhN…"},
//			{URL: "https://beta.lan:7443", Pin: "4Vb2o9rN…"},
//		},
//		Key: os.Getenv("MESHD_KEY"),
//	})
//	…
//	adder, err := c.Attach(ctx, client.AgentConfig{Name: "adder", Handler: func(ctx context.Context, m *client.Message) error {
//		var numbers []float64
//		if err := m.Decode(&numbers); err != nil {
//			return err // its sender is told
//		}
//		return m.Reply(numbers[0] + numbers[1])
//	}})
//	…
//	answer, err := adder.Request(ctx, client.Outgoing{To: "multiplier", Body: []int{6, 7}})
//
// # Asking
//
// A Client knows several nodes and asks the next when one does not answer. What
// it may repeat without harm it repeats, for a while. It reads what it wrote: the
// revision of its last write goes with its reads. Do asks any route of the mesh.
//
// # Agents
//
// Agent is a program attached to the mesh as an agent, or as a sender without a
// name: it sends, asks, publishes, subscribes, and takes what is sent to it, live
// and from its inbox, through broken connections and lost nodes. A live message
// comes once at most, and its sender hears what is known of it; a durable one
// comes until it is acknowledged. Message.Task is a task that the mesh has handed
// to the agent, and reports on it.
//
// # Errors
//
// What refuses a request is an *Error with the code of the error catalogue and a
// sentence that says what to do; IsCode asks for a code. Of a message that did not
// end well errors.Is says what is known:
//
//	ErrRefused      it was not delivered; sending it again is safe
//	ErrUnknown      it may have been; a durable one may be sent again under its ID
//	ErrTimeout      no answer came in time; the receiver may be at it
//	ErrAgent        the receiver answered with an error of its own: Error.AgentCode
//	ErrKeyChanged   nothing was sent: the receiver's key is another one now
//	ErrUnreachable  no node answered within Config.Patience
//	ErrPin          a node shows another key than its pin names; it was told nothing
//	ErrClosed       the Agent was closed
//	ErrSettled      the message was answered or acknowledged before, or too late
//
// # Offline
//
// Offline is a replica of one namespace in a file, for programs that may be cut
// off: a laptop, a phone, a robot. It answers reads from the file, its own
// writes included, keeps writes until the mesh can be reached, and then catches
// up: each write takes effect once, and what is at odds with what others did is
// listed. DESIGN.md says how.
//
// It is no cache in front of a mesh and no merge of meshes: the mesh has the
// order of things, and the last word.
package client
