package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/message"
)

// Return gives messages back, with their attempts counted where that is said.
// What is not there is passed over, as is what another attempt has; it returns
// how many were given back. Where all of them name their attempts it is repeated
// when its outcome is not known: each is given back once.
func (s *Service) Return(ctx context.Context, agent string, items []Returned) (total int, err error) {
	if err := checkAgent(agent); err != nil {
		return 0, err
	}
	for len(items) > 0 {
		n := min(len(items), maxItems/4)
		cmd := returnItems{Agent: agent}
		named := s.cfg.Level() >= LevelAttempt
		for _, it := range items[:n] {
			if it.Delay < 0 || it.Delay > MaxDelay {
				return total, invalid("delay", "delay is at most "+MaxDelay.String())
			}
			cmd.Items = append(cmd.Items, returnItem{
				Seq: it.Seq, Delay: it.Delay.Milliseconds(), Reason: cut(it.Reason), Counts: it.Counts, Final: it.Final, Attempt: it.Attempt,
			})
			named = named && it.Attempt > 0
		}
		propose := s.insist
		if !named {
			propose = s.propose
		}
		if s.cfg.Level() < LevelAttempt {
			cmd.unnamed()
		}
		var got done
		if _, err := propose(ctx, kindReturn, cmd, &got); err != nil {
			return total, err
		}
		total += got.N
		items = items[n:]
	}
	return total, nil
}

// unnamed leaves out what an older version does not read.
func (c *returnItems) unnamed() {
	for i := range c.Items {
		c.Items[i].Attempt = 0
	}
}

// cut shortens a reason to what is kept of it.
func cut(s string) string {
	if len(s) > maxLabel {
		s = s[:maxLabel]
	}
	return strings.ToValidUTF8(s, "")
}

// Redrive makes dead letters messages again, behind those that wait, with all
// of their attempts and their whole TTL. No seqs: all. It returns how many; those
// for which the inbox has no room stay.
func (s *Service) Redrive(ctx context.Context, agent string, seqs []uint64) (int, error) {
	return s.inSteps(ctx, kindRedrive, agent, seqs, true)
}

// DropDead removes dead letters for good; no seqs: all. It returns how many.
func (s *Service) DropDead(ctx context.Context, agent string, seqs []uint64) (int, error) {
	return s.inSteps(ctx, kindDropDead, agent, seqs, true)
}

// Purge makes every message that waits now a dead letter. It returns how many.
func (s *Service) Purge(ctx context.Context, agent string) (int, error) {
	return s.inSteps(ctx, kindPurge, agent, nil, false)
}

// stepItems is how many messages are named at once by what may be about all.
const stepItems = 256

func (s *Service) inSteps(ctx context.Context, kind byte, agent string, seqs []uint64, dead bool) (total int, err error) {
	if err := checkAgent(agent); err != nil {
		return 0, err
	}
	if len(seqs) == 0 {
		// All is what the mesh has, and not what this node has heard of: the answer
		// to a command comes when this node has what was accepted before it. No
		// message has the number 0.
		if _, err := s.Acknowledge(ctx, agent, []uint64{0}); err != nil {
			return 0, err
		}
		_, list := s.index.list(agent, place{}, InboxLimits.Messages, dead)
		for _, e := range list {
			seqs = append(seqs, e.seq)
		}
	}
	for len(seqs) > 0 {
		n := min(len(seqs), stepItems)
		var got done
		if _, err := s.insist(ctx, kind, agentItems{Agent: agent, Seqs: seqs[:n]}, &got); err != nil {
			return total, err
		}
		total += got.N
		seqs = seqs[n:]
	}
	return total, nil
}

// Subscribe takes the messages to all topics that match a pattern into the
// agent's inbox from now on. Repeating it changes nothing.
func (s *Service) Subscribe(ctx context.Context, agent, pattern string) error {
	return s.subscription(ctx, kindSubscribe, agent, pattern)
}

// Unsubscribe ends it. What the inbox holds stays.
func (s *Service) Unsubscribe(ctx context.Context, agent, pattern string) error {
	return s.subscription(ctx, kindUnsubscribe, agent, pattern)
}

