package main

import (
	"os"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/province/contract"
)

// minSecret is the least length of a secret, in bytes.
const minSecret = 16

// readKeys reads the secret of each box: a line "ID secret" each; empty lines
// and those that begin with # are comments.
func readKeys(path string) (map[string]contract.Scheme, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, texts.Errorf(texts.Platform.KeysRead, err)
	}
	keys := map[string]contract.Scheme{}
	for i, line := range strings.Split(string(content), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if err := addKey(keys, fields); err != nil {
			return nil, texts.Errorf(texts.Platform.KeysLine, path, i+1, err)
		}
	}
	if len(keys) == 0 {
		return nil, texts.Errorf(texts.Platform.KeysNone, path)
	}
	return keys, nil
}

func addKey(keys map[string]contract.Scheme, fields []string) error {
	box := fields[0]
	switch {
	case devices.CheckCode("box", box) != nil || len(fields) != 2:
		// Without what was read: it may be the secret.
		return texts.Errorf(texts.Platform.KeysBox)
	case len(fields[1]) < minSecret:
		return texts.Errorf(texts.Platform.KeysSecret, minSecret)
	case keys[box].Name != "":
		return texts.Errorf(texts.Platform.KeysTwice, box)
	}
	keys[box] = contract.HMAC([]byte(fields[1]))
	return nil
}
