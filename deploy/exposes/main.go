package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
)

//go:embed definitions.js
var script []byte

// definition is what Zigbee2MQTT says of one model.
type definition struct {
	Model       string   `json:"model"`
	Vendor      string   `json:"vendor"`
	Description string   `json:"description"`
	Exposes     []expose `json:"exposes"`
}

func main() {
	verbose := flag.Bool("v", false, "print each miss")
	pinned := flag.String("version", "latest", "`version` of zigbee-herdsman-converters")
	least := flag.Float64("least", 95, "fail below that share, in percent")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Stdout, *pinned, *least, *verbose)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "exposes:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, w io.Writer, pinned string, least float64, verbose bool) error {
	all, version, err := fetch(ctx, pinned)
	if err != nil {
		return err
	}
	table, err := readTable()
	if err != nil {
		return err
	}
	r, err := measure(ctx, all, table)
	if err != nil {
		return err
	}
	share := 100 * float64(r.right) / float64(max(1, r.relevant))
	fmt.Fprintf(w, "zigbee-herdsman-converters %s: %d definitions, %d of them relevant\n", version, len(all), r.relevant)
	fmt.Fprintf(w, "right: %d (%.1f %%), of %d values\n", r.right, share, r.values)
	fmt.Fprintf(w, "others: %d definitions, %d values, %d call for help and should not\n", len(all)-r.relevant, r.others, len(r.false))
	if misses := append(r.misses, r.false...); verbose || share < least {
		for _, m := range misses {
			fmt.Fprintln(w, "miss:", m)
		}
	}
	if share < least || len(r.false) > 0 {
		return fmt.Errorf("%.1f %% are right, the aim is %.0f %%; %d false calls", share, least, len(r.false))
	}
	return nil
}

// fetch installs the package in a folder of its own and returns what its
// definitions say.
func fetch(ctx context.Context, pinned string) (all []definition, version string, err error) {
	dir, err := os.MkdirTemp("", "linli-exposes-")
	if err != nil {
		return nil, "", err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	install := exec.CommandContext(ctx, "npm", "install", "--prefix", dir, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel", "error",
		"zigbee-herdsman-converters@"+pinned)
	if out, err := install.CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("npm: %w: install Node.js with npm, and be online\n%s", err, out)
	}
	manifest, err := os.ReadFile(filepath.Join(dir, "node_modules", "zigbee-herdsman-converters", "package.json"))
	if err != nil {
		return nil, "", err
	}
	var of struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(manifest, &of); err != nil {
		return nil, "", fmt.Errorf("package.json: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "definitions.js"), script, 0o600); err != nil {
		return nil, "", err
	}
	list := exec.CommandContext(ctx, "node", "definitions.js")
	list.Dir = dir
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, "", fmt.Errorf("node: %w", err)
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var d definition
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return nil, "", fmt.Errorf("a definition: %w", err)
		}
		all = append(all, d)
	}
	return all, cmp.Or(of.Version, pinned), lines.Err()
}
