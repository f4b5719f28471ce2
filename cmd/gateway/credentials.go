package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices/texts"
)

// credentialsCommand gives a device something new to log in with. PEM goes to
// the standard output and what is said about it to the other, so that it can
// be put into a file.
func (c *cli) credentialsCommand() *cobra.Command {
	var certificate bool
	var request string
	cmd := &cobra.Command{
		Use: "credentials ID", Short: texts.Command.DeviceCredentials.In(c.lang), Args: c.args(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := url.PathEscape(args[0])
			if !certificate && request == "" {
				var answer control.Registered
				if err := c.ask(cmd, http.MethodPost, "/v1/devices/"+id+"/credentials", nil, &answer); err != nil {
					return err
				}
				c.say(cmd, texts.Command.DeviceSecret, answer.Device.ID, answer.Secret)
				return nil
			}
			asked := map[string]string{}
			if request != "" {
				content, err := os.ReadFile(request)
				if err != nil {
					return unread(request, err)
				}
				asked["request"] = string(content)
			}
			var made control.Certified
			if err := c.ask(cmd, http.MethodPost, "/v1/certificates/"+id, asked, &made); err != nil {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), made.Key, made.Certificate, made.Authority)
			said := texts.Door.Certified
			if made.Key == "" {
				said = texts.Door.CertifiedRequest
			}
			fmt.Fprintln(cmd.ErrOrStderr(), said.In(c.lang, args[0]))
			return nil
		},
	}
	cmd.Flags().BoolVar(&certificate, "certificate", false, texts.Door.CertificateFlag.In(c.lang))
	cmd.Flags().StringVar(&request, "csr", "", texts.Door.RequestFlag.In(c.lang))
	cmd.Example = `  linli device credentials sos-302
  linli device credentials sos-302 --certificate > sos-302.pem
  linli device credentials locker-east --csr locker-east.csr > locker-east.crt`
	return cmd
}
