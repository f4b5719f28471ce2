package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/backup"
	"github.com/linli-edge/gateway/cmd/gateway/internal/console"
	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/journal"
)

func (c *cli) tailCommand() *cobra.Command {
	var lines int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "tail", Short: texts.Inspect.Tail.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			client := control.Client{HTTP: control.Dial(cfg.Socket), Lang: c.lang}
			path := "/v1/journal/tail?lines=" + strconv.Itoa(lines)
			if !asJSON {
				path += "&words=1"
			}
			stream, err := client.Stream(cmd.Context(), http.MethodGet, path, nil)
			if err != nil {
				return c.explain(cfg.Socket, err)
			}
			defer stream.Close()
			show := c.printer(cmd.OutOrStdout(), asJSON)
			for in := json.NewDecoder(stream); ; {
				var l control.Line
				err := in.Decode(&l)
				if cmd.Context().Err() != nil || errors.Is(err, io.ErrUnexpectedEOF) || err == io.EOF {
					return nil // Ctrl-C, or the daemon stopped
				}
				if err == nil {
					err = show(l)
				}
				if err != nil {
					return err
				}
			}
		},
	}
	cmd.Flags().IntVarP(&lines, "lines", "n", 10, texts.Command.LinesFlag.In(c.lang))
	cmd.Flags().BoolVar(&asJSON, "json", false, texts.Inspect.JSONFlag.In(c.lang))
	return cmd
}

// printer prints entries, in words or as JSON lines. Times are in the box's
// zone; a time that the clock was not sure of has a question mark.
func (c *cli) printer(w io.Writer, asJSON bool) func(control.Line) error {
	if asJSON {
		out := json.NewEncoder(w)
		return func(l control.Line) error { return out.Encode(l) }
	}
	return func(l control.Line) error {
		at := l.Received.Wall.Local().Format(time.DateTime)
		if !l.Received.Synced {
			at += "?"
		}
		_, err := fmt.Fprintln(w, printable(texts.Inspect.Line.In(c.lang, at, chainName(l.Chain), l.Device, l.Who, l.What)))
		return err
	}
}

func (c *cli) exportCommand() *cobra.Command {
	t := texts.Inspect
	var s control.Selection
	var since, until, chain, output string
	var asJSON bool
	cmd := &cobra.Command{
		Use: "export", Short: t.Export.In(c.lang), Long: t.ExportLong.In(c.lang), Args: c.args(0, 0),
		Example: "  linli journal export --since 7d --device locker-east --json --output events.jsonl",
	}
	cmd.Flags().StringVar(&since, "since", "", t.SinceFlag.In(c.lang))
	cmd.Flags().StringVar(&until, "until", "", t.UntilFlag.In(c.lang))
	cmd.Flags().StringSliceVar(&s.Devices, "device", nil, t.DeviceFlag.In(c.lang))
	cmd.Flags().StringSliceVar(&s.Types, "type", nil, t.TypeFlag.In(c.lang))
	cmd.Flags().StringVar(&chain, "chain", "", t.ChainFlag.In(c.lang))
	cmd.Flags().StringVarP(&output, "output", "o", "", t.OutputFlag.In(c.lang))
	cmd.Flags().BoolVar(&asJSON, "json", false, t.JSONFlag.In(c.lang))
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		cfg, err := c.load()
		if err != nil {
			return err
		}
		s.Words = !asJSON
		for flag, at := range map[string]*time.Time{"since": &s.Since, "until": &s.Until} {
			if *at, err = moment(cmd.Flag(flag).Value.String(), time.Now()); err != nil {
				return mendable{texts.Errorf(t.BadTime, flag, cmd.Flag(flag).Value.String())}
			}
		}
		if chain != "" {
			if s.Chains = []string{chain}; chain != journal.Urgent.String() && chain != journal.Ordinary.String() {
				return mendable{texts.Errorf(t.BadChain, chain)}
			}
		}
		if output == "" {
			return c.export(cmd, cfg, s, c.printer(cmd.OutOrStdout(), asJSON))
		}
		n := 0
		err = backup.Whole(output, func(f *os.File) error {
			bar := newProgress(cmd.ErrOrStderr(), t.Exporting.In(c.lang), 0)
			defer bar.end()
			w := bufio.NewWriter(io.MultiWriter(f, bar))
			show := c.printer(w, asJSON)
			err := c.export(cmd, cfg, s, func(l control.Line) error {
				n++
				return show(l)
			})
			return errors.Join(err, w.Flush())
		})
		if err != nil {
			return c.toMend(cmd, err)
		}
		c.say(cmd, t.Exported, n, output)
		return nil
	}
	return cmd
}

