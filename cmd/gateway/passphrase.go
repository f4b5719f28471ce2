package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/linli-edge/gateway/devices/texts"
	firmwareconfig "github.com/linli-edge/gateway/firmware-config"
)

// minPassphrase is the least number of characters of a passphrase for a new
// backup.
const minPassphrase = 8

// passphraseFlag adds --passphrase-file. A passphrase is never an argument:
// every process of the box could see it there.
func (c *cli) passphraseFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("passphrase-file", "", texts.Backup.PassphraseFlag.In(c.lang))
}

// passphrase reads the passphrase from the file, or asks for it: twice for a
// new one.
func (c *cli) passphrase(cmd *cobra.Command, file string, fresh bool) ([]byte, error) {
	t := texts.Backup
	var given []byte
	var err error
	switch {
	case file != "":
		given, err = firmwareconfig.Secret(file)
	case !fresh:
		given, err = prompt(cmd, t.AskOld.In(c.lang))
	default:
		if given, err = prompt(cmd, t.Ask.In(c.lang, minPassphrase)); err != nil {
			break
		}
		var again []byte
		if again, err = prompt(cmd, t.AskAgain.In(c.lang)); err == nil && !bytes.Equal(given, again) {
			err = texts.Errorf(t.Differ)
		}
	}
	if err == nil && fresh && utf8.RuneCount(given) < minPassphrase {
		err = texts.Errorf(t.Short, minPassphrase)
	}
	if cmd.Context().Err() != nil {
		return nil, texts.Errorf(texts.Backup.Interrupted)
	} else if err != nil {
		return nil, mendable{err}
	}
	return given, nil
}

// prompt asks on the terminal and reads a line that is not shown.
func prompt(cmd *cobra.Command, question string) ([]byte, error) {
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !isTerminal(in) {
		return nil, texts.Errorf(texts.Backup.NoTerminal)
	}
	fd := int(in.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	silent := *before
	silent.Lflag &^= unix.ECHO
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &silent); err != nil {
		return nil, err
	}
	fmt.Fprint(cmd.ErrOrStderr(), question)
	defer fmt.Fprintln(cmd.ErrOrStderr())
	type line struct {
		text []byte
		err  error
	}
	read := make(chan line, 1)
	go func() { // ends with the process, if Ctrl-C comes before the line
		text, err := bufio.NewReader(in).ReadBytes('\n')
		read <- line{bytes.TrimRight(text, "\r\n"), err}
	}()
	var got line
	select {
	case got = <-read:
	case <-cmd.Context().Done():
		got.err = cmd.Context().Err()
	}
	if errors.Is(got.err, io.EOF) && len(got.text) > 0 {
		got.err = nil
	}
	return got.text, errors.Join(got.err, unix.IoctlSetTermios(fd, unix.TCSETS, before))
}
