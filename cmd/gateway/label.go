package main

import (
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/backup"
	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/cmd/gateway/internal/qrcode"
	"github.com/linli-edge/gateway/devices/texts"
)

// doorCommand prints the label for an elder's door.
func (c *cli) doorCommand() *cobra.Command {
	t := texts.AlertDoor
	var label control.DoorLabel
	var base, file string
	cmd := &cobra.Command{
		Use: "door ELDER", Short: t.Command.In(c.lang), Long: t.CommandLong.In(c.lang), Args: c.args(1, 1),
		Example: "  linli alert door e302\n  linli alert door e302 --new --base https://192.168.1.20:8443 --svg e302.svg",
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
			code, err := qrcode.New(address)
			if err != nil {
				return mendable{texts.Errorf(t.TooLong, err)}
			}
			c.say(cmd, t.Printed, args[0], address)
			if file == "" {
				cmd.Print(code.Blocks())
			} else if err := backup.Whole(file, func(f *os.File) error { _, err := f.WriteString(code.SVG()); return err }); err != nil {
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
