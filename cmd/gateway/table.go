package main

import (
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"

	"github.com/linli-edge/gateway/devices/texts"
)

// table prints a table, a record a line, under the given columns.
func (c *cli) table(out io.Writer, columns texts.Text, rows [][]string) error {
	return align(out, append([][]string{strings.Split(columns.In(c.lang), "\t")}, rows...))
}

// align prints rows with their columns below each other on a terminal, where a
// Chinese character takes two places.
func align(out io.Writer, rows [][]string) error {
	var widths []int
	for _, row := range rows {
		for i, cell := range row[:len(row)-1] { // nothing stands behind the last
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], places(printable(cell)))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		for i, cell := range row {
			cell = printable(cell)
			b.WriteString(cell)
			if i < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[i]-places(cell)+2))
			}
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// places is how many places of a terminal s takes.
func places(s string) int {
	n := 0
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n++
		}
		n++
	}
	return n
}

// printable is s without what a terminal would obey: a stranger chooses what a
// device calls itself.
func printable(s string) string { return strings.Map(harmless, s) }

func harmless(r rune) rune {
	if !unicode.IsPrint(r) {
		return ' '
	}
	return r
}