func (s *Service) subscription(ctx context.Context, kind byte, agent, pattern string) error {
	if err := s.mayHave(agent); err != nil {
		return err
	}
	if !checkTopic(pattern, true) {
		return errPattern()
	}
	_, err := s.insist(ctx, kind, subscribeCommand{Agent: agent, Pattern: pattern}, nil)
	return err
}

// Subscriptions lists the agent's, in order of pattern.
func (s *Service) Subscriptions(ctx context.Context, agent string) (out []Subscription, err error) {
	id, ok := s.index.inbox(agent)
	if !ok {
		return nil, nil
	}
	_, err = s.view(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		for k, v := range r.Scan(tableSubOf, key64(id), after(id)) {
			var sub subRecord
			if !sub.read(v) {
				return errBroken("a subscription")
			}
			out = append(out, Subscription{Pattern: string(k[8:]), Since: when(int64(sub.Since))})
		}
		return nil
	})
	return out, err
}

// Claim registers agents: their owner, and the node that dispatches. A claim
// that was refused says so in its result; the others hold. What is in force
// already by this node's state is not proposed.
func (s *Service) Claim(ctx context.Context, claims []Claim) ([]ClaimResult, error) {
	out := make([]ClaimResult, len(claims))
	var open []int
	free := map[int]bool{} // names that nobody owns
	_, err := s.view(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		for i, c := range claims {
			if err := s.mayHave(c.Agent); err != nil {
				return err
			}
			if !message.Printable(c.Principal) || !message.Visible(c.Node, maxLabel) {
				return invalid("principal", "principal and node are at most 256 bytes of printable text")
			}
			var a agentRecord
			v := r.Get(tableAgent, []byte(c.Agent))
			if v != nil && !a.read(v) {
				return errBroken("the record of an agent")
			}
			held := a.Known && (c.Principal == "" || a.Owner == c.Principal) && (c.Node == "" || a.Node == c.Node)
			if !held {
				open = append(open, i)
				free[i] = c.Principal != "" && a.Owner == ""
				continue
			}
			out[i] = ClaimResult{Agent: c.Agent, Owner: a.Owner, Node: a.Node, Epoch: a.Epoch}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if open, err = s.mayOwn(ctx, claims, open, free, out); err != nil {
		return nil, err
	}
	for len(open) > 0 {
		n := min(len(open), maxClaims)
		var cmd claimsCommand
		for _, i := range open[:n] {
			cmd.Claims = append(cmd.Claims, claimItem(claims[i]))
		}
		var got claimsDone
		if _, err := s.insist(ctx, kindClaim, cmd, &got); err != nil {
			return nil, err
		}
		if len(got.Results) != n {
			return nil, errBroken("the answer to a claim")
		}
		for j, i := range open[:n] {
			out[i] = got.Results[j]
		}
		open = open[n:]
	}
	return out, nil
}

// OwnerChanges is another number whenever a name may have come to be somebody
// else's, and never 0: who was let in as an agent is asked again then. It costs
// nothing.
func (s *Service) OwnerChanges() uint64 { return s.index.owners.Load() + 1 }

// PublishKey sets the age recipient that messages to the agent are sealed to.
// Publishing the one in force changes nothing.
func (s *Service) PublishKey(ctx context.Context, agent, recipient string) (Key, error) {
	if err := s.mayHave(agent); err != nil {
		return Key{}, err
	}
	if recipient == "" || !message.Visible(recipient, maxKey) {
		return Key{}, invalid("recipient", "a key is an age recipient of at most 8 KiB")
	}
	sum := sha256.Sum256([]byte(recipient))
	var k keyRecord
	cmd := keyCommand{Agent: agent, Recipient: recipient, Hash: "sha256:" + hex.EncodeToString(sum[:])}
	if _, err := s.insist(ctx, kindKey, cmd, &k); err != nil {
		return Key{}, err
	}
	return k.key(agent), nil
}

func (k *keyRecord) key(agent string) Key {
	return Key{Agent: agent, Recipient: k.Recipient, Hash: k.Hash, Since: when(k.Since), Generation: k.Generation}
}

// Key returns the agent's key.
func (s *Service) Key(ctx context.Context, agent string) (Key, error) {
	var k keyRecord
	id, _ := s.index.inbox(agent)
	_, err := s.view(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		v := r.Get(tableKey, key64(id))
		if v == nil {
			return &consensus.Refusal{
				Code: CodeNoKey, Sentence: "the agent has published no key to seal messages to",
				Details: map[string]string{"agent": agent},
			}
		}
		return consensus.Decode(v, &k)
	})
	if err != nil {
		return Key{}, err
	}
	return k.key(agent), nil
}

// Agent returns what the state knows of an agent; false: nothing.
func (s *Service) Agent(ctx context.Context, name string) (info AgentInfo, found bool, err error) {
	_, err = s.view(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		v := r.Get(tableAgent, []byte(name))
		if found = name != "" && v != nil; !found {
			return nil
		}
		info, err = s.info(r, name, v)
		return err
	})
	return info, found, err
}

