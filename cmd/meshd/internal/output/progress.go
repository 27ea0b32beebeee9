package output

import (
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress shows how far a transfer of bytes has come, on a terminal only. Its
// methods are safe for concurrent use.
type Progress struct{ bar *progressbar.ProgressBar }

// NewProgress starts a bar on standard error for total bytes, -1 if unknown.
// Without a terminal, or under JSON, it shows nothing.
func (p *Printer) NewProgress(what string, total int64) *Progress {
	if p.JSON || !IsTerminal(p.Err) {
		return &Progress{}
	}
	return &Progress{bar: progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(p.Err),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

// Write counts the bytes of b, so that an io.TeeReader can feed the bar.
func (p *Progress) Write(b []byte) (int, error) {
	if p.bar != nil {
		_ = p.bar.Add(len(b)) // a bar that cannot be drawn must not stop the transfer
	}
	return len(b), nil
}

// Describe changes the words beside the bar.
func (p *Progress) Describe(what string) {
	if p.bar != nil {
		p.bar.Describe(what)
	}
}

// Done takes the bar away.
func (p *Progress) Done() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}
