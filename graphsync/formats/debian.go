package formats

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"
)

// DebianReader reads Packages files, the index of a Debian archive
// (deb-control(5) has their form), as a graph:
//
//	nodes  package     key "p:NAME"; only mentioned ones are "virtual" and have no properties
//	       source      key "s:NAME"
//	       maintainer  key "m:ADDRESS"
//	       section     key "c:NAME"
//	       tag         key "t:NAME"
//	edges  DEPENDS PRE_DEPENDS RECOMMENDS SUGGESTS ENHANCES BREAKS CONFLICTS REPLACES PROVIDES,
//	       package → package, with "version" and "group", which alternatives share
//	       BUILT_FROM, MAINTAINED_BY, IN_SECTION, TAGGED
//
// Where a package comes in several versions, the last one stands. Files that
// apt keeps compressed with lz4 are unpacked by
// "/usr/lib/apt/apt-helper cat-file FILE".
type DebianReader struct {
	queue
	*Lines
	fields map[string]string
	last   string // field that a line may continue
	began  int
	size   int
	seen   seen
}

// NewDebian returns a reader of Packages files, one after the other.
func NewDebian(r io.Reader) *DebianReader {
	return &DebianReader{Lines: NewLines(r), fields: map[string]string{}}
}

// Next implements Reader.
func (d *DebianReader) Next() ([]byte, error) { return d.next(d.more) }

// Line implements Reader.
func (d *DebianReader) Line() int { return d.queue.Line() }

func (d *DebianReader) more() error {
	line, err := d.text()
	switch {
	case isLineError(err):
		d.refuse(d.Lines.Line(), err)
		return nil
	case errors.Is(err, io.EOF):
		d.paragraph()
		return err
	case err != nil:
		return err
	}
	text := string(line)
	if d.size += len(text); d.size > MaxLine {
		d.refuse(d.began, refused("a paragraph is longer than %d bytes", MaxLine))
		d.fields, d.size = map[string]string{}, 0
		return nil
	}
	if text[0] == ' ' || text[0] == '\t' {
		if d.last != "" {
			d.fields[d.last] += "\n" + strings.TrimSpace(text)
		}
		return nil
	}
	name, value, ok := strings.Cut(text, ":")
	if !ok {
		d.refuse(d.Lines.Line(), refused("the line is neither a field nor the continuation of one"))
		return nil
	}
	if name == "Package" { // blank lines are not seen here; this field comes first
		d.paragraph()
		d.began = d.Lines.Line()
	}
	d.last = name
	d.fields[name] = strings.TrimSpace(value)
	return nil
}

var debianProperties = []struct{ field, name string }{
	{"Version", "version"}, {"Architecture", "architecture"}, {"Priority", "priority"}, {"Essential", "essential"},
	{"Homepage", "homepage"}, {"Description", "description"}, {"Multi-Arch", "multi_arch"}, {"Filename", "filename"}, {"SHA256", "sha256"},
}

var debianRelations = []struct{ field, typ string }{
	{"Depends", "DEPENDS"}, {"Pre-Depends", "PRE_DEPENDS"}, {"Recommends", "RECOMMENDS"}, {"Suggests", "SUGGESTS"}, {"Enhances", "ENHANCES"},
	{"Breaks", "BREAKS"}, {"Conflicts", "CONFLICTS"}, {"Replaces", "REPLACES"}, {"Provides", "PROVIDES"},
}

func (d *DebianReader) paragraph() {
	f := d.fields
	d.fields, d.size, d.last = make(map[string]string, len(f)), 0, ""
	name := f["Package"]
	if name == "" {
		return
	}
	n := Node{Key: "p:" + name, Type: "package", Label: name}
	r := row{}
	for _, p := range debianProperties {
		if v := f[p.field]; v != "" {
			r.member(p.name, appendQuoted(nil, v))
		}
	}
	for _, p := range []struct{ field, name string }{{"Installed-Size", "installed_size"}, {"Size", "size"}} {
		if v, err := number(f[p.field]); err == nil {
			r.member(p.name, v)
		}
	}
	if len(r.properties) > 0 {
		n.Properties = append(append([]byte{'{'}, r.properties...), '}')
	}
	d.seen.add(n.Key)
	d.put(d.began, Record{Node: &n})
	source, _, _ := strings.Cut(f["Source"], " ")
	if source == "" {
		source = name
	}
	d.to(n.Key, "BUILT_FROM", "source", "s:"+source, source)
	if who := f["Maintainer"]; who != "" {
		key := who
		if _, address, ok := strings.Cut(who, "<"); ok {
			key = strings.TrimSuffix(strings.TrimSpace(address), ">")
		}
		d.to(n.Key, "MAINTAINED_BY", "maintainer", "m:"+key, who)
	}
	if section := f["Section"]; section != "" {
		d.to(n.Key, "IN_SECTION", "section", "c:"+section, section)
	}
	for _, tag := range tagsOf(f["Tag"]) {
		d.to(n.Key, "TAGGED", "tag", "t:"+tag, tag)
	}
	for _, rel := range debianRelations {
		d.relations(n.Key, rel.typ, f[rel.field])
	}
}

// to joins the package to something that is there once it is named.
func (d *DebianReader) to(from, typ, kind, key, label string) {
	d.thing(kind, key, label)
	d.put(d.began, Record{Edge: &Edge{Source: from, Target: key, Type: typ}})
}

func (d *DebianReader) thing(kind, key, label string) {
	if d.seen.add(key) {
		d.put(d.began, Record{Node: &Node{Key: key, Type: kind, Label: cut(label, maxLabel), IfExists: Keep}})
	}
}

// relations reads "a (>= 1) | b, c:any [amd64]".
func (d *DebianReader) relations(from, typ, text string) {
	counts := map[string]uint32{}
	for i, group := range strings.Split(text, ",") {
		alternatives := strings.Split(group, "|")
		for _, one := range alternatives {
			name, version := relationOf(one)
			if name == "" {
				continue
			}
			d.thing("virtual", "p:"+name, name)
			e := Edge{Source: from, Target: "p:" + name, Type: typ, Parallel: counts[name]}
			counts[name]++
			r := row{}
			if version != "" {
				r.member("version", appendQuoted(nil, version))
			}
			if len(alternatives) > 1 {
				r.member("group", strconv.AppendInt(nil, int64(i+1), 10))
			}
			if len(r.properties) > 0 {
				e.Properties = append(append([]byte{'{'}, r.properties...), '}')
			}
			d.put(d.began, Record{Edge: &e})
		}
	}
}

func relationOf(text string) (name, version string) {
	text = strings.TrimSpace(text)
	end := strings.IndexFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == '(' || r == '[' || r == ':' })
	if end < 0 {
		end = len(text)
	}
	if _, rest, ok := strings.Cut(text, "("); ok {
		version, _, _ = strings.Cut(rest, ")")
	}
	return text[:end], strings.TrimSpace(version)
}

// tagsOf reads "role::program, works-with::{text, image}".
func tagsOf(text string) (out []string) {
	for text != "" {
		prefix := ""
		if at := strings.IndexAny(text, "{,"); at >= 0 && text[at] == '{' {
			prefix = strings.TrimSpace(text[:at])
			var inner string
			inner, text, _ = strings.Cut(text[at+1:], "}")
			for one := range strings.SplitSeq(inner, ",") {
				out = append(out, prefix+strings.TrimSpace(one))
			}
			_, text, _ = strings.Cut(text, ",")
			continue
		}
		var one string
		one, text, _ = strings.Cut(text, ",")
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, one)
		}
	}
	return out
}
