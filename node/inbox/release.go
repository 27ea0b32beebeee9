package inbox

import (
	"context"
	"errors"
	"fmt"

	"github.com/meshd/meshd/consensus"
)

// LevelEmpty is the command level from which the state judges whether an inbox is
// empty when its name is released.
const LevelEmpty = 5

// Letters is what becomes of the letters of a name that is released: of the
// messages that wait, of those that somebody has, and of the dead letters.
type Letters uint8

const (
	// NoLetters refuses the release where there are some.
	NoLetters Letters = iota
	// KeepLetters leaves them to whoever claims the name next.
	KeepLetters
	// DropLetters removes them for good, with their bodies.
	DropLetters
)

// releaseTries is how often an inbox is emptied into which messages come
// meanwhile.
const releaseTries = 5

// Release forgets the owner of a name, and that it is known: whoever claims it
// next has it, with its subscriptions and key, and with its letters if they are
// kept. What is sent to the name from then on is for whoever claims it.
func (s *Service) Release(ctx context.Context, agent string, letters Letters) error {
	if err := checkAgent(agent); err != nil {
		return err
	}
	if letters == KeepLetters {
		_, err := s.insist(ctx, kindRelease, releaseCommand{Agent: agent}, nil)
		return err
	}
	for try := 1; ; try++ {
		if letters == DropLetters {
			if _, err := s.Purge(ctx, agent); err != nil {
				return err
			}
			if _, err := s.DropDead(ctx, agent, nil); err != nil {
				return err
			}
		}
		err := s.releaseEmpty(ctx, agent)
		var no *consensus.Refusal
		if letters == NoLetters || try == releaseTries || !errors.As(err, &no) || no.Code != CodeNotEmpty {
			return err
		}
	}
}

// releaseEmpty releases a name whose inbox is empty.
func (s *Service) releaseEmpty(ctx context.Context, agent string) error {
	cmd := releaseCommand{Agent: agent, Empty: s.cfg.Level() >= LevelEmpty}
	if !cmd.Empty {
		info, _, err := s.Agent(ctx, agent)
		if err != nil {
			return err
		}
		if info.Messages+info.Dead > 0 {
			return notEmpty(agent, uint64(info.Messages), uint64(info.Dead))
		}
	}
	_, err := s.insist(ctx, kindRelease, cmd, nil)
	return err
}

func notEmpty(agent string, messages, dead uint64) error {
	return &consensus.Refusal{
		Code: CodeNotEmpty,
		Sentence: fmt.Sprintf("the inbox of %s holds %d messages and %d dead letters, which whoever claims the name next would have: drop them with it, or say that they are to be kept (`meshd agents release %s --drop` or `--keep`; by HTTP inbox=drop or inbox=keep)",
			agent, messages, dead, agent),
		Details: map[string]string{"agent": agent, "messages": itoa(messages), "dead": itoa(dead)},
	}
}
