package firmwareconfig

import (
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/goccy/go-yaml"

	"github.com/linli-edge/gateway/devices/texts"
)

// syntaxFailure says in both languages what the YAML parser says in English.
// The parser's words follow from its own workings ("map key-value is
// pre-defined"), so the line itself is looked at first for what an installer
// is likely to have done.
func syntaxFailure(err error, src []byte) *failure {
	var syntax yaml.Error
	if !errors.As(err, &syntax) {
		return &failure{problem: wrong("", texts.Errorf(texts.Config.Syntax, err.Error()), texts.Errorf(texts.Config.SyntaxMend))}
	}
	at := placeOf(syntax.GetToken())
	line := ""
	if lines := strings.Split(string(src), "\n"); at.line >= 1 && at.line <= len(lines) {
		line = lines[at.line-1]
	}
	return &failure{syntaxProblem(syntax.GetMessage(), line), at}
}

func syntaxProblem(message, line string) *problem {
	t := texts.Config
	say := func(reason, mend texts.Text) *problem {
		return wrong("", texts.Errorf(reason), texts.Errorf(mend))
	}
	indent := line[:len(line)-len(strings.TrimLeft(line, " \t"))]
	unquoted, _, _ := strings.Cut(line, "#")
	switch {
	case strings.Contains(indent, "\t"):
		return say(t.Tab, t.TabMend)
	case !strings.ContainsAny(unquoted, `"'`) && strings.ContainsFunc(unquoted, fullWidth):
		return fullWidthProblem(unquoted)
	case containsAny(message, "quote", "mapping end token", "sequence end token", "must be specified", "corresponding to"):
		return say(t.Unclosed, t.UnclosedMend)
	case containsAny(message, "not allowed in this context", "unexpected end content", "block sequence entries"):
		return say(t.Indentation, t.IndentationMend)
	case containsAny(message, "unexpected key name", "key-value delimiter", "implicit line break", "unexpected map key", "non-map value", "map key-value pair"):
		return say(t.NoKey, t.NoKeyMend)
	}
	return wrong("", texts.Errorf(t.Syntax, message), texts.Errorf(t.SyntaxMend))
}

func containsAny(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}

// halfWidth is what a Chinese input method types instead of YAML's signs.
var halfWidth = map[rune]string{
	'：': ":", '，': ",", '“': `"`, '”': `"`, '‘': "'", '’': "'", '［': "[", '］': "]", '【': "[", '】': "]",
	'｛': "{", '｝': "}", '＃': "#", '－': "-", '\u3000': " ", '\u00a0': " ",
}

func fullWidth(r rune) bool {
	_, found := halfWidth[r]
	return found
}

// fullWidthProblem names the first full-width sign of s, which has one.
func fullWidthProblem(s string) *problem {
	sign, _ := utf8.DecodeRuneInString(s[strings.IndexFunc(s, fullWidth):])
	if unicode.IsSpace(sign) {
		return wrong("", texts.Errorf(texts.Config.WideSpace), texts.Errorf(texts.Config.WideSpaceMend))
	}
	return wrong("", texts.Errorf(texts.Config.FullWidth, string(sign)), texts.Errorf(texts.Config.FullWidthMend, halfWidth[sign]))
}

// nearest is the known key that s most likely misspells, "" if none.
func nearest(s string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(strings.ToLower(strings.ReplaceAll(s, "-", "_")), k); d < least && d < len(k) {
			best, least = k, d
		}
	}
	return best
}

// distance counts the insertions, deletions and replacements between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// short keeps what is quoted in a message readable.
func short(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}

func itoa(n int) string { return strconv.Itoa(n) }
