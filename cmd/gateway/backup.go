package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/linli-edge/gateway/cmd/gateway/internal/backup"
	"github.com/linli-edge/gateway/cmd/gateway/internal/control"
	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/clock"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
	"github.com/linli-edge/gateway/sync/journal"
)

func (c *cli) backupCommand() *cobra.Command {
	t := texts.Backup
	cmd := &cobra.Command{
		Use: "backup FILE", Short: t.Backup.In(c.lang), Long: t.BackupLong.In(c.lang), Args: c.args(1, 1),
		Example: "  linli backup /media/usb/linli-2026-03-01.backup",
	}
	secret := c.passphraseFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := c.load()
		if err != nil {
			return err
		}
		if _, err := os.Lstat(args[0]); err == nil { // before anybody thinks of a passphrase
			return mendable{texts.Errorf(t.Exists, args[0])}
		}
		passphrase, err := c.passphrase(cmd, *secret, true)
		if err != nil {
			return err
		}
		archive, bytes, err := c.archive(cmd, cfg)
		if err != nil {
			return err
		}
		bar := newProgress(cmd.ErrOrStderr(), t.Writing.In(c.lang), bytes)
		size, err := backup.Create(args[0], passphrase, bar.reader(archive))
		bar.end()
		if err = errors.Join(err, archive.Close()); err != nil {
			return c.toMend(cmd, err)
		}
		c.say(cmd, t.Written, args[0], megabytes(size))
		return nil
	}
	return cmd
}

// toMend is an error about a file that is not what it should be: that has to
// be mended, unless the command was interrupted.
func (c *cli) toMend(cmd *cobra.Command, err error) error {
	var known *texts.Error
	switch {
	case cmd.Context().Err() != nil:
		return texts.Errorf(texts.Backup.Interrupted)
	case errors.As(err, &known):
		return mendable{known}
	}
	return err
}

// archive is everything that the box knows, in clear, and about how much that
// is: from the running daemon or, if it is down, from its files. An archive
// that was cut short is one that Create refuses.
func (c *cli) archive(cmd *cobra.Command, cfg firmwareconfig.Config) (io.ReadCloser, int64, error) {
	client := control.Client{HTTP: control.Dial(cfg.Socket), Lang: c.lang}
	var stats journal.Stats
	err := client.Do(cmd.Context(), http.MethodGet, "/v1/journal", nil, &stats)
	if err == nil {
		var stream io.ReadCloser
		if stream, err = client.Stream(cmd.Context(), http.MethodGet, "/v1/backup", nil); err == nil {
			return stream, diskBytes(stats), nil
		}
	}
	if !isDown(err) {
		return nil, 0, c.explain(cfg.Socket, err)
	}
	now, err := clock.System()
	if err != nil {
		return nil, 0, err
	}
	j, err := c.openJournal(cfg, now)
	if err != nil {
		return nil, 0, err
	}
	reg, err := registry.Open(filepath.Join(cfg.Data, registryFile), registry.Options{ReadOnly: true})
	if err != nil {
		return nil, 0, errors.Join(unopened(cfg.Data, err), j.Close())
	}
	source := backupSource(cfg, reg, j)
	source.Clock = now
	r, w := io.Pipe()
	go func() {
		err := backup.Archive(cmd.Context(), w, source)
		w.CloseWithError(errors.Join(err, reg.Close(), j.Close()))
	}()
	return r, diskBytes(j.Stats()), nil
}

// backupSource is what is backed up, all but the clock.
func backupSource(cfg firmwareconfig.Config, reg *registry.Registry, j *journal.Journal) backup.Source {
	return backup.Source{Box: cfg.Box.ID, Name: cfg.Box.Name, Version: version, Data: cfg.Data, Registry: reg, Journal: j}
}

// backup writes the archive of the running gateway.
func (g *gateway) backup(ctx context.Context, w io.Writer) error {
	source := backupSource(g.cfg, g.registry, g.journal)
	source.Clock = g.clock
	err := backup.Archive(ctx, w, source)
	if err != nil && ctx.Err() == nil {
		g.logger.Error("backup not written", "error", err)
	}
	return err
}

func diskBytes(s journal.Stats) (n int64) {
	for _, chain := range s.Chains {
		n += chain.Bytes
	}
	return n
}

