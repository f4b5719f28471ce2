// Package qrcode draws QR codes: for a terminal, and to be printed or shown on
// a page.
package qrcode

import (
	"fmt"
	"image"
	"image/color"
	"strings"

	"github.com/boombuler/barcode/qr"
)

// Code is a text as a QR code that bears a seventh of it to be unreadable.
type Code struct{ modules image.Image }

// New encodes a text. The error says that it is too long for a code.
func New(text string) (Code, error) {
	modules, err := qr.Encode(text, qr.M, qr.Auto)
	return Code{modules}, err
}

// quiet is how many modules are left white around a code.
const quiet = 4

func (c Code) dark(x, y int) bool {
	return image.Pt(x, y).In(c.modules.Bounds()) && c.modules.At(x, y) == color.Black
}

// Blocks draws the code for a terminal, two modules a character, white on
// black whatever the terminal's own colours are.
func (c Code) Blocks() string {
	var b strings.Builder
	size := c.modules.Bounds().Dx()
	for y := -quiet; y < size+quiet; y += 2 {
		b.WriteString("\x1b[97;40m")
		for x := -quiet; x < size+quiet; x++ {
			upper, lower := c.dark(x, y), c.dark(x, y+1)
			switch {
			case upper && lower:
				b.WriteRune(' ')
			case upper:
				b.WriteRune('▄')
			case lower:
				b.WriteRune('▀')
			default:
				b.WriteRune('█')
			}
		}
		b.WriteString("\x1b[0m\n")
	}
	return b.String()
}

// SVG draws the code to be printed, of 40 mm.
func (c Code) SVG() string {
	size := c.modules.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := range size {
			if c.dark(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="40mm" height="40mm" viewBox="0 0 %[1]d %[1]d"><path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path d="%[2]s"/></svg>`+"\n", size+2*quiet, path.String())
}
