package task

import (
	"bytes"
	"math/bits"

	"github.com/meshd/meshd/consensus"
	"github.com/meshd/meshd/node/numbered"
)

// Scores are whole numbers, since every node must compute the same and floating
// point does not promise that across processors.
const (
	// million is one, in scores.
	million = 1_000_000
	// billion is one, in what is left to learn.
	billion = 1_000_000_000
	// learning is e^-0.01 in billionths.
	learning = 990_049_834
	// neutral is the success of an agent that nothing is known of.
	neutral = million / 2
	// smoothing is 1/α of the moving average of success, α = 0.1.
	smoothing = 10
	// maxScores bounds the pairs of agent and subject that are remembered; the
	// one that rested longest makes room.
	maxScores = 100_000
)

// Score is how well an agent has done at one kind of task, or with one
// capability.
type Score struct {
	Tasks int `cbor:"1,keyasint" json:"tasks"`
	Won   int `cbor:"2,keyasint" json:"completed"`
	// Average is the exponential moving average of success (α 0.1), in
	// millionths; it begins at a half.
	Average int64 `cbor:"3,keyasint" json:"average"`
	// Left is e^(-0.01·Tasks), in billionths.
	Left int64 `cbor:"4,keyasint" json:"-"`
	At   int64 `cbor:"5,keyasint" json:"-"`
}

func newScore() Score { return Score{Average: neutral, Left: billion} }

func (c *Score) add(won bool, now int64) {
	goal := int64(0)
	if won {
		goal = million
		c.Won++
	}
	c.Tasks++
	c.Average += (goal - c.Average) / smoothing
	c.Left = mulDiv(c.Left, learning, billion)
	c.At = now
}

// Proficiency is (1-e^(-0.01·n))·(share that succeeded), in millionths: an
// agent must have done much, and well.
func (c Score) Proficiency() int64 {
	if c.Tasks == 0 {
		return 0
	}
	learned := mulDiv(billion-c.Left, int64(c.Won), int64(c.Tasks))
	return learned / (billion / million)
}

// mulDiv is a·b/c for numbers that are not negative, whatever a·b is.
func mulDiv(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	q, _ := bits.Div64(hi, lo, uint64(c))
	return int64(q)
}

// Subjects of scores: kinds of tasks and capabilities do not mix.
const (
	subjectType = 't'
	subjectNeed = 'n'
)

func scoreKey(agent string, subject byte, word string) []byte {
	return append(append(append([]byte(agent), 0), subject), word...)
}

// subjects are what an agent is judged by.
func (r *record) subjects(agent string) [][]byte {
	keys := [][]byte{scoreKey(agent, subjectType, r.Type)}
	for _, n := range r.Needs {
		keys = append(keys, scoreKey(agent, subjectNeed, n))
	}
	return keys
}

// judge counts a success or a failure of the agent that has the task, where it
// is not its own.
func (s *store) judge(r *record, won bool) {
	if s.ownTask(r) {
		return
	}
	for _, key := range r.subjects(r.Agent) {
		c := newScore()
		if data := s.w.Get(tableScores, key); data == nil {
			s.m.Scores++
		} else if err := consensus.Decode(data, &c); err == nil {
			s.w.Delete(tableScoreAt, append(numbered.Key(uint64(c.At)), key...))
		}
		c.add(won, s.now)
		s.w.Put(tableScores, key, consensus.Encode(c))
		s.w.Put(tableScoreAt, append(numbered.Key(uint64(c.At)), key...), nil)
	}
	for s.m.Scores > maxScores {
		k, _ := consensus.First(s.w, tableScoreAt, nil)
		if len(k) < 8 {
			return
		}
		key := bytes.Clone(k[8:])
		s.w.Delete(tableScoreAt, k)
		s.w.Delete(tableScores, key)
		s.m.Scores--
	}
}

func scoreOf(r consensus.Reader, key []byte) Score {
	c := newScore()
	if data := r.Get(tableScores, key); data != nil {
		if err := consensus.Decode(data, &c); err != nil {
			return newScore()
		}
	}
	return c
}

// Expertise is how proficient an agent is with a capability, or at a kind of
// task of that name, whichever is more; in millionths. Other parts of the state
// may ask it while they execute a command.
func Expertise(r consensus.Reader, agent, capability string) int64 {
	return max(scoreOf(r, scoreKey(agent, subjectNeed, capability)).Proficiency(),
		scoreOf(r, scoreKey(agent, subjectType, capability)).Proficiency())
}
