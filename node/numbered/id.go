package numbered

import (
	"encoding/binary"
	"errors"
	"strconv"
)

// ID names a record: the counter of its part, written in decimal. As JSON it is a
// string.
type ID uint64

// String implements fmt.Stringer.
func (i ID) String() string { return strconv.FormatUint(uint64(i), 10) }

// MarshalText implements encoding.TextMarshaler.
func (i ID) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *ID) UnmarshalText(text []byte) (err error) {
	*i, err = ParseID(string(text))
	return err
}

// ParseID reads an id as String writes it.
func ParseID(text string) (ID, error) {
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil || n == 0 || strconv.FormatUint(n, 10) != text {
		return 0, errors.New("an id is a whole number above zero, such as 17")
	}
	return ID(n), nil
}

// The keys of tables. Ids and times are big-endian, so that keys sort as numbers.

// Key is a number.
func Key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// Key is the id of a record.
func (i ID) Key() []byte { return Key(uint64(i)) }

// TimeKey is a moment, Unix ms, and a record.
func TimeKey(ms int64, id ID) []byte {
	return binary.BigEndian.AppendUint64(Key(uint64(max(ms, 0))), uint64(id))
}

// ByteKey is a byte, such as a state, and a record.
func ByteKey(b byte, id ID) []byte { return binary.BigEndian.AppendUint64([]byte{b}, uint64(id)) }

// WordKey is a word without a zero, and a record.
func WordKey(word string, id ID) []byte {
	return binary.BigEndian.AppendUint64(append([]byte(word), 0), uint64(id))
}

// IDOf reads the id at the end of a key.
func IDOf(key []byte) ID {
	if len(key) < 8 {
		return 0
	}
	return ID(binary.BigEndian.Uint64(key[len(key)-8:]))
}

// TimeOf reads the moment at the beginning of a key, Unix ms.
func TimeOf(key []byte) int64 {
	if len(key) < 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(key))
}
