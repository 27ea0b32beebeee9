package consensus

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// badge is what the file raft.id says: under which id this server is known to
// Raft, and whether it has had a log. Without its log such a server may not
// begin anew, since it may have voted.
type badge struct {
	id   string
	life string
}

const (
	lifeNew  = "new"
	lifeUsed = "used"
)

func readBadge(dir string) (badge, error) {
	path := filepath.Join(dir, nameRaftID)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		// The log's index has a copy.
		if id := idOfLog(filepath.Join(dir, nameLog)); id != "" {
			b := badge{id, lifeUsed}
			return b, b.write(dir)
		}
		return badge{}, err
	}
	if err != nil {
		return badge{}, fmt.Errorf("reading the raft id: %w", err)
	}
	words, err := parseLine(data)
	if err == nil && (len(words) != 2 || words[0] == "" || words[1] != lifeNew && words[1] != lifeUsed) {
		err = errLine
	}
	if err == nil {
		return badge{words[0], words[1]}, nil
	}
	if id := idOfLog(filepath.Join(dir, nameLog)); id != "" {
		b := badge{id, lifeUsed}
		return b, b.write(dir)
	}
	return badge{}, fmt.Errorf("%s does not hold a raft id: %w: %w", path, err, ErrLogDamaged)
}

func (b badge) write(dir string) error {
	if err := writeFileSync(filepath.Join(dir, nameRaftID), line(b.id, b.life)); err != nil {
		return fmt.Errorf("writing the raft id: %w", err)
	}
	return nil
}

// line is the content of a small file: words, and behind them their CRC-32C.
func line(words ...string) []byte {
	text := strings.Join(words, " ")
	return fmt.Appendf(nil, "%s %08x\n", text, crc32.Checksum([]byte(text), castagnoli))
}

var errLine = errors.New("the file is damaged")

func parseLine(data []byte) ([]string, error) {
	words := strings.Split(strings.TrimSuffix(string(data), "\n"), " ")
	n := len(words) - 1
	if n < 1 || string(line(words[:n]...)) != string(data) {
		return nil, errLine
	}
	return words[:n], nil
}
