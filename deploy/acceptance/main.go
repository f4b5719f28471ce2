package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 20, "how many times the plug is pulled")
	seed := flag.Uint64("seed", 0, "of the dice: where it is aimed, what is lost; 0 takes a new one")
	pins := flag.Bool("pins", false, "drive what is wired to a box instead; rounds is how often the gateway is restarted")
	load := flag.Bool("load", false, "measure the gateway's memory with 500 devices instead; rounds is for how many seconds they speak")
	rate := flag.Int("rate", 1, "how many messages a second each of them sends; the box acknowledges up to two")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	do := run
	switch {
	case *pins:
		do = runPins
	case *load:
		do = func(ctx context.Context, seconds int, seed uint64) error { return runLoad(ctx, seconds, *rate, seed) }
	}
	if err := do(ctx, *rounds, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "acceptance:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, rounds int, seed uint64) (err error) {
	if rounds < 1 {
		return fmt.Errorf("rounds: must be at least 1 (got %d)", rounds)
	}
	if seed == 0 {
		seed = rand.Uint64()
	}
	begun := time.Now()
	fmt.Printf("power cuts: %d rounds, seed %d\n", rounds, seed)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the devices

	folder, err := os.MkdirTemp("", "linli-acceptance-")
	if err != nil {
		return err
	}
	o, err := newOutside(folder, boxNames(rounds))
	if err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}
	defer func() { err = errors.Join(err, o.close()) }()
	c := &campaign{outside: o, folder: folder, random: rand.New(rand.NewPCG(seed, 1))}
	if c.kit, err = newKit(ctx, folder, o, false); err != nil {
		return errors.Join(err, os.RemoveAll(folder))
	}

	passed, failed := 0, 0
	for _, fs := range fileSystems {
		lost, err := c.control(ctx, fs)
		if err != nil {
			return fmt.Errorf("control with %s: %w (see %s)", fs, err, folder)
		}
		if lost > 0 {
			passed++
		} else {
			failed++
			fmt.Println("        FOUND: a disk that lies was not found out")
		}
	}
	if err := c.proof(ctx, rounds); err != nil {
		return fmt.Errorf("%w (see %s)", err, folder)
	}
	passed, failed = passed+c.cuts-c.broken, failed+c.broken
	if c.lostWrites == 0 {
		failed++
		fmt.Println("        FOUND: no cut has cost a write")
	}
	fmt.Printf("power cuts: %d cuts, %d events acknowledged, %d writes lost or torn, %s\nacceptance: %d passed, %d failed\n",
		c.cuts, c.acked, c.lostWrites, time.Since(begun).Round(time.Second), passed, failed)
	if failed > 0 {
		return fmt.Errorf("%d failed with seed %d; disks and consoles are in %s", failed, seed, folder)
	}
	return os.RemoveAll(folder)
}
