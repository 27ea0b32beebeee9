package config

import "time"

// Setting is one key as it is in force, fit to be shown.
type Setting struct {
	Key string `json:"key"`
	// Value is the value as JSON has it; a secret is a placeholder.
	Value  any    `json:"value"`
	Source string `json:"source"`
}

// Settings lists every key with its value and where that came from.
func (c *Config) Settings() []Setting {
	out := make([]Setting, 0, len(keys))
	for _, k := range keys {
		s := Setting{Key: k.Name, Value: c.values[k.Name], Source: Source{Layer: layerDefault}.String()}
		if source, ok := c.sources[k.Name]; ok {
			s.Source = source.String()
		}
		switch v := s.Value.(type) {
		case durationValue:
			s.Value = v.d.Round(time.Millisecond).String()
		case Secret:
			s.Value = v.String()
		case []string:
			s.Value = append([]string{}, v...)
		case nil:
			s.Value = ""
			if k.kind == list {
				s.Value = []string{}
			}
		}
		out = append(out, s)
	}
	return out
}