// export prints what is selected: from the running daemon or, if it is down,
// from its files.
func (c *cli) export(cmd *cobra.Command, cfg firmwareconfig.Config, s control.Selection, show func(control.Line) error) error {
	client := control.Client{HTTP: control.Dial(cfg.Socket), Lang: c.lang}
	err := client.Lines(cmd.Context(), s, show)
	if errors.Is(err, control.ErrCut) {
		return texts.Errorf(texts.Inspect.Ended)
	}
	if err == nil || !isDown(err) {
		return c.explain(cfg.Socket, err)
	}
	now, err := clock.System()
	if err != nil {
		return err
	}
	j, err := c.openJournal(cfg, now)
	if err != nil {
		return err
	}
	words := func(e devices.Event, _ texts.Lang) (string, string) { return e.Device, string(e.Type) }
	if reg, err := registry.Open(filepath.Join(cfg.Data, registryFile), registry.Options{ReadOnly: true}); err == nil {
		people := reg.Snapshot()
		words = func(e devices.Event, lang texts.Lang) (string, string) { return console.Words(e, people, lang) }
		defer reg.Close() // only read from
	}
	return errors.Join(control.Export(cmd.Context(), j, s, words, c.lang, show), j.Close())
}

// moment reads a time: a duration back from now, in Go's form or as days, or a
// date, perhaps with a time, in the box's zone. "" is the zero time.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if days, ok := strings.CutSuffix(text, "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil {
			return now.AddDate(0, 0, -int(n)), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	var err error
	for _, layout := range []string{time.DateOnly, "2006-01-02 15:04", time.DateTime, time.RFC3339} {
		var at time.Time
		if at, err = time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	return time.Time{}, err
}

func (c *cli) verifyCommand() *cobra.Command {
	t := texts.Inspect
	var asJSON bool
	cmd := &cobra.Command{
		Use: "verify", Short: t.Verify.In(c.lang), Args: c.args(0, 0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := c.load()
			if err != nil {
				return err
			}
			archive, bytes, err := c.archive(cmd, cfg)
			if err != nil {
				return err
			}
			bar := newProgress(cmd.ErrOrStderr(), t.Verifying.In(c.lang), bytes)
			out := json.NewEncoder(cmd.OutOrStdout())
			files, err := backup.Verify(bar.reader(archive), func(v journal.Verified) error {
				bar.end()
				if asJSON {
					return out.Encode(v)
				}
				c.sayFile(cmd, v)
				return nil
			})
			bar.end()
			if err = errors.Join(err, archive.Close()); err != nil {
				return c.toMend(cmd, err)
			}
			return c.sayVerdict(cmd, files, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, t.JSONFlag.In(c.lang))
	return cmd
}

func (c *cli) sayFile(cmd *cobra.Command, v journal.Verified) {
	t := texts.Inspect
	switch {
	case v.Faults > 0:
		c.say(cmd, t.FileBad, v.Name, v.Faults)
		for _, p := range v.Problems {
			c.say(cmd, t.Problem, p)
		}
	case v.Chain == "":
		c.say(cmd, t.FileState, v.Name)
	default:
		c.say(cmd, t.FileGood, v.Name, v.Records, v.First, v.Last)
	}
}

// sayVerdict tells what all files together come to; an error, if anything is
// wrong.
func (c *cli) sayVerdict(cmd *cobra.Command, files []journal.Verified, asJSON bool) error {
	t := texts.Inspect
	missing, records, damaged := journal.Missing(files), 0, 0
	for _, f := range files {
		records += f.Records
		if f.Faults > 0 {
			damaged++
		}
	}
	for _, m := range missing {
		if asJSON {
			if err := json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]journal.Range{"missing": m}); err != nil {
				return err
			}
		} else {
			c.say(cmd, t.Missing, chainName(m.Chain), m.First, m.Last)
		}
	}
	if damaged > 0 || len(missing) > 0 {
		return texts.Errorf(t.Bad, len(files), damaged, len(missing))
	}
	if !asJSON {
		c.say(cmd, t.AllGood, len(files), records)
	}
	return nil
}
