package main

import (
	"encoding/json"
	"strings"

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
			var rows [][]string
			for _, i := range catalogue {
				kinds := strings.Join(i.Kinds, ",")
				if kinds == "" {
					kinds = "-"
				}
				rows = append(rows, []string{i.Code, string(i.Fold), string(i.Unit), kinds, string(i.Period), i.Name.In(c.lang)}, []string{"", i.Numerator.In(c.lang)})
				if i.Denominator.EN != "" {
					rows = append(rows, []string{"", "/ " + i.Denominator.In(c.lang)})
				}
			}
			return c.table(cmd.OutOrStdout(), t.Columns, rows)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, texts.Inspect.JSONFlag.In(c.lang))
	return cmd
}
