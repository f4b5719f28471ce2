package deploy_test

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The packages are built as `make deb` builds them and looked at with Debian's
// own tools.
func TestPackages(t *testing.T) {
	dist := t.TempDir()
	run(t, "make", "--no-print-directory", "-C", "..", "deb", "DIST="+dist, "VERSION=9.8.7+3.gabcdef")
	for arch, want := range map[string]binary{
		"arm64": {elf.EM_AARCH64, elf.ELFCLASS64, 23_000_000},
		"armhf": {elf.EM_ARM, elf.ELFCLASS32, 23_000_000},
		"amd64": {elf.EM_X86_64, elf.ELFCLASS64, 25_000_000},
	} {
		t.Run(arch, func(t *testing.T) {
			deb := filepath.Join(dist, "linli-gateway_9.8.7+3.gabcdef_"+arch+".deb")
			checkControl(t, deb, arch)
			checkContents(t, deb)
			root := t.TempDir()
			run(t, "dpkg-deb", "--raw-extract", deb, root)
			checkBinary(t, filepath.Join(root, "usr/bin/linli-gateway"), want)
			checkNotices(t, filepath.Join(root, "usr/share/doc/linli-gateway/NOTICES"))
			if arch == "amd64" {
				if out := run(t, filepath.Join(root, "usr/bin/linli-gateway"), "version"); !strings.Contains(out, "9.8.7+3.gabcdef") {
					t.Errorf("version says %q", out)
				}
				run(t, filepath.Join(root, "usr/bin/linli-gateway"), "check", filepath.Join(root, "etc/linli/gateway.yaml"))
			}
		})
	}
}

