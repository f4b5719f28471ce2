package profile

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// maxBytes is the longest frame in bytes that an expression may take apart.
const maxBytes = 1024

// raw is the bytes of a payload that may be no text at all, none if it is
// longer than a frame.
func raw(payload []byte) []any {
	if len(payload) > maxBytes {
		return []any{}
	}
	return numbers(payload)
}

func numbers(frame []byte) []any {
	list := make([]any, len(frame))
	for i, b := range frame {
		list[i] = int(b)
	}
	return list
}

// betweenBytes are what people and bridges write between hexadecimal bytes.
var betweenBytes = strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "", ",", "", ":", "", "-", "", "0x", "", "0X", "")

// hexBytes is the bytes of hexadecimal text, none if x is no such text.
func hexBytes(x any) any {
	s, ok := x.(string)
	if !ok || len(s) > 5*maxBytes { // "0x12,"
		return []any{}
	}
	frame, err := hex.DecodeString(betweenBytes.Replace(s))
	if err != nil {
		return []any{}
	}
	return raw(frame)
}

// base64Bytes is the bytes of Base64 text, none if x is no such text.
func base64Bytes(x any) any {
	s, ok := x.(string)
	if !ok || len(s) > 2*maxBytes {
		return []any{}
	}
	frame, err := base64.StdEncoding.DecodeString(strings.TrimSpace(s))
	if err != nil {
		return []any{}
	}
	return raw(frame)
}

// xor is the exclusive or of a list of bytes, nil if x is none.
func xor(x any) any {
	list, ok := x.([]any)
	if !ok || len(list) == 0 || len(list) > maxBytes {
		return nil
	}
	sum := 0
	for _, v := range list {
		b, ok := v.(int)
		if !ok || b < 0 || b > 0xFF {
			return nil
		}
		sum ^= b
	}
	return sum
}
