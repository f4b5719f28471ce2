package main

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
)

// cli is what every command needs to know.
type cli struct {
	lang   texts.Lang
	config string // path of the configuration file
}

// say prints a text of the catalogue and a newline.
func (c *cli) say(cmd *cobra.Command, t texts.Text, args ...any) {
	for line := range strings.Lines(t.In(c.lang, args...) + "\n") {
		fmt.Fprintln(cmd.OutOrStdout(), printable(strings.TrimSuffix(line, "\n")))
	}
}

// rootCommand builds the command tree in a language.
func rootCommand(lang texts.Lang, args []string, stdout, stderr io.Writer) *cobra.Command {
	c := &cli{lang: lang}
	root := &cobra.Command{
		Use:           "linli",
		Short:         texts.Command.Root.In(lang),
		Long:          texts.Command.RootLong.In(lang),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          c.args(0, 0),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().StringVarP(&c.config, "config", "c", "/etc/linli/gateway.yaml", texts.Command.ConfigFlag.In(lang))
	root.AddCommand(
		c.runCommand(), c.checkCommand(), c.demoCommand(), c.versionCommand(), c.statusCommand(), c.loginCommand(),
		c.facilityCommand(), c.deviceCommand(), c.elderCommand(), c.caregiverCommand(), c.importCommand(), c.channelCommand(), c.incidentCommand(), c.journalCommand(),
		c.backupCommand(), c.restoreCommand(), c.usageCommand(), c.provinceCommand(), c.gpioCommand(), c.mqttCommand(),
		c.simulateCommand(), c.deskCommand(), c.visitCommand(),
		c.profileCommand(), c.captureCommand(),
		c.careCommand(), c.groupCommand(), c.rotaCommand(), c.silenceCommand(), c.roundCommand(), c.alertCommand(), c.ledgerCommand(),
	)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.SetArgs(args)
	c.localise(root)
	return root
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: texts.Command.Version.In(c.lang), Args: c.args(0, 0),
		Run: func(cmd *cobra.Command, _ []string) {
			c.say(cmd, texts.Command.VersionLine, version, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
		},
	}
}

// group is a command that only holds others.
func (c *cli) group(use string, short texts.Text, children ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: use, Short: short.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(children...)
	return cmd
}

// args wants from least to most arguments, and says which command there is
// instead of an unknown one.
func (c *cli) args(least, most int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if cmd.HasSubCommands() && len(args) > 0 {
			return mendable{texts.Errorf(texts.Command.UnknownCommand, args[0], cmd.CommandPath())}
		}
		if len(args) < least || len(args) > most {
			return mendable{texts.Errorf(texts.Command.WrongArgs, cmd.UseLine())}
		}
		return nil
	}
}

// require fails where a flag that the command cannot do without is not given.
func (c *cli) require(cmd *cobra.Command, flags ...string) error {
	for _, name := range flags {
		if f := cmd.Flags().Lookup(name); f == nil || f.Value.String() == "" {
			return mendable{texts.Errorf(texts.Command.MissingFlag, name, cmd.UseLine()+" --"+name+" …")}
		}
	}
	return nil
}

// unread is that a file which somebody named cannot be read.
func unread(file string, err error) error {
	return mendable{texts.Errorf(texts.Command.NoFile, file, firmwareconfig.Cause(err))}
}

// localise replaces what cobra says by itself with texts of the catalogue.
func (c *cli) localise(root *cobra.Command) {
	t := texts.Command
	root.SetHelpCommand(&cobra.Command{Use: "help", Short: t.HelpCommand.In(c.lang), Hidden: true, RunE: func(cmd *cobra.Command, args []string) error {
		target, rest, err := root.Find(args)
		if err != nil || len(rest) > 0 {
			return mendable{texts.Errorf(t.UnknownCommand, strings.Join(args, " "), root.Name())}
		}
		return target.Help()
	}})
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		var unknown *pflag.NotExistError
		var invalid *pflag.InvalidValueError
		var without *pflag.ValueRequiredError
		switch {
		case errors.As(err, &unknown):
			return mendable{texts.Errorf(t.UnknownFlag, unknown.GetSpecifiedName(), cmd.CommandPath())}
		case errors.As(err, &invalid):
			name, _ := pflag.UnquoteUsage(invalid.GetFlag())
			if takes, ok := t.FlagTypes[name]; ok {
				return mendable{texts.Errorf(t.FlagValue, invalid.GetFlag().Name, takes, invalid.GetValue())}
			}
		case errors.As(err, &without):
			name := without.GetFlag().Name
			return mendable{texts.Errorf(t.FlagWithout, name, cmd.UseLine()+" --"+name+" …")}
		}
		return mendable{err}
	})
	root.SetUsageFunc(func(cmd *cobra.Command) error {
		cmd.InheritedFlags().VisitAll(func(*pflag.Flag) {}) // merges the flags of the parents
		return usageTemplate.Execute(cmd.OutOrStdout(), map[string]any{
			"C": cmd, "Lang": c.lang, "Usage": t.Usage.In(c.lang), "Commands": t.Commands.In(c.lang), "Flags": t.Flags.In(c.lang),
			"Global": t.GlobalFlags.In(c.lang), "Examples": t.Examples.In(c.lang), "More": t.MoreHelp.In(c.lang, cmd.CommandPath()+" … --help"),
		})
	})
	eachCommand(root, func(cmd *cobra.Command) {
		cmd.InitDefaultHelpFlag()
		cmd.Flags().Lookup("help").Usage = t.HelpFlag.In(c.lang)
		cmd.DisableFlagsInUseLine = true
	})
}

func eachCommand(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, child := range cmd.Commands() {
		eachCommand(child, visit)
	}
}

// flagUsages says what the flags of a command are for.
func flagUsages(flags *pflag.FlagSet, lang texts.Lang) string {
	var rows [][]string
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		if words, ok := texts.Command.FlagValues[value]; ok {
			value = words.In(lang)
		}
		name := "      --" + f.Name
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name
		}
		switch f.DefValue {
		case "", "0", "0s", "false", "[]":
		default:
			usage += texts.Command.FlagDefault.In(lang, f.DefValue)
		}
		rows = append(rows, []string{strings.TrimRight(name+" "+value, " "), usage})
	})
	var b strings.Builder
	_ = align(&b, rows) // a Builder takes all
	return b.String()
}

var usageTemplate = template.Must(template.New("usage").Funcs(template.FuncMap{
	"pad":   func(s string, n int) string { return fmt.Sprintf("%-*s", n, s) },
	"flags": flagUsages,
}).Parse(`{{.Usage}}
  {{.C.UseLine}}{{if .C.HasAvailableSubCommands}} …

{{.Commands}}{{range .C.Commands}}{{if .IsAvailableCommand}}
  {{pad .Name .NamePadding}}  {{.Short}}{{end}}{{end}}{{end}}{{if .C.HasExample}}

{{.Examples}}
{{.C.Example}}{{end}}{{if .C.HasAvailableLocalFlags}}

{{.Flags}}
{{flags .C.LocalFlags .Lang}}{{end}}{{if .C.HasAvailableInheritedFlags}}
{{.Global}}
{{flags .C.InheritedFlags .Lang}}{{end}}{{if .C.HasAvailableSubCommands}}
{{.More}}
{{end}}`))
