package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// What the virtual box starts with.
var (
	//go:embed fetch
	fetchScript string
	//go:embed init
	initScript string
	//go:embed gateway.yaml
	gatewayConfig string
	//go:embed fetch-pins
	fetchPinsScript string
	//go:embed pins.yaml
	pinsConfig string
)

// kernelModules are loaded when the box starts, in this order.
var kernelModules = []string{
	"virtio_pci", "virtio_blk", "virtio_net", "virtio_rng",
	"crc32c_generic", "crc32_generic", // which the file systems ask for by what they do
	"ext4", "f2fs",
}

// pinModules are the kernel's simulated GPIO chip.
var pinModules = []string{"configfs", "irq_sim", "gpio_sim"}

// programs of the virtual box, by package.
var programs = map[string]string{
	"gateway": "github.com/linli-edge/gateway/cmd/gateway",
	"forward": "github.com/linli-edge/gateway/deploy/acceptance/forward",
	"bbolt":   "go.etcd.io/bbolt/cmd/bbolt",
	"lines":   "github.com/linli-edge/gateway/deploy/acceptance/lines",
}

// kit is what every box is started from.
type kit struct{ kernel, initramfs string }

// newKit fetches, builds and packs. folder is this run's own; what was fetched
// is kept in the user's cache. Boxes with pins have a simulated GPIO chip.
func newKit(ctx context.Context, folder string, o *outside, pins bool) (*kit, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	debian := filepath.Join(cache, "linli-acceptance")
	if err := timed("Debian's kernel", func() error {
		return command(ctx, nil, "bash", "-c", fetchScript, "fetch", debian)
	}); err != nil {
		return nil, err
	}
	if pins {
		if err := timed("a GPIO chip", func() error {
			return command(ctx, nil, "bash", "-c", fetchPinsScript, "fetch-pins", debian)
		}); err != nil {
			return nil, err
		}
	}
	root := filepath.Join(debian, "root")
	kernels, err := filepath.Glob(filepath.Join(root, "boot", "vmlinuz-*"))
	if err != nil || len(kernels) != 1 {
		return nil, errors.Join(fmt.Errorf("%d kernels in %s, want one", len(kernels), root), err)
	}
	for name, pkg := range programs {
		if err := timed(name+" for arm64", func() error {
			return command(ctx, []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64"},
				"go", "build", "-trimpath", "-tags", "nethttpomithttp2", "-ldflags", "-s -w", "-o", filepath.Join(folder, name), pkg)
		}); err != nil {
			return nil, err
		}
	}
	k := &kit{kernel: kernels[0], initramfs: filepath.Join(folder, "initramfs")}
	chip := ""
	if pins {
		chip = filepath.Join(debian, "pins", strings.TrimPrefix(filepath.Base(k.kernel), "vmlinuz-"))
	}
	if err := k.pack(folder, root, chip, o); err != nil {
		return nil, fmt.Errorf("pack the initramfs: %w", err)
	}
	return k, nil
}

// pack makes the root of the boxes: nothing in it is written to. chip is the
// folder of the modules that make a GPIO chip, "" for boxes without.
func (k *kit) pack(folder, root, chip string, o *outside) (err error) {
	out, err := os.Create(k.initramfs)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	a := newArchive(out)
	for _, mountPoint := range []string{"proc", "sys", "dev", "tmp", "run", "data"} {
		if err := a.folder(mountPoint); err != nil {
			return err
		}
	}

	type file struct {
		name, from string
		content    []byte
	}
	files := []file{
		{name: "init", content: []byte(strings.ReplaceAll(initScript, "PLATFORM", o.platform.port))},
		{name: "bin/busybox", from: filepath.Join(root, "bin", "busybox")},
		{name: "etc/gateway.yaml", content: []byte(gatewayConfig)},
		{name: "etc/pins.yaml", content: []byte(pinsConfig)},
		{name: "etc/province.secret", content: []byte(o.platform.secret)},
	}
	if err := filepath.WalkDir(o.seed, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, file{name: "seed" + strings.TrimPrefix(path, o.seed), from: path})
		}
		return err
	}); err != nil {
		return err
	}
	for name := range programs {
		files = append(files, file{name: "bin/" + name, from: filepath.Join(folder, name)})
	}
	found, err := findModules(filepath.Join(root, "lib", "modules"))
	if errors.Is(err, os.ErrNotExist) {
		found, err = findModules(filepath.Join(root, "usr", "lib", "modules"))
	}
	if err != nil {
		return err
	}
	needed := kernelModules
	if chip != "" {
		found.files["irq_sim"], found.files["gpio_sim"] = filepath.Join(chip, "irq_sim.ko"), filepath.Join(chip, "gpio-sim.ko")
		needed = slices.Concat(kernelModules, pinModules)
	}
	for _, name := range needed {
		if err := found.need(name); err != nil {
			return err
		}
	}
	for i, name := range found.order {
		files = append(files, file{name: fmt.Sprintf("modules/%02d-%s.ko", i, name), content: found.content[name]})
	}
	for _, f := range files {
		if f.from != "" {
			if f.content, err = os.ReadFile(f.from); err != nil {
				return err
			}
		}
		if err := a.file(f.name, 0o700, f.content); err != nil {
			return err
		}
	}
	return a.close()
}

// command runs a program, and says what it printed if it fails.
func command(ctx context.Context, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// timed shows what is done and how long it took.
func timed(what string, do func() error) error {
	begun := time.Now()
	err := do()
	fmt.Printf("%-24s %s\n", what, time.Since(begun).Round(100*time.Millisecond))
	return err
}
