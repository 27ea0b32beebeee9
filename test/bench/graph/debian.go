package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/meshd/meshd/graphsync/formats"
)

const lists = "/var/lib/apt/lists"

// debian is the packages that apt knows on this machine: what they depend on,
// come from, and are about.
func debian(ctx context.Context, dir string, part bool) (*dataset, error) {
	files, err := filepath.Glob(filepath.Join(lists, "*_Packages*"))
	if err != nil || len(files) == 0 {
		return nil, errors.New("there are no lists of packages in " + lists + "; apt-get update fetches them")
	}
	slices.Sort(files)
	// apt's own helper knows every compression that the lists may have.
	cat := exec.CommandContext(ctx, "/usr/lib/apt/apt-helper", append([]string{"cat-file"}, files...)...)
	cat.Stderr = os.Stderr
	out, err := cat.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cat.Start(); err != nil {
		return nil, err
	}
	defer func() { _ = out.Close(); _ = cat.Wait() }() // it need not say all
	var text io.Reader = out
	if part {
		text = io.LimitReader(out, partBytes)
	}
	r, err := formats.NewReader(text, formats.Debian)
	if err != nil {
		return nil, err
	}
	d := &dataset{name: "debian"}
	var packages, labels []string
	if err := d.keep(dir, r, part, func(r *formats.Record) {
		if r.Node != nil && r.Node.Type == "package" {
			packages, labels = append(packages, r.Node.Key), append(labels, r.Node.Label)
		}
	}); err != nil {
		return nil, err
	}
	random := fixed(12)
	d.keys = choose(random, packages, samples)
	d.one = walk{"1 hop out", d.keys, "", "1"}
	d.three = walk{"3 hops of dependencies", choose(random, packages, samples), "DEPENDS", "3"}
	d.all = walk{"all dependencies", choose(random, packages, samples), "DEPENDS", "10"}
	for range 30 {
		ends := choose(random, packages, 2)
		d.pairs = append(d.pairs, [2]string{ends[0], ends[1]})
	}
	names := choose(random, labels, samples)
	d.searches = []search{
		{"search, words of descriptions", "words", []string{"web server", "command line tool", "image viewer", "python module", "text editor", "database client", "development files", "sound daemon", "network monitor", "free game"}},
		{"search, beginning of a word", "words", endings(starts(names, 4), "*")},
		{"search, part of any text", "substring", middles(names)},
	}
	return d, nil
}
