package main

import (
	"fmt"
	"image"
	"image/color"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/boombuler/barcode/qr"
	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/backup"
	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/texts"
)

// doorCommand prints the label for an elder's door.
func (c *cli) doorCommand() *cobra.Command {
	t := texts.AlertDoor
	var label control.DoorLabel
	var base, file string
	cmd := &cobra.Command{
		Use: "door ELDER", Short: t.Command.In(c.lang), Long: t.CommandLong.In(c.lang), Args: c.args(1, 1),
		Example: "  gateway alert door e302\n  gateway alert door e302 --new --base https://192.168.1.20:8443 --svg e302.svg",
		RunE: func(cmd *cobra.Command, args []string) error {
			if u, err := url.Parse(base); base != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
				return mendable{texts.Errorf(t.BadBase, base)}
			}
			var link control.Invitation
			if err := c.ask(cmd, http.MethodPost, "/v1/doors/"+url.PathEscape(args[0]), label, &link); err != nil {
				return err
			}
			if base == "" {
				base = "http://" + net.JoinHostPort(hosts()[0], link.Port)
				if link.TLSPort != "" {
					base = "https://" + net.JoinHostPort(hosts()[0], link.TLSPort)
				}
			}
			address := strings.TrimSuffix(base, "/") + link.Path
			code, err := qr.Encode(address, qr.M, qr.Auto)
			if err != nil {
				return mendable{texts.Errorf(t.TooLong, err)}
			}
			c.say(cmd, t.Printed, args[0], address)
			if file == "" {
				cmd.Print(inBlocks(code))
			} else if err := backup.Whole(file, func(f *os.File) error { return inSVG(f, code) }); err != nil {
				return c.toMend(cmd, err)
			} else {
				c.say(cmd, t.Written, file)
			}
			c.say(cmd, t.NFC)
			return nil
		},
	}
	cmd.Flags().BoolVar(&label.Renew, "new", false, t.RenewFlag.In(c.lang))
	cmd.Flags().StringVar(&base, "base", "", t.BaseFlag.In(c.lang))
	cmd.Flags().StringVar(&file, "svg", "", t.SVGFlag.In(c.lang))
	return cmd
}

// quiet is how many modules are left white around a code.
const quiet = 4

func dark(code image.Image, x, y int) bool {
	return image.Pt(x, y).In(code.Bounds()) && code.At(x, y) == color.Black
}

// inBlocks draws a code for a terminal, two modules a character, white on
// black whatever the terminal's own colours are.
func inBlocks(code image.Image) string {
	var b strings.Builder
	size := code.Bounds().Dx()
	for y := -quiet; y < size+quiet; y += 2 {
		b.WriteString("\x1b[97;40m")
		for x := -quiet; x < size+quiet; x++ {
			upper, lower := dark(code, x, y), dark(code, x, y+1)
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

// inSVG draws a code to be printed, of 40 mm.
func inSVG(f *os.File, code image.Image) error {
	size := code.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := range size {
			if dark(code, x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quiet, y+quiet)
			}
		}
	}
	_, err := fmt.Fprintf(f, `<svg xmlns="http://www.w3.org/2000/svg" width="40mm" height="40mm" viewBox="0 0 %[1]d %[1]d"><path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path d="%[2]s"/></svg>`+"\n", size+2*quiet, path.String())
	return err
}
