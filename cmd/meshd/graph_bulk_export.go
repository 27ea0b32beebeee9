package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meshd/meshd/cmd/meshd/internal/caller"
	"github.com/meshd/meshd/cmd/meshd/internal/exit"
	"github.com/meshd/meshd/graphsync/formats"
)

func graphExport(a *app) *cobra.Command {
	var namespace, file, format string
	var force bool
	var when whenFlags
	cmd := inNamespace(a.asks(&cobra.Command{
		Use:   "export",
		Short: "Print a namespace as a file that import reads",
		Long: `export prints a namespace as JSON lines, or in another format: csv, nquads, jsonld,
graphml, and memory (the file of the MCP reference memory server, which has no
place for much of it). With --output the name of the file says the format.

The file is the graph at one revision, whatever is written meanwhile: the present,
or that of --as-of. Facts of all times are in it, unless --valid-at says of when. The
namespace's schema goes with the JSON lines of the present.`,
		Example: `  meshd graph export > people.jsonl
  meshd graph export --output people.graphml
  meshd graph export --format csv --output people.csv --force
  meshd graph export --as-of 2026-01-31 > people-then.jsonl`,
		Args: arguments,
		RunE: a.asking(func(cmd *cobra.Command, _ []string, c *caller.Client) error {
			f, err := exportFormat(format, file)
			if err != nil {
				return err
			}
			if err := mayCreate(file, force); err != nil {
				return err
			}
			q := url.Values{"session_id": {namespace}, "format": {string(f)}}
			if err := when.set(q); err != nil {
				return err
			}
			res, err := c.Open(cmd.Context(), caller.Request{
				Method: "GET", Path: "/graph/export", Query: q, Own: true, Accept: "*/*",
			})
			if err != nil {
				return err
			}
			defer res.Body.Close()
			p := a.printer()
			if file == "" {
				return copyAnswer(a.out, res.Body)
			}
			bar := p.NewProgress("exporting", res.ContentLength)
			defer bar.Done()
			return toFile(file, force, io.TeeReader(res.Body, bar))
		}),
	}), &namespace)
	cmd.Flags().StringVarP(&file, "output", "o", "", "write to this file, all or nothing")
	cmd.Flags().StringVar(&format, "format", "auto", "format of the file: auto, "+strings.Join(formats.Names(true), ", "))
	cmd.Flags().BoolVar(&force, "force", false, "replace the file if it is there")
	when.flags(cmd).Flags().Lookup("valid-at").Usage = "only facts that are true at this time (default all)"
	return cmd
}

// exportFormat is the format that a flag or the name of the file says.
func exportFormat(format, file string) (formats.Format, error) {
	f, err := formats.Parse(format)
	if err != nil {
		return "", exit.New(exit.Usage, err.Error(), "")
	}
	if f != formats.Auto && !slices.Contains(formats.Names(true), string(f)) {
		return "", exit.New(exit.Usage, "exports cannot be written as "+format, "choose one of "+strings.Join(formats.Names(true), ", "))
	}
	if f == formats.Auto {
		f = formats.JSONL
		if named, ok := formats.OfName(file); ok {
			f = named
		}
		if strings.HasSuffix(strings.ToLower(file), ".gz") {
			return "", exit.New(exit.Usage, "the export is not compressed, and "+file+" says it is", "name another file, or pipe the export into gzip")
		}
	}
	return f, nil
}

// mayCreate refuses to replace what is there already unless told to.
func mayCreate(file string, force bool) error {
	if file == "" || force {
		return nil
	}
	if _, err := os.Lstat(file); err == nil {
		return exit.New(exit.Refused, file+" is there already", "name another file, or replace it with --force")
	}
	return nil
}

func copyAnswer(to io.Writer, from io.Reader) error {
	end := &tail{Writer: to}
	if _, err := io.Copy(end, from); err != nil {
		why := err.Error()
		if told := end.refusal(); told != "" {
			why = told
		}
		return exit.New(exit.Failed, "the export is incomplete: "+why, "repeat it")
	}
	return nil
}

// tail keeps the end of what is written, where a node says why it breaks off.
type tail struct {
	io.Writer
	last []byte
}

const maxTail = 4 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.last = append(t.last, p[max(0, len(p)-maxTail):]...)
	t.last = t.last[max(0, len(t.last)-maxTail):]
	return t.Writer.Write(p)
}

// refusal is the sentence of the last line, if it is a refusal.
func (t *tail) refusal() string {
	text := bytes.TrimSpace(t.last)
	var line struct {
		Error struct {
			Sentence string `json:"error"`
		} `json:"error"`
	}
	if json.Unmarshal(text[bytes.LastIndexByte(text, '\n')+1:], &line) != nil {
		return ""
	}
	return line.Error.Sentence
}

// toFile writes beside path and renames, so that path is never half of it.
func toFile(path string, force bool, from io.Reader) error {
	tmp := path + ".part"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return exit.New(exit.Usage, path+" cannot be written: "+plainReason(err), "name a file where this user may write")
	}
	err = copyAnswer(f, from)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = place(tmp, path, force)
	}
	if err != nil {
		_ = os.Remove(tmp)
	}
	return err
}

// place gives a whole file its name. Without force what came to be there
// meanwhile stays.
func place(tmp, path string, force bool) error {
	if force {
		return os.Rename(tmp, path)
	}
	switch err := os.Link(tmp, path); {
	case os.IsExist(err):
		return mayCreate(path, false)
	case err != nil: // a file system without links
		if err := mayCreate(path, false); err != nil {
			return err
		}
		return os.Rename(tmp, path)
	}
	return os.Remove(tmp)
}
