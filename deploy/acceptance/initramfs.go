package main

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// archive writes the root of the virtual box in the format that the kernel
// unpacks, cpio "newc".
type archive struct {
	w     *bufio.Writer
	inode int
	at    int
	made  map[string]bool // folders
}

func newArchive(w io.Writer) *archive {
	return &archive{w: bufio.NewWriterSize(w, 1<<20), made: map[string]bool{".": true}}
}

// file adds a file, and the folders that lead to it.
func (a *archive) file(name string, mode fs.FileMode, data []byte) error {
	if err := a.folder(filepath.Dir(name)); err != nil {
		return err
	}
	return a.entry(name, 0o100000|uint32(mode.Perm()), data)
}

func (a *archive) folder(name string) error {
	if a.made[name] {
		return nil
	}
	if err := a.folder(filepath.Dir(name)); err != nil {
		return err
	}
	a.made[name] = true
	return a.entry(name, 0o040755, nil)
}

func (a *archive) entry(name string, mode uint32, data []byte) error {
	a.inode++
	// inode, mode, owner, group, links, time, size, device and its type (two each), length of the name, no checksum
	head := fmt.Sprintf("070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x",
		a.inode, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name)+1, 0)
	return errors.Join(a.padded([]byte(head+name+"\x00")), a.padded(data))
}

// padded writes b and fills up to a multiple of four bytes.
func (a *archive) padded(b []byte) error {
	n := len(b) + (4-(a.at+len(b))%4)%4
	_, err := a.w.Write(append(slices.Clip(b), make([]byte, n-len(b))...))
	a.at += n
	return err
}

func (a *archive) close() error {
	return errors.Join(a.entry("TRAILER!!!", 0, nil), a.w.Flush())
}

// modules are those of an unpacked kernel that a box needs, by name.
type modules struct {
	files   map[string]string // path of each that is a file
	builtin string            // names of those that are in the kernel
	order   []string          // what each needs comes before it
	content map[string][]byte
}

func findModules(root string) (*modules, error) {
	m := &modules{files: map[string]string{}, content: map[string][]byte{}}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		name, _, found := strings.Cut(d.Name(), ".ko")
		switch {
		case err != nil:
			return err
		case d.Name() == "modules.builtin":
			b, err := os.ReadFile(path)
			m.builtin = strings.ReplaceAll(string(b), "-", "_")
			return err
		case found && !d.IsDir():
			m.files[moduleName(name)] = path
		}
		return nil
	})
	return m, err
}

// moduleName is the name of a module, for whom - and _ are one.
func moduleName(s string) string { return strings.ReplaceAll(s, "-", "_") }

// need puts a module in the order, after those that it depends on.
func (m *modules) need(name string) error {
	name = moduleName(name)
	if m.content[name] != nil || strings.Contains(m.builtin, "/"+name+".ko") {
		return nil
	}
	if m.files[name] == "" {
		return fmt.Errorf("the kernel has no module %s", name)
	}
	content, err := readModule(m.files[name])
	if err != nil {
		return err
	}
	depends, err := dependencies(content)
	if err != nil {
		return fmt.Errorf("%s: %w", m.files[name], err)
	}
	m.content[name] = content
	for _, other := range depends {
		if err := m.need(other); err != nil {
			return err
		}
	}
	m.order = append(m.order, name)
	return nil
}

func readModule(path string) ([]byte, error) {
	if strings.HasSuffix(path, ".xz") {
		return exec.Command("xz", "-dc", path).Output()
	}
	return os.ReadFile(path)
}

// dependencies is what a module says of itself.
func dependencies(module []byte) ([]string, error) {
	file, err := elf.NewFile(bytes.NewReader(module))
	if err != nil {
		return nil, err
	}
	section := file.Section(".modinfo")
	if section == nil {
		return nil, errors.New("not a module")
	}
	info, err := section.Data()
	if err != nil {
		return nil, err
	}
	for field := range strings.SplitSeq(string(info), "\x00") {
		if list, ok := strings.CutPrefix(field, "depends="); ok && list != "" {
			return strings.Split(list, ","), nil
		}
	}
	return nil, nil
}
