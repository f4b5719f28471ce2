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

// enrols is the word before a one-time code.
const enrols = "enrol"

// readKeys reads how each box is known: a line "ID secret", or "ID enrol CODE"
// for one that makes its own key; empty lines and those that begin with # are
// comments.
func readKeys(path string) (keys map[string]contract.Scheme, codes map[string]string, err error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, texts.Errorf(texts.Platform.KeysRead, err)
	}
	keys, codes = map[string]contract.Scheme{}, map[string]string{}
	for i, line := range strings.Split(string(content), "\n") {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if err := addKey(keys, codes, fields); err != nil {
			return nil, nil, texts.Errorf(texts.Platform.KeysLine, path, i+1, err)
		}
	}
	if len(keys)+len(codes) == 0 {
		return nil, nil, texts.Errorf(texts.Platform.KeysNone, path)
	}
	return keys, codes, nil
}

func addKey(keys map[string]contract.Scheme, codes map[string]string, fields []string) error {
	box := fields[0]
	enrolling := len(fields) == 3 && fields[1] == enrols && devices.CheckCode("box", box) == nil
	switch {
	case keys[box].Name != "" || codes[box] != "":
		return texts.Errorf(texts.Platform.KeysTwice, box)
	case enrolling:
		codes[box] = fields[2]
		return nil
	case devices.CheckCode("box", box) != nil || len(fields) != 2:
		// Without what was read: it may be the secret.
		return texts.Errorf(texts.Platform.KeysBox)
	case len(fields[1]) < minSecret:
		return texts.Errorf(texts.Platform.KeysSecret, minSecret)
	}
	keys[box] = contract.HMAC([]byte(fields[1]))
	return nil
}
