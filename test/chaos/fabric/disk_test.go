//go:build linux

package fabric

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// What was synced survives a power cut, what was not is gone, and the host is in
// another boot; a full disk has room again when it is emptied.
func TestDisk(t *testing.T) {
	f := New()
	t.Cleanup(f.Close)
	dir := t.TempDir()
	h, err := f.Host("a")
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	at := filepath.Join(dir, "disk")
	d, err := h.Disk(filepath.Join(dir, "a.img"), at, 64<<20)
	if errors.Is(err, ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	boot := func() string {
		var id []byte
		if e := h.do(func() { id, err = os.ReadFile(bootID) }); e != nil || err != nil {
			t.Fatal(e, err)
		}
		return string(id)
	}
	kept, lost := h.Outside(filepath.Join(at, "kept")), h.Outside(filepath.Join(at, "lost"))
	g, err := os.Create(kept)
	if err != nil {
		t.Fatal(err)
	}
	_, werr := g.WriteString("synced")
	if err := errors.Join(werr, g.Sync()); err != nil {
		t.Fatal(err)
	}
	_, werr = g.WriteAt([]byte("in vain"), 0)
	if err := errors.Join(werr, g.Close(), os.WriteFile(lost, []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	before := boot()
	if err := d.Cut(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(kept); err != nil || string(b) != "synced" {
		t.Errorf("%q, %v", b, err)
	}
	if _, err := os.Stat(lost); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was not synced is there: %v", err)
	}
	if boot() == before {
		t.Error("it is the same boot")
	}
	if _, err := os.Stat(filepath.Join(at, "kept")); err == nil {
		t.Error("the disk is mounted outside of the host")
	}
	if err := d.Fill(1 << 20); err != nil {
		t.Fatal(err)
	}
	if free, err := d.Free(); err != nil || free > 1<<20 {
		t.Errorf("%d bytes are free: %v", free, err)
	}
	if err := d.Fill(0); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(lost, make([]byte, 1<<20), 0o600); err == nil {
		t.Error("a full disk took a megabyte")
	}
	if err := d.Empty(); err != nil {
		t.Fatal(err)
	}
	if free, err := d.Free(); err != nil || free < 20<<20 {
		t.Errorf("%d bytes are free after emptying: %v", free, err)
	}
}
