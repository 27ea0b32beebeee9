package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/meshd/meshd/test/bench/internal/mesh"
	"github.com/meshd/meshd/test/bench/internal/proc"
)

// quietLAN is the setting that the documentation names for machines on one
// quiet network.
const quietLAN = "300ms"

// deaths kills the leader again and again under a client that writes at a
// follower, and prints the time to the next write that was both sent and
// acknowledged after the kill. meshd has two settings, which take turns.
func deaths(w io.Writer, s settings, c *cluster) error {
	if err := c.wait(); err != nil {
		return err
	}
	if c.name != "meshd" {
		all, err := c.die(s, s.kills)
		if err == nil {
			printDeaths(w, c.name, all)
		}
		return err
	}
	names := []string{"default settings", "leader_timeout " + quietLAN}
	plain := make([]func() *exec.Cmd, len(c.processes))
	for i, p := range c.processes {
		plain[i] = p.Start
	}
	results := make([][]time.Duration, 2)
	for done, turn := 0, 5; done < s.kills; done += turn {
		for setting := range names {
			c.stop()
			for i, p := range c.processes {
				p.Start = func() *exec.Cmd {
					cmd := plain[i]()
					if setting == 1 {
						cmd.Env = append(os.Environ(), "MESHD_LEADER_TIMEOUT="+quietLAN)
					}
					return cmd
				}
			}
			if err := c.restart(); err != nil {
				return err
			}
			for _, p := range c.processes {
				if err := c.settle(p); err != nil {
					return err
				}
			}
			gaps, err := c.die(s, min(turn, s.kills-done))
			if err != nil {
				return err
			}
			results[setting] = append(results[setting], gaps...)
		}
	}
	for setting, name := range names {
		printDeaths(w, c.name+", "+name, results[setting])
	}
	return nil
}

// die kills the leader n times, each time of three that are well.
func (c *cluster) die(s settings, n int) (all []time.Duration, err error) {
	for range n {
		if err := c.wait(); err != nil { // on a busy machine it may have changed by itself
			return nil, err
		}
		gap, err := death(s, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
		log.Printf("  %s: %s from the leader's death to the next accepted write", c.name, gap.Round(time.Millisecond))
		all = append(all, gap)
	}
	return all, nil
}

func printDeaths(w io.Writer, name string, all []time.Duration) {
	slices.Sort(all)
	fmt.Fprintf(w, "%s: leader's death to the next accepted write, %d kills: half %s, 95 of 100 %s, longest %s\n", name, len(all),
		all[len(all)/2].Round(time.Millisecond), all[min(len(all)-1, len(all)*95/100)].Round(time.Millisecond), all[len(all)-1].Round(time.Millisecond))
}

func death(s settings, c *cluster) (time.Duration, error) {
	dead, err := c.place(leader)
	if err != nil {
		return 0, err
	}
	var others []string
	for _, p := range c.processes {
		if p != dead {
			others = append(others, p.Address)
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
				dead.End(syscall.SIGKILL)
				killed = time.Now()
			}
		case sent > killed.UnixNano():
			if err := dead.Run(); err != nil {
				return 0, err
			}
			return time.Duration(answered - killed.UnixNano()), c.settle(dead)
		}
	}
	return 0, fmt.Errorf("no write was accepted after the leader's death")
}

// settle waits until the restarted server has caught up and answers, so that
// the next death meets three.
func (c *cluster) settle(p *proc.Process) error {
	return mesh.WaitFor(30*time.Second, func() error {
		if _, err := c.count(p); err != nil {
			return err
		}
		time.Sleep(2 * time.Second) // and is known to be alive by the others
		return nil
	})
}