// openJournal opens the journal of a gateway that is down.
func (c *cli) openJournal(cfg firmwareconfig.Config, now devices.Clock) (*journal.Journal, error) {
	j, err := journal.OpenReadOnly(filepath.Join(cfg.Data, journalFolder), journal.Options{Clock: now})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, mendable{texts.Errorf(texts.Backup.Nothing, cfg.Data)}
	case errors.Is(err, journal.ErrInUse):
		return nil, mendable{texts.Errorf(texts.Backup.InUse, cfg.Data)}
	case err != nil:
		return nil, unopened(cfg.Data, err)
	}
	return j, nil
}

func (c *cli) restoreCommand() *cobra.Command {
	t := texts.Backup
	var replace, dryRun bool
	cmd := &cobra.Command{
		Use: "restore FILE", Short: t.Restore.In(c.lang), Long: t.RestoreLong.In(c.lang), Args: c.args(1, 1),
		Example: "  linli restore --dry-run /media/usb/linli-2026-03-01.backup",
	}
	secret := c.passphraseFlag(cmd)
	cmd.Flags().BoolVar(&replace, "replace", false, t.ReplaceFlag.In(c.lang))
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, t.DryRunFlag.In(c.lang))
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		cfg, err := c.load()
		if err != nil {
			return err
		}
		if !dryRun {
			if err := c.mayRestore(cmd, cfg, replace); err != nil {
				return err
			}
		}
		f, err := os.Open(args[0])
		if err != nil {
			return unread(args[0], err)
		}
		defer f.Close() // only read from
		info, err := f.Stat()
		if err != nil {
			return err
		}
		passphrase, err := c.passphrase(cmd, *secret, false)
		if err != nil {
			return err
		}
		bar := newProgress(cmd.ErrOrStderr(), t.Reading.In(c.lang), info.Size())
		if dryRun {
			contents, err := backup.Inspect(cmd.Context(), bar.reader(f), passphrase)
			bar.end()
			if err != nil {
				return c.toMend(cmd, err)
			}
			c.sayContents(cmd, contents)
			c.say(cmd, t.Sound)
			return nil
		}
		now, err := clock.System()
		if err != nil {
			return err
		}
		done, err := backup.Restore(cmd.Context(), bar.reader(f), passphrase, cfg.Data, replace, now())
		bar.end()
		if err != nil {
			return c.toMend(cmd, err)
		}
		c.sayContents(cmd, done.Contents)
		c.say(cmd, t.Restored, cfg.Data)
		if done.Aside != "" {
			c.say(cmd, t.KeptAside, done.Aside)
		}
		return nil
	}
	return cmd
}

// mayRestore refuses before the passphrase is asked for.
func (c *cli) mayRestore(cmd *cobra.Command, cfg firmwareconfig.Config, replace bool) error {
	client := control.Client{HTTP: control.Dial(cfg.Socket), Lang: c.lang}
	if err := client.Do(cmd.Context(), http.MethodGet, "/v1/status", nil, nil); !isDown(err) {
		return mendable{texts.Errorf(texts.Backup.Running, cfg.Socket)}
	}
	if err := backup.MayRestore(cfg.Data, replace); err != nil {
		return mendable{err}
	}
	return nil
}

// sayContents says what a backup holds.
func (c *cli) sayContents(cmd *cobra.Command, b backup.Contents) {
	t := texts.Backup
	c.say(cmd, t.Contains, b.Box, b.Name, b.Version)
	made := t.Made
	if !b.Made.Synced {
		made = t.MadeUnsure
	}
	c.say(cmd, made, b.Made.Wall.Local().Format(time.DateTime))
	for _, which := range []journal.Chain{journal.Urgent, journal.Ordinary} {
		first, last, records := b.Events(which)
		if records == 0 {
			c.say(cmd, t.Empty, chainName(which.String()))
		} else {
			c.say(cmd, t.Chain, chainName(which.String()), first, last, records)
		}
	}
	for _, f := range b.Followers {
		c.say(cmd, t.Follower, f.Name, f.Urgent, f.Ordinary)
	}
	c.say(cmd, t.Registered, b.Facilities, b.Devices, b.Elders, b.Caregivers)
	for _, f := range b.Files {
		if f.Faults > 0 {
			c.say(cmd, t.Damaged, f.Name, f.Faults, f.Problems[0])
		}
	}
	for _, m := range b.Missing() {
		c.say(cmd, t.Missing, chainName(m.Chain), m.First, m.Last)
	}
}

// chainName is the name of a chain in words.
func chainName(chain string) texts.Text {
	if chain == journal.Urgent.String() {
		return texts.Inspect.Urgent
	}
	return texts.Inspect.Ordinary
}
