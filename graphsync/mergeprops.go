package graphsync

import "bytes"

// mergeMissing returns a canonical object with the members of another that it
// lacks, and those members as an object; nil stands for the empty one.
func mergeMissing(target, source []byte) (merged, taken []byte, err error) {
	if len(source) == 0 {
		return target, nil, nil
	}
	have, err := objectMembers(target)
	if err != nil {
		return nil, nil, err
	}
	offered, err := objectMembers(source)
	if err != nil {
		return nil, nil, err
	}
	var all, some [][]byte
	for len(have) > 0 || len(offered) > 0 {
		order := 0
		switch {
		case len(have) == 0:
			order = 1
		case len(offered) == 0:
			order = -1
		default:
			order = bytes.Compare(have[0].name(target), offered[0].name(source))
		}
		if order <= 0 {
			all = append(all, target[have[0].from:have[0].to])
			have = have[1:]
		} else {
			all = append(all, source[offered[0].from:offered[0].to])
			some = append(some, source[offered[0].from:offered[0].to])
		}
		if order >= 0 {
			offered = offered[1:]
		}
	}
	return joinMembers(all), joinMembers(some), nil
}

// withoutSame returns a canonical object without the members that another has
// with the same value.
func withoutSame(target, given []byte) ([]byte, error) {
	if len(given) == 0 || len(target) == 0 {
		return target, nil
	}
	have, err := members(target)
	if err != nil {
		return nil, err
	}
	drop, err := members(given)
	if err != nil {
		return nil, err
	}
	var left [][]byte
	for _, m := range have {
		for len(drop) > 0 && bytes.Compare(drop[0].name(given), m.name(target)) < 0 {
			drop = drop[1:]
		}
		if len(drop) == 0 || !bytes.Equal(given[drop[0].from:drop[0].to], target[m.from:m.to]) {
			left = append(left, target[m.from:m.to])
		}
	}
	return joinMembers(left), nil
}

func objectMembers(b []byte) ([]span, error) {
	if len(b) == 0 {
		return nil, nil
	}
	return members(b)
}

func joinMembers(list [][]byte) []byte {
	if len(list) == 0 {
		return nil
	}
	return append(append([]byte{'{'}, bytes.Join(list, []byte{','})...), '}')
}
