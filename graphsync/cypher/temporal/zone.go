package temporal

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:generate cp $GOROOT/lib/time/zoneinfo.zip zoneinfo.zip

// zoneinfo is the IANA time zone database, compiled, as Go brings it. It is in the
// public domain. The system's own database is never asked: it differs from one
// machine to the next.
//
//go:embed zoneinfo.zip
var zoneinfo []byte

// Zone is an offset from UTC, or a region with its rules. The zero Zone is UTC.
type Zone struct {
	offset int32
	region *time.Location
	name   string
}

// maxOffset is that of ISO 8601 in practice: 18 hours.
const maxOffset = 18 * 3600

// OffsetZone is a zone at a fixed offset in seconds.
func OffsetZone(seconds int32) Zone { return Zone{offset: seconds} }

// ParseZone takes Z, ±HH, ±HH:MM, ±HHMM, ±HH:MM:SS, ±HHMMSS, or the name of a
// region. Spaces in a name stand for underscores.
func ParseZone(s string) (Zone, error) {
	if s == "Z" || s == "z" {
		return Zone{}, nil
	}
	if s != "" && (s[0] == '+' || s[0] == '-') {
		p := scanner{text: s}
		offset, ok := p.offset()
		if !ok || !p.end() {
			return Zone{}, fmt.Errorf("%s is no time zone", quote(s))
		}
		return Zone{offset: offset}, nil
	}
	return regionZone(strings.ReplaceAll(s, " ", "_"))
}

// regions has a *time.Location for each name that was asked for and is one: at most
// as many as the database has.
var regions sync.Map

var zoneFiles = sync.OnceValue(func() map[string]*zip.File {
	files := map[string]*zip.File{}
	r, err := zip.NewReader(bytes.NewReader(zoneinfo), int64(len(zoneinfo)))
	if err != nil {
		return files
	}
	for _, f := range r.File {
		files[f.Name] = f
	}
	return files
})

func regionZone(name string) (Zone, error) {
	if l, ok := regions.Load(name); ok {
		return Zone{region: l.(*time.Location), name: name}, nil
	}
	f, ok := zoneFiles()[name]
	if !ok || strings.HasSuffix(name, "/") {
		return Zone{}, fmt.Errorf("%s is no time zone", quote(name))
	}
	file, err := f.Open()
	if err != nil {
		return Zone{}, fmt.Errorf("time zone %s: %w", quote(name), err)
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return Zone{}, fmt.Errorf("time zone %s: %w", quote(name), err)
	}
	l, err := time.LoadLocationFromTZData(name, data)
	if err != nil {
		return Zone{}, fmt.Errorf("time zone %s: %w", quote(name), err)
	}
	got, _ := regions.LoadOrStore(name, l)
	return Zone{region: got.(*time.Location), name: name}, nil
}

// String is the name of a region, or the offset as Z or ±HH:MM.
func (z Zone) String() string {
	if z.region != nil {
		return z.name
	}
	return string(appendOffset(nil, z.offset))
}

// at is the offset at an instant.
func (z Zone) at(seconds int64) int32 {
	if z.region == nil {
		return z.offset
	}
	_, offset := time.Unix(seconds, 0).In(z.region).Zone()
	return int32(offset)
}

// offsetsOf gives the offsets that a clock of z can have had when it showed local
// seconds: two when it was put back over them, the earlier instant's first. Where it
// was put forward over them it is none, and gap is the offset before that.
func (z Zone) offsetsOf(local int64) (offsets []int32, gap int32) {
	if z.region == nil {
		return []int32{z.offset}, 0
	}
	// No offset is a day, so that the instant is within one of local, and the offsets
	// at both ends are those before and after a change. Time.ZoneBounds does not do:
	// it ends at new year where a rule goes on.
	first, last := z.at(local-secondsPerDay), z.at(local+secondsPerDay)
	if first == last {
		return []int32{first}, 0
	}
	candidates := []int32{first, z.at(local - int64(z.at(local))), last}
	slices.Sort(candidates)
	candidates = slices.Compact(candidates)
	slices.Reverse(candidates) // the largest offset is the earliest instant
	for _, o := range candidates {
		if z.at(local-int64(o)) == o {
			offsets = append(offsets, o)
		}
	}
	return offsets, z.at(local - int64(candidates[0]))
}

// resolve finds the instant at which the clock of z shows l: the earlier one if the
// clock was put back over it, unless the offset was preferred; as much later as the
// clock was put forward if it never showed it.
func (z Zone) resolve(l LocalDateTime, preferred int32, prefer bool) (DateTime, error) {
	offsets, offset := z.offsetsOf(l.Seconds)
	if len(offsets) > 0 {
		offset = offsets[0]
	}
	if prefer {
		for _, o := range offsets {
			if o == preferred {
				offset = o
			}
		}
	}
	return z.instant(l.Seconds-int64(offset), l.Nanos)
}

// instant shows an instant in z.
func (z Zone) instant(seconds int64, nanos int32) (DateTime, error) {
	offset := z.at(seconds)
	if _, err := localOf(seconds+int64(offset), nanos); err != nil {
		return DateTime{}, err
	}
	return DateTime{Seconds: seconds, Nanos: nanos, Offset: offset, Zone: z.name}, nil
}

// zone is that of t. A region that is not in the database keeps its offset.
func (t DateTime) zone() Zone {
	if t.Zone != "" {
		if z, err := regionZone(t.Zone); err == nil {
			return z
		}
	}
	return Zone{offset: t.Offset, name: t.Zone}
}

// In shows the instant of t in another zone.
func (t DateTime) In(z Zone) (DateTime, error) { return z.instant(t.Seconds, t.Nanos) }
