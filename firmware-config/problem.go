package firmwareconfig

import (
	"strings"
	"unicode"

	"github.com/linli-edge/gateway/devices/texts"
)

// A problem is one thing that is wrong with a configuration: which field, why,
// and how to mend it. Where the field stands in a file is added by Load.
type problem struct {
	field  string // dotted, "" for the file as a whole
	reason error
	mend   error
	// hide is set where the line itself must not be shown, because a secret
	// stands in it.
	hide bool
}

func wrong(field string, reason, mend *texts.Error) *problem {
	return &problem{field: field, reason: reason, mend: mend}
}

// Error is the problem in English, for a configuration that was not read from
// a file.
func (p *problem) Error() string { return p.described().Error() }

// Unwrap makes the problem readable in both languages through texts.Of.
func (p *problem) Unwrap() error { return p.described() }

func (p *problem) described() *texts.Error {
	if p.field == "" {
		return texts.Errorf(texts.Config.NoPlace, "configuration", p.reason, p.mend)
	}
	return texts.Errorf(texts.Config.NoPlace, p.field, p.reason, p.mend)
}

// place is a position in a file, both numbers from 1; the column counts
// characters. The zero place is none.
type place struct{ line, column int }

// at is the message for a problem at a place of a file.
func (p *problem) at(file string, src []byte, at place) *texts.Error {
	what := p.reason
	if p.field != "" {
		what = texts.Errorf(texts.Config.Field, p.field, p.reason)
	}
	if at.line == 0 {
		return texts.Errorf(texts.Config.NoPlace, file, what, p.mend)
	}
	var excerpt string
	if !p.hide {
		excerpt = excerptOf(src, at)
	}
	return texts.Errorf(texts.Config.Place, file, at.line, at.column, what, excerpt, p.mend)
}

// widthShown is how much of a long line an excerpt shows, in characters.
const widthShown = 100

// excerptOf shows the line of a place with a caret under it, and the line
// before.
func excerptOf(src []byte, at place) string {
	lines := strings.Split(strings.ReplaceAll(string(src), "\r\n", "\n"), "\n")
	if at.line > len(lines) {
		return ""
	}
	var b strings.Builder
	if at.line > 1 {
		writeLine(&b, ' ', at.line-1, []rune(lines[at.line-2]))
	}
	line := []rune(lines[at.line-1])
	writeLine(&b, '>', at.line, line)
	if at.column < 1 || at.column > min(len(line)+1, widthShown) {
		return b.String()
	}
	b.WriteString("       | ")
	for _, r := range line[:at.column-1] {
		switch {
		case r == '\t':
			b.WriteRune('\t')
		case wide(r):
			b.WriteString("  ")
		default:
			b.WriteByte(' ')
		}
	}
	b.WriteString("^\n")
	return b.String()
}

func writeLine(b *strings.Builder, mark byte, number int, line []rune) {
	b.WriteByte(mark)
	digits := strings.Repeat(" ", 5) + itoa(number)
	b.WriteString(digits[len(digits)-5:])
	b.WriteString(" | ")
	shown := line
	if len(shown) > widthShown {
		shown = shown[:widthShown]
	}
	for _, r := range shown {
		if !unicode.IsPrint(r) && !unicode.Is(unicode.Zs, r) && r != '\t' {
			r = unicode.ReplacementChar
		}
		b.WriteRune(r)
	}
	if len(line) > len(shown) {
		b.WriteRune('…')
	}
	b.WriteByte('\n')
}

// wide says whether a terminal shows r two columns wide.
func wide(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) ||
		r >= 0x3000 && r <= 0x303F || r >= 0xFF01 && r <= 0xFF60
}
