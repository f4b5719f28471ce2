package sheet

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"github.com/linli-edge/gateway/devices/texts"
)

// decode makes text of what a spreadsheet has saved: UTF-8 with or without a
// byte order mark, or GB 18030, of which GBK is a part.
func decode(content []byte) (string, error) {
	if bytes.HasPrefix(content, []byte{0xff, 0xfe}) || bytes.HasPrefix(content, []byte{0xfe, 0xff}) || bytes.HasPrefix(content, []byte("PK\x03\x04")) {
		return "", texts.Errorf(texts.Sheet.NotCSV)
	}
	content = bytes.TrimPrefix(content, []byte("\xef\xbb\xbf"))
	if !utf8.Valid(content) {
		decoded, err := simplifiedchinese.GB18030.NewDecoder().Bytes(content)
		if err != nil || bytes.ContainsRune(decoded, utf8.RuneError) {
			return "", texts.Errorf(texts.Sheet.Encoding)
		}
		content = decoded
	}
	if bytes.IndexByte(content, 0) >= 0 {
		return "", texts.Errorf(texts.Sheet.NotCSV)
	}
	return string(content), nil
}
