package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/devices/texts"
	"github.com/linli-edge/gateway/sync/province/contract"
)

func (c *cli) usageCommand() *cobra.Command {
	return c.group("usage", texts.Figures.Usage, c.catalogueCommand())
}

// catalogueCommand prints the catalogue of the statistics, which is part of the
// contract with the platform.
func (c *cli) catalogueCommand() *cobra.Command {
	t := texts.Figures
	var asJSON bool
	cmd := &cobra.Command{
		Use: "catalogue", Short: t.Catalogue.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			catalogue := contract.Catalogue()
			if asJSON {
				out := json.NewEncoder(cmd.OutOrStdout())
				out.SetIndent("", "  ")
				out.SetEscapeHTML(false)
				return out.Encode(catalogue)
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, t.Columns.In(c.lang))
			for _, i := range catalogue {
				kinds := strings.Join(i.Kinds, ",")
				if kinds == "" {
					kinds = "-"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", i.Code, i.Fold, i.Unit, kinds, i.Period, i.Name.In(c.lang))
				fmt.Fprintf(w, "\t%s\n", i.Numerator.In(c.lang))
				if i.Denominator.EN != "" {
					fmt.Fprintf(w, "\t/ %s\n", i.Denominator.In(c.lang))
				}
			}
			return w.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, texts.Inspect.JSONFlag.In(c.lang))
	return cmd
}
