package formats

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// maxRatio and ratioFree bound what compressed input may unpack to: ratioFree
// bytes, and maxRatio times what came in. Text compresses by 3 to 20, tables of
// one repeated line by 200; gzip itself by no more than 1,032.
const (
	maxRatio  = 250
	ratioFree = 64 << 20
)

var errBomb = errors.New("the compressed input unpacks to far more than a graph would")

// decompress unpacks gzip, told by its first two bytes, and leaves other input
// as it is.
func decompress(r io.Reader) (io.Reader, error) {
	in := &counted{r: r}
	b := bufio.NewReaderSize(in, 64<<10)
	magic, err := b.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return b, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("the compressed input is damaged: %w", err)
	}
	return &unpacked{z: z, in: in}, nil
}

type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

type unpacked struct {
	z  *gzip.Reader
	in *counted
	n  int64
}

func (u *unpacked) Read(p []byte) (int, error) {
	n, err := u.z.Read(p)
	u.n += int64(n)
	switch {
	case u.n > ratioFree && u.n/maxRatio > u.in.n:
		return n, errBomb
	case errors.Is(err, io.ErrUnexpectedEOF):
		return n, errors.New("the compressed input is cut short")
	case err != nil && !errors.Is(err, io.EOF):
		return n, fmt.Errorf("the compressed input is damaged: %w", err)
	}
	return n, err
}

// head is input whose first bytes have been looked at.
type head struct {
	*bufio.Reader
	first []byte
}

func newHead(r io.Reader) *head {
	b := bufio.NewReaderSize(r, 16<<10)
	first, _ := b.Peek(4 << 10) // an error comes again when it is read
	return &head{b, bytes.Clone(first)}
}
