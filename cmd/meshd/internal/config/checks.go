package config

import (
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

func oneOf(words ...string) func(any) error {
	return func(v any) error {
		if !slices.Contains(words, v.(string)) {
			return fmt.Errorf("is one of %s, not %q", strings.Join(words, ", "), v)
		}
		return nil
	}
}

func oneOfInts(numbers ...int64) func(any) error {
	return func(v any) error {
		if !slices.Contains(numbers, v.(int64)) {
			return fmt.Errorf("is one of %v, not %d", numbers, v)
		}
		return nil
	}
}

func between(low, high int64) func(any) error {
	return func(v any) error {
		if n := v.(int64); n < low || n > high {
			return fmt.Errorf("is between %d and %d, not %d", low, high, n)
		}
		return nil
	}
}

func timeBetween(low, high time.Duration) func(any) error {
	return func(v any) error {
		if d := v.(time.Duration); d < low || d > high {
			return fmt.Errorf("is between %s and %s, not %s", low, high, d)
		}
		return nil
	}
}

func each(check func(any) error) func(any) error {
	return func(v any) error {
		for _, s := range v.([]string) {
			if err := check(s); err != nil {
				return err
			}
		}
		return nil
	}
}

func isPort(s string) error {
	if n, err := strconv.Atoi(s); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("has no port between 0 and 65535 in %q", s)
	}
	return nil
}

func isListen(v any) error {
	host, port, err := net.SplitHostPort(v.(string))
	if err != nil {
		return fmt.Errorf("wants HOST:PORT or :PORT, not %q", v)
	}
	if host != "" {
		if err := isHost(host); err != nil {
			return err
		}
	}
	return isPort(port)
}

func isHostPort(v any) error {
	host, port, err := net.SplitHostPort(v.(string))
	if err != nil || host == "" || port == "" {
		return fmt.Errorf("wants HOST:PORT, not %q", v)
	}
	if err := isHost(host); err != nil {
		return err
	}
	return isPort(port)
}

func isHostMaybePort(v any) error {
	s := v.(string)
	if net.ParseIP(strings.Trim(s, "[]")) != nil || !strings.Contains(s, ":") {
		return isHost(strings.Trim(s, "[]"))
	}
	return isHostPort(s)
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9.])?$`)

func isHost(v any) error {
	s := v.(string)
	address, _, _ := strings.Cut(s, "%")
	if net.ParseIP(address) == nil && !hostName.MatchString(s) {
		return fmt.Errorf("wants a host name or an address, not %q", s)
	}
	return nil
}

func isName(v any) error {
	s := v.(string)
	if len(s) > 63 {
		return fmt.Errorf("is at most 63 bytes long, not %d", len(s))
	}
	for _, r := range s {
		if !unicode.IsGraphic(r) || r == '@' || r == '/' {
			return fmt.Errorf("has letters, digits, spaces and signs other than @ and /, not %q", s)
		}
	}
	return nil
}

func isOrigin(v any) error {
	u, err := url.Parse(v.(string))
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return fmt.Errorf("wants an origin such as https://app.example.org, not %q", v)
	}
	return nil
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

func isHeader(v any) error {
	if !headerName.MatchString(v.(string)) {
		return fmt.Errorf("wants the name of a header, not %q", v)
	}
	return nil
}