func checkControl(t *testing.T, deb, arch string) {
	for field, want := range map[string]string{
		"Package": "linli-gateway", "Version": "9.8.7+3.gabcdef", "Architecture": arch, "Depends": "",
	} {
		if got := strings.TrimSpace(run(t, "dpkg-deb", "--field", deb, field)); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	if got := run(t, "dpkg-deb", "--info", deb, "conffiles"); got != "/etc/linli/gateway.yaml\n" {
		t.Errorf("conffiles: %q", got)
	}
	for _, script := range []string{"postinst", "prerm", "postrm"} {
		if shipped, err := os.ReadFile(filepath.Join("deb", script)); err != nil || run(t, "dpkg-deb", "--info", deb, script) != string(shipped) {
			t.Errorf("%s is not deb/%s (%v)", script, script, err)
		}
	}
}

// checkContents wants these files with these modes, all of root, and no
// others.
func checkContents(t *testing.T, deb string) {
	want := []string{
		"-rw-r--r-- ./etc/linli/gateway.yaml",
		"l--------- ./usr/bin/linli -> linli-gateway",
		"-rwxr-xr-x ./usr/bin/linli-gateway",
		"-rw-r--r-- ./usr/lib/systemd/system/linli-gateway.service",
		"-rw-r--r-- ./usr/lib/udev/rules.d/60-linli-gateway.rules",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/CHANGELOG.md",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/LICENSE",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/NOTICES",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/README.md",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/README.zh-CN.md",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/copyright",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/deploy/docs/calls.md",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/deploy/docs/channels.md",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/deploy/docs/gpio.md",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/deploy/docs/mqtt.md",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/deploy/docs/mqtt.zh-CN.md",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/deploy/docs/profiles.md",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/deploy/docs/profiles.zh-CN.md",
		"-rw-r--r-- ./usr/share/doc/linli-gateway/deploy/docs/topics.md",
	}
	var got []string
	for line := range strings.Lines(run(t, "dpkg-deb", "--contents", deb)) {
		f := strings.Fields(line)
		if f[1] != "root/root" {
			t.Errorf("not of root: %s", line)
		}
		if f[0][0] == 'd' {
			if f[0] != "drwxr-xr-x" {
				t.Errorf("folder mode: %s", line)
			}
			continue
		}
		got = append(got, f[0]+" "+strings.Join(f[5:], " "))
	}
	slices.SortFunc(got, func(a, b string) int { return strings.Compare(a[11:], b[11:]) })
	if !slices.Equal(got, want) {
		t.Errorf("contents:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// binary is what the program in a package must be; size is what a box is asked
// to store, in bytes.
type binary struct {
	machine elf.Machine
	class   elf.Class
	size    int64
}

func checkBinary(t *testing.T, path string, want binary) {
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s: %.2f MB", want.machine, float64(info.Size())/1e6)
	if info.Size() > want.size {
		t.Errorf("the binary has %d bytes, want at most %d", info.Size(), want.size)
	}
	f, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if f.Machine != want.machine || f.Class != want.class {
		t.Errorf("built for %s %s, want %s %s", f.Machine, f.Class, want.machine, want.class)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP || p.Type == elf.PT_DYNAMIC {
			t.Errorf("the binary is not static: it has a segment %s", p.Type)
		}
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil {
		t.Error("the binary is not stripped")
	}
}

func checkNotices(t *testing.T, path string) {
	notices, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range []string{"go.etcd.io/bbolt", "github.com/goccy/go-yaml", "The Go standard library"} {
		if !strings.Contains(string(notices), "==== "+module) {
			t.Errorf("no licence of %s", module)
		}
	}
}

// The maintainer scripts run with every path moved under a temporary root and
// every tool replaced by one that writes down how it was called.
func TestMaintainerScripts(t *testing.T) {
	for _, c := range []struct {
		name, script string
		args         []string
		prepare      func(t *testing.T, b box)
		calls        []string // in this order, others may stand between
		never        string   // a regular expression
		gone, kept   []string
	}{
		{
			name: "first installation", script: "postinst", args: []string{"configure", ""},
			calls: []string{"useradd --system", "groupadd --system gpio", "usermod --append --groups gpio", "udevadm trigger", "deb-systemd-helper enable", "systemctl --system daemon-reload", "deb-systemd-invoke start"},
			never: "restart",
		},
		{
			name: "upgrade", script: "postinst", args: []string{"configure", "0.0.9"},
			prepare: func(t *testing.T, b box) { b.tool(t, "getent", "exit 0") },
			calls:   []string{"deb-systemd-invoke restart"}, never: "useradd|invoke start",
		},
		{
			name: "disabled by the administrator", script: "postinst", args: []string{"configure", "0.0.9"},
			prepare: func(t *testing.T, b box) {
				b.tool(t, "deb-systemd-helper", `case "$*" in *was-enabled*) exit 1;; esac`)
			},
			calls: []string{"deb-systemd-helper update-state"}, never: "helper enable",
		},
		{
			name: "a start that fails", script: "postinst", args: []string{"configure", ""},
			prepare: func(t *testing.T, b box) { b.tool(t, "deb-systemd-invoke", "exit 1") },
			calls:   []string{"deb-systemd-invoke start"}, never: "restart",
		},
		{
			name: "without systemd", script: "postinst", args: []string{"configure", ""},
			prepare: func(t *testing.T, b box) { b.remove(t, "run") },
			calls:   []string{"useradd"}, never: "systemctl|invoke",
		},
		{name: "upgrade away", script: "prerm", args: []string{"upgrade", "1"}, never: "."},
		{name: "removal stops", script: "prerm", args: []string{"remove"}, calls: []string{"deb-systemd-invoke stop"}, never: "start|restart"},
		{
			name: "removal keeps everything", script: "postrm", args: []string{"remove"},
			calls: []string{"daemon-reload", "deb-systemd-helper mask"}, never: "purge",
			kept: []string{"data/journal", "etc/province.secret", "etc/rota.csv"},
		},
		{
			name: "purge", script: "postrm", args: []string{"purge"},
			calls: []string{"deb-systemd-helper purge"}, never: "userdel|deluser",
			gone: []string{"data", "etc/province.secret", "etc/dingtalk.key", "etc/ntfy.token", "etc/sim.pin"}, kept: []string{"etc/rota.csv"},
		},
		{
			name: "purge with nothing of the administrator's", script: "postrm", args: []string{"purge"},
			prepare: func(t *testing.T, b box) { b.remove(t, "etc/rota.csv") },
			calls:   []string{"deb-systemd-helper unmask"}, never: "userdel",
			gone: []string{"data", "etc"},
		},
		{
			name: "purge with data on a disk of its own", script: "postrm", args: []string{"purge"},
			prepare: func(t *testing.T, b box) { b.tool(t, "mountpoint", "exit 0") },
			calls:   []string{"mountpoint -q"}, never: "userdel",
			kept: []string{"data/journal"},
		},
		{
			name: "purge with data behind a link", script: "postrm", args: []string{"purge"},
			prepare: func(t *testing.T, b box) {
				b.remove(t, "data")
				b.file(t, "elsewhere/journal")
				if err := os.Symlink(filepath.Join(string(b), "elsewhere"), filepath.Join(string(b), "data")); err != nil {
					t.Fatal(err)
				}
			},
			calls: []string{"deb-systemd-helper purge"}, never: "userdel",
			kept: []string{"elsewhere/journal", "data"},
		},
		{name: "purge of what is not there", script: "postrm", args: []string{"purge"}, prepare: func(t *testing.T, b box) { b.remove(t, "data"); b.remove(t, "etc") }, never: "userdel"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBox(t)
			if c.prepare != nil {
				c.prepare(t, b)
			}
			calls := b.script(t, c.script, c.args...)
			rest := calls
			for _, call := range c.calls {
				_, after, found := strings.Cut(rest, call)
				if !found {
					t.Errorf("no %q in order in:\n%s", call, calls)
				}
				rest = after
			}
			if regexp.MustCompile(c.never).MatchString(calls) {
				t.Errorf("must not call %s:\n%s", c.never, calls)
			}
			for _, path := range c.gone {
				if _, err := os.Lstat(filepath.Join(string(b), path)); !os.IsNotExist(err) {
					t.Errorf("%s is still there (%v)", path, err)
				}
			}
			for _, path := range c.kept {
				if _, err := os.Lstat(filepath.Join(string(b), path)); err != nil {
					t.Errorf("lost: %v", err)
				}
			}
		})
	}
}

// box is the folder that stands for a machine's root.
type box string

func newBox(t *testing.T) box {
	b := box(t.TempDir())
	for _, path := range []string{"data/journal", "etc/province.secret", "etc/dingtalk.key", "etc/ntfy.token", "etc/sim.pin", "etc/rota.csv", "run/x", "calls"} {
		b.file(t, path)
	}
	for _, tool := range []string{"useradd", "groupadd", "usermod", "udevadm", "systemctl", "deb-systemd-helper", "deb-systemd-invoke"} {
		b.tool(t, tool, "exit 0")
	}
	b.tool(t, "getent", "exit 2")
	b.tool(t, "mountpoint", "exit 1")
	return b
}

func (b box) file(t *testing.T, path string) {
	path = filepath.Join(string(b), path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func (b box) remove(t *testing.T, path string) {
	if err := os.RemoveAll(filepath.Join(string(b), path)); err != nil {
		t.Fatal(err)
	}
}

// tool puts a program in the box that notes its call and then does body.
func (b box) tool(t *testing.T, name, body string) {
	b.file(t, "bin/"+name)
	path := filepath.Join(string(b), "bin", name)
	content := "#!/bin/sh\necho " + name + ` "$@" >>` + filepath.Join(string(b), "calls") + "\n" + body + "\n"
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o755); err != nil {
		t.Fatal(err)
	}
}

var absolutePath = regexp.MustCompile(`(?m)(?:^|[ "'=])(/[a-z][^\s"';]*)`)

// script runs a maintainer script in the box and returns what it called.
func (b box) script(t *testing.T, name string, args ...string) string {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("deb", name))
	if err != nil {
		t.Fatal(err)
	}
	moved := strings.NewReplacer(
		"/var/lib/linli", filepath.Join(string(b), "data"),
		"/etc/linli", filepath.Join(string(b), "etc"),
		"/run/systemd/system", filepath.Join(string(b), "run"),
	).Replace(string(src))
	for _, match := range absolutePath.FindAllStringSubmatch(moved, -1) {
		if p := match[1]; !strings.HasPrefix(p, string(b)) && p != "/usr/sbin/nologin" {
			t.Fatalf("%s names %s, which this test does not move into its box", name, p)
		}
	}
	path := filepath.Join(string(b), name)
	if err := os.WriteFile(path, []byte(moved), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", append([]string{path}, args...)...)
	cmd.Env = []string{"PATH=" + filepath.Join(string(b), "bin") + ":/usr/bin:/bin"}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	calls, err := os.ReadFile(filepath.Join(string(b), "calls"))
	if err != nil {
		t.Fatal(err)
	}
	return string(calls)
}
