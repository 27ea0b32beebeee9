package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

type durationValue struct{ d time.Duration }

// secretFile marks the path a secret is to be read from.
type secretFile struct{ path any }

// decode turns what a layer gave into the key's type. Everything may be a
// string, since that is all the environment and flags have.
func (k Key) decode(raw any) (any, error) {
	v, err := k.convert(raw)
	if err != nil {
		return nil, err
	}
	// An empty text or list is the key left alone, whatever its check says.
	if s, ok := v.(string); ok && s == "" {
		return v, nil
	}
	if k.check != nil {
		if d, ok := v.(durationValue); ok {
			return v, k.check(d.d)
		}
		return v, k.check(v)
	}
	return v, nil
}

func (k Key) convert(raw any) (any, error) {
	s, isString := raw.(string)
	s = strings.TrimSpace(s)
	switch k.kind {
	case text:
		if !isString {
			return nil, fmt.Errorf("wants a text in quotes, not %v", raw)
		}
		return s, nil
	case list:
		return toList(raw)
	case boolean:
		if b, ok := raw.(bool); ok {
			return b, nil
		}
		if b, err := strconv.ParseBool(strings.ToLower(s)); isString && err == nil {
			return b, nil
		}
		return nil, fmt.Errorf("wants true or false, not %q", fmt.Sprint(raw))
	case integer:
		if n, ok := raw.(int64); ok {
			return n, nil
		}
		if n, err := strconv.ParseInt(s, 10, 64); isString && err == nil {
			return n, nil
		}
		return nil, fmt.Errorf("wants a whole number, not %q", fmt.Sprint(raw))
	case duration:
		d, err := time.ParseDuration(s)
		if !isString || err != nil {
			return nil, fmt.Errorf("wants a duration such as 30s or 5m, not %q", fmt.Sprint(raw))
		}
		return durationValue{d}, nil
	case size:
		if n, ok := raw.(int64); ok {
			return n, nil
		}
		return ParseSize(s)
	case share:
		f, err := strconv.ParseFloat(s, 64)
		switch n := raw.(type) {
		case float64:
			f, err = n, nil
		case int64:
			f, err = float64(n), nil
		}
		if err != nil || !(f >= 0 && f <= 1) {
			return nil, fmt.Errorf("wants a number from 0 to 1, not %q", fmt.Sprint(raw))
		}
		return f, nil
	case secret:
		if f, ok := raw.(secretFile); ok {
			path, ok := f.path.(string)
			if !ok || path == "" {
				return nil, fmt.Errorf("wants the path of a file in quotes")
			}
			return Secret{&hidden{file: path}}, nil
		}
		if !isString {
			return nil, fmt.Errorf("wants a text in quotes")
		}
		return Secret{&hidden{value: s}}, nil
	}
	panic("config: a key of no kind")
}

func toList(raw any) ([]string, error) {
	var parts []string
	switch v := raw.(type) {
	case nil:
		return nil, nil
	case string:
		parts = strings.Split(v, ",")
	case []string:
		parts = v
	case []any:
		for _, e := range v {
			s, ok := e.(string)
			if !ok {
				return nil, fmt.Errorf("wants a list of texts in quotes, not %v", e)
			}
			parts = append(parts, s)
		}
	default:
		return nil, fmt.Errorf("wants a list of texts, not %v", raw)
	}
	var out []string
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			out = append(out, p)
		}
	}
	return out, nil
}

var units = []struct {
	suffix string
	bytes  float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30},
	{"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1},
}

// ParseSize reads a number of bytes such as 4096, 64KiB, 16MiB or 1GB.
func ParseSize(s string) (int64, error) {
	number, factor := strings.TrimSpace(s), 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.suffix); ok {
			number, factor = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	f, err := strconv.ParseFloat(number, 64)
	n := f * factor
	if err != nil || n < 0 || math.IsNaN(n) || n > math.MaxInt64/2 {
		return 0, fmt.Errorf("wants a size such as 64KiB or 16MiB, not %q", s)
	}
	return int64(n), nil
}