// Agents lists agents whose names are above after, in order of name, at most
// limit (1 to 1,000; 0: 100).
func (s *Service) Agents(ctx context.Context, after string, limit int) (out []AgentInfo, err error) {
	if limit = or(limit, 100); limit < 1 || limit > 1000 {
		return nil, invalid("limit", "limit is 1 to 1,000")
	}
	_, err = s.view(ctx, consensus.ReadOptions{}, func(r consensus.Reader) error {
		var from []byte
		if after != "" {
			from = append([]byte(after), 0)
		}
		for k, v := range r.Scan(tableAgent, from, nil) {
			if len(out) == limit {
				break
			}
			info, err := s.info(r, string(k), v)
			if err != nil {
				return err
			}
			out = append(out, info)
		}
		return nil
	})
	return out, err
}

func (s *Service) info(r consensus.Reader, name string, v []byte) (AgentInfo, error) {
	var (
		a agentRecord
		n counts
	)
	if !a.read(v) || !n.read(r.Get(tableCount, key64(a.Inbox))) {
		return AgentInfo{}, errBroken("the record of an agent")
	}
	info := AgentInfo{
		Name: name, Owner: a.Owner, Node: a.Node, Epoch: a.Epoch, Known: a.Known, Since: when(a.Since),
		Messages: int(n.Messages), Bytes: int64(n.Bytes), Dead: int(n.Dead), Dropped: n.Dropped,
		Accepted: n.Accepted, Acknowledged: n.Acked, Returned: n.Returned, Refused: n.Refused,
		KeyHash: a.KeyHash, Subscriptions: int(a.Subs),
	}
	if seq := s.index.oldest(a.Inbox); seq != 0 {
		var m record
		if v := r.Get(tableMessage, key64(seq)); v != nil && m.read(v) {
			info.Oldest = when(m.Accepted)
		}
	}
	return info, nil
}

// oldest is the lowest number in an inbox, 0 where it is empty.
func (x *index) oldest(inbox uint64) (seq uint64) {
	x.mu.Lock()
	defer x.mu.Unlock()
	s := x.ids[inbox]
	if s == nil {
		return 0
	}
	lower := func(n uint64) {
		if seq == 0 || n < seq {
			seq = n
		}
	}
	for i := range s.ready {
		if q := &s.ready[i]; q.len() > 0 {
			lower(q.list[q.head].seq)
		}
	}
	for n := range s.waiting {
		lower(n)
	}
	return seq
}

// Stats returns the figures of all inboxes.
func (s *Service) Stats(context.Context) (Stats, error) {
	m := s.index.figures()
	return Stats{
		Agents: int(m.Agents), Messages: int(m.Messages), Bytes: int64(m.Bytes), Dead: int(m.Dead), Dropped: m.Dropped,
		Accepted: m.Accepted, Acknowledged: m.Acked, Returned: m.Returned, Died: m.Died, Refused: m.Refused,
		StagedBytes: int64(m.Staged), Remembered: int(m.IDNext - m.IDFirst),
	}, nil
}

func (x *index) figures() meta {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.meta
}

// Backoff is how long a message waits for its next attempt after its nth: its
// redelivery delay, doubled with each, ten minutes at most (or the delay itself
// where that is longer).
func Backoff(redelivery time.Duration, attempt int) time.Duration {
	limit := max(10*time.Minute, redelivery)
	for range min(attempt-1, 16) {
		redelivery *= 2
	}
	return min(redelivery, limit)
}
