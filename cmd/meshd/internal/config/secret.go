package config

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
)

// maxSecret bounds what is read as a secret; the longest, a join token, is a
// few hundred bytes.
const maxSecret = 64 << 10

// Placeholder stands where a secret would be printed.
const Placeholder = "(hidden)"

// Secret is a value that must not be shown, given directly or as the path of a
// file. Whatever prints, formats, logs or marshals it shows a placeholder; it is
// behind a pointer so that fmt does not reach it in fields it cannot call
// methods on either.
type Secret struct{ at *hidden }

type hidden struct{ value, file string }

// IsZero says that none was given.
func (s Secret) IsZero() bool { return s.at == nil || *s.at == hidden{} }

// Reveal returns the secret itself, reading its file now: a file that is gone
// hurts only the one who still needs it.
func (s Secret) Reveal() (string, error) {
	if s.IsZero() {
		return "", nil
	}
	if s.at.file == "" {
		return s.at.value, nil
	}
	f, err := os.Open(s.at.file)
	if err != nil {
		return "", fmt.Errorf("reading a secret from its file: %w", err)
	}
	defer f.Close()
	v, err := ReadSecret(f)
	if err != nil {
		return "", fmt.Errorf("reading a secret from %s: %w", s.at.file, err)
	}
	return v, nil
}

// ReadSecret reads one secret from r: all of it, bounded, without the white
// space around it.
func ReadSecret(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxSecret+1))
	if err != nil {
		return "", err
	}
	v := strings.TrimSpace(string(data))
	switch {
	case len(data) > maxSecret:
		return "", fmt.Errorf("it is longer than %d bytes, which no secret is", maxSecret)
	case v == "":
		return "", fmt.Errorf("it is empty")
	}
	return v, nil
}

// String returns a placeholder, or nothing where no secret is set.
func (s Secret) String() string {
	switch {
	case s.IsZero():
		return ""
	case s.at.file != "":
		return Placeholder + " in " + s.at.file
	}
	return Placeholder
}

// GoString keeps %#v from showing the secret.
func (s Secret) GoString() string { return "config.Secret{" + s.String() + "}" }

// MarshalText keeps encoders from showing the secret.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue keeps loggers from showing the secret.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
