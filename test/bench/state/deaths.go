package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// deaths kills the leader again and again under a client that writes at a
// follower, and prints the time to the next write that was both sent and
// acknowledged after the kill.
func deaths(w io.Writer, s settings, c *cluster) error {
	if err := c.wait(); err != nil {
		return err
	}
	var all []time.Duration
	for range s.kills {
		gap, err := death(s, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		all = append(all, gap)
	}
	slices.Sort(all)
	fmt.Fprintf(w, "%s: leader's death to the next accepted write, %d kills: half %s, 95 of 100 %s, longest %s\n", c.name, len(all),
		all[len(all)/2].Round(time.Millisecond), all[min(len(all)-1, len(all)*95/100)].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond))
	return nil
}

func death(s settings, c *cluster) (time.Duration, error) {
	dead, err := c.place(leader)
	if err != nil {
		return 0, err
	}
	var others []string
	for _, p := range c.processes {
		if p != dead {
			others = append(others, p.address)
		}
	}
	address := strings.Join(others, ",")
	if c.name == "meshd" {
		address = others[0]
	}
	cmd := exec.Command(filepath.Join(c.bin, "load"), append([]string{"-target", c.targets[0], "-address", address, "-op", "failover", "-keys", c.keys, "-measure", "12s"}, c.access...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	// A moment of quiet writing, of a length that no timer of the servers has.
	writes := bufio.NewScanner(out)
	quiet := time.Duration(700+rand.IntN(600)) * time.Millisecond
	var killed time.Time
	for begun := time.Now(); writes.Scan(); {
		var sent, answered int64
		if _, err := fmt.Sscan(writes.Text(), &sent, &answered); err != nil {
			return 0, err
		}
		switch {
		case killed.IsZero():
			if time.Since(begun) > quiet {
				dead.end(syscall.SIGKILL)
				killed = time.Now()
			}
		case sent > killed.UnixNano():
			if err := dead.run(); err != nil {
				return 0, err
			}
			return time.Duration(answered - killed.UnixNano()), c.settle(dead)
		}
	}
	return 0, fmt.Errorf("no write was accepted after the leader's death")
}

// settle waits until the restarted server has caught up and answers, so that
// the next death meets three.
func (c *cluster) settle(p *process) error {
	return waitFor(30*time.Second, func() error {
		if _, err := c.count(p); err != nil {
			return err
		}
		time.Sleep(2 * time.Second) // and is known to be alive by the others
		return nil
	})
}
