package firmwareconfig

import (
	"bytes"
	"io"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/province"
)

// maxSecret is the longest secret read from a file, in bytes.
const maxSecret = 4096

// Secret reads a secret file: its content without the line end. The file must
// be closed to others than its owner and group. An error is in both languages
// and never holds what was read.
func Secret(path string) ([]byte, error) {
	secret, p := readSecret("", path)
	if p != nil {
		return nil, p.at(path, nil, place{})
	}
	return secret, nil
}

// secretFile is an option that names one.
type secretFile struct {
	field, path string
	least       int // bytes
}

func (c Config) secrets() []secretFile {
	return append([]secretFile{
		{"mqtt.secret_file", c.MQTT.SecretFile, 1}, {"province.secret_file", c.Province.SecretFile, province.MinSecret},
		{"city.secret_file", c.City.SecretFile, province.MinSecret},
	}, c.channelSecrets()...)
}

func (c Config) checkSecrets() *problem {
	for _, s := range c.secrets() {
		if s.path == "" {
			continue
		}
		if p := absolute(s.field, s.path, "/etc/linli/secret"); p != nil {
			return p
		}
		secret, p := readSecret(s.field, s.path)
		if p != nil {
			return p
		}
		if len(secret) < s.least {
			return wrong(s.field, texts.Errorf(texts.Config.SecretShort, s.least), texts.Errorf(texts.Config.SecretContentMend))
		}
	}
	return nil
}

// checkReaders finds what the gateway cannot read of what is named.
func (c Config) checkReaders() *problem {
	files := c.secrets()
	for name, p := range map[string]Province{"province": c.Province, "city": c.City} {
		files = append(files, secretFile{name + ".client_cert", p.ClientCert, 0}, secretFile{name + ".client_key", p.ClientKey, 0}, secretFile{name + ".ca", p.CA, 0})
	}
	for _, f := range files {
		if f.path != "" && !c.gatewayReads(f.path) {
			return wrong(f.field, texts.Errorf(texts.Config.Unreadable, texts.Errorf(texts.Config.NotByGateway)), texts.Errorf(texts.Config.SecretUnreadableMend, f.path))
		}
	}
	return nil
}

// gatewayReads tells whether the gateway can read a file that is there, too. It
// runs as whoever owns its data; root, who checks a configuration before the
// gateway is started with it, can read everything.
func (c Config) gatewayReads(path string) bool {
	folder, err := os.Stat(c.Data)
	if err != nil || os.Geteuid() != 0 {
		return true
	}
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	gateway, file := folder.Sys().(*syscall.Stat_t), info.Sys().(*syscall.Stat_t)
	switch mode := info.Mode().Perm(); {
	case gateway.Uid == 0 || mode&0o004 != 0:
		return true
	case file.Uid == gateway.Uid:
		return mode&0o400 != 0
	case mode&0o040 == 0 || file.Gid == gateway.Gid:
		return mode&0o040 != 0
	}
	who, err := user.LookupId(strconv.Itoa(int(gateway.Uid)))
	if err != nil {
		return false
	}
	groups, err := who.GroupIds()
	return err == nil && slices.Contains(groups, strconv.Itoa(int(file.Gid)))
}

func readSecret(field, path string) ([]byte, *problem) {
	t := texts.Config
	unreadable := func(err error) *problem {
		mend := texts.Errorf(t.SecretUnreadableMend, path)
		if field == "" { // named on a command line, not for the gateway
			mend = texts.Errorf(t.SecretHereMend)
		}
		return wrong(field, texts.Errorf(t.SecretUnreadable, Cause(err)), mend)
	}
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = texts.Errorf(t.IsFolder)
	}
	if err != nil {
		return nil, unreadable(err)
	}
	if mode := info.Mode().Perm(); mode&0o007 != 0 {
		return nil, wrong(field, texts.Errorf(t.SecretOpen, mode), texts.Errorf(t.SecretOpenMend, path))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, unreadable(err)
	}
	defer f.Close()
	secret, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return nil, unreadable(err)
	}
	if len(secret) > maxSecret {
		return nil, wrong(field, texts.Errorf(t.SecretLong, maxSecret), texts.Errorf(t.SecretContentMend))
	}
	secret = bytes.TrimRight(secret, "\r\n")
	if len(secret) == 0 {
		return nil, wrong(field, texts.Errorf(t.SecretEmpty), texts.Errorf(t.SecretContentMend))
	}
	return secret, nil
}
