package bridge

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"
)

// maxLine bounds one message of the client, in bytes; it is what a node takes.
const maxLine = 4 << 20

// lines lets through the lines that are JSON. The others are answered here, as
// JSON-RPC asks, since one of them would otherwise end the whole connection. The
// end of the input is told once all calls are answered: whoever pipes them in
// wants to read that. It is for one goroutine.
type lines struct {
	ctx   context.Context
	in    io.Reader
	out   *writer
	from  *bufio.Reader
	rest  []byte
	calls int // that want an answer
}

// Read implements io.Reader.
func (l *lines) Read(p []byte) (int, error) {
	if l.from == nil {
		l.from = bufio.NewReaderSize(l.in, 64<<10)
	}
	for len(l.rest) == 0 {
		line, long, err := l.line()
		if fault := malformed(line, long); fault != "" {
			if err := l.out.refuse(fault); err != nil {
				return 0, err
			}
			line = nil
		}
		if len(line) > 0 {
			var m struct {
				ID     json.RawMessage `json:"id"`
				Method string          `json:"method"`
			}
			if json.Unmarshal(line, &m) == nil && len(m.ID) > 0 && m.Method != "" {
				l.calls++
			}
			l.rest = append(line, '\n')
			break
		}
		if errors.Is(err, io.EOF) {
			l.out.await(l.ctx, l.calls)
		}
		if err != nil {
			return 0, err
		}
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// line reads one line without its end; of one too long only the start.
func (l *lines) line() (line []byte, long bool, err error) {
	for {
		part, err := l.from.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			long = true
		} else {
			line = append(line, part...)
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
				line = line[:len(line)-1]
			}
			return line, long, err
		}
	}
}

func malformed(line []byte, long bool) string {
	switch {
	case long:
		return fmt.Sprintf("the message is larger than %d bytes: send less at a time", maxLine)
	case len(line) == 0:
		return ""
	case !utf8.Valid(line):
		return "the message is not valid UTF-8"
	case !json.Valid(line):
		return "the message is not JSON"
	}
	return ""
}

// writer keeps messages whole, since answers come from several goroutines, and
// counts them.
type writer struct {
	w        io.Writer
	mu       sync.Mutex
	answered int
	more     chan struct{} // closed at the next answer; nil: nobody waits
}

// Write implements io.Writer. The SDK writes a message at a time.
func (w *writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if bytes.Contains(p[:min(len(p), 64)], []byte(`"id":`)) {
		w.answered++
		if w.more != nil {
			close(w.more)
			w.more = nil
		}
	}
	return w.w.Write(p)
}

// await returns when so many calls are answered, or ctx ends, or none was for
// longer than a call takes.
func (w *writer) await(ctx context.Context, calls int) {
	for {
		w.mu.Lock()
		if w.answered >= calls {
			w.mu.Unlock()
			return
		}
		if w.more == nil {
			w.more = make(chan struct{})
		}
		more := w.more
		w.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return
		case <-time.After(callTimeout):
			return
		}
	}
}

// refuse answers what was no message.
func (w *writer) refuse(fault string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, err := fmt.Fprintf(w.w, `{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":%q}}`+"\n", fault)
	return err
}

// Close implements io.Closer; the stream belongs to the process.
func (*writer) Close() error { return nil }
