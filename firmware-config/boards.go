package firmwareconfig

import (
	"embed"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/linli-edge/gateway/devices/gpio"
)

//go:embed boards/*.yaml
var boards embed.FS

// BoardNames are the boards that are shipped. On any other a line is written
// as the kernel names it, without a board; or a file here makes it known.
func BoardNames() []string {
	files, err := fs.Glob(boards, "boards/*.yaml")
	if err != nil {
		panic(err) // only for a malformed pattern
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(path.Base(file), ".yaml")
	}
	return files
}

// board reads a board that is shipped; ok is false where there is none of that
// name.
func board(name string) (b gpio.Board, ok bool, err error) {
	src, err := boards.ReadFile("boards/" + name + ".yaml")
	if err != nil {
		return b, false, nil
	}
	var file struct {
		Chips []string    `yaml:"chips"`
		Pins  map[int]int `yaml:"pins"`
	}
	if err := yaml.UnmarshalWithOptions(src, &file, yaml.Strict()); err != nil {
		return b, true, fmt.Errorf("board %s: %w", name, err)
	}
	b = gpio.Board{Name: name, Chips: file.Chips, Pins: file.Pins}
	return b, true, b.Check()
}
