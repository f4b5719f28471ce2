package sensor

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Faults of a reading.
var (
	errCRC   = errors.New("the checksum is wrong")
	errPower = errors.New("the probe shows what it shows without power")
)

// powerOn is what a DS18B20 shows until its first conversion, in degrees.
const powerOn = 85

// read reads a probe from the kernel's file system, the root of which is /sys.
func (p Probe) read(sys fs.FS) (float64, error) {
	switch p.Bus {
	case OneWire:
		return p.oneWire(sys)
	case Hwmon:
		return p.hwmon(sys)
	}
	return p.iio(sys)
}

// oneWire reads a DS18B20 by the w1_therm driver:
//
//	50 05 55 00 7f ff 0c 10 1c : crc=1c YES
//	50 05 55 00 7f ff 0c 10 1c t=85000
func (p Probe) oneWire(sys fs.FS) (float64, error) {
	b, err := fs.ReadFile(sys, path.Join("bus/w1/devices", p.Chip, "w1_slave"))
	if err != nil {
		return 0, err
	}
	first, second, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	if !strings.HasSuffix(strings.TrimSpace(first), "YES") {
		return 0, errCRC
	}
	_, text, found := strings.Cut(second, "t=")
	milli, err := strconv.Atoi(strings.TrimSpace(text))
	if !found || err != nil {
		return 0, fmt.Errorf("w1_slave: no temperature in %.80q", second)
	}
	if strings.HasPrefix(first, "00 00 00 00 00 00 00 00 00") {
		return 0, errCRC // a bus that is held low has a checksum that is right
	}
	return float64(milli) / 1000, nil
}

// hwmon reads temp1_input or humidity1_input, in thousandths.
func (p Probe) hwmon(sys fs.FS) (float64, error) {
	folder, err := p.find(sys, "class/hwmon")
	if err != nil {
		return 0, err
	}
	file := map[Quantity]string{Temperature: "temp", Humidity: "humidity"}[p.Quantity]
	v, err := number(sys, path.Join(folder, fmt.Sprintf("%s%d_input", file, p.Input)))
	return v / 1000, err
}

// iio reads in_temp_input, or in_temp_raw with its offset and scale; a
// temperature is in thousandths of a degree, a humidity in thousandths of a
// percent.
func (p Probe) iio(sys fs.FS) (float64, error) {
	folder, err := p.find(sys, "bus/iio/devices")
	if err != nil {
		return 0, err
	}
	channel := map[Quantity]string{Temperature: "in_temp", Humidity: "in_humidityrelative"}[p.Quantity]
	if p.Input > 1 {
		channel = fmt.Sprint(channel, p.Input-1)
	}
	base := path.Join(folder, channel)
	v, err := number(sys, base+"_input")
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return v / 1000, err
	}
	raw, err := number(sys, base+"_raw")
	if err != nil {
		return 0, err
	}
	scale, err := optional(sys, base+"_scale", 1)
	if err != nil {
		return 0, err
	}
	offset, err := optional(sys, base+"_offset", 0)
	return (raw + offset) * scale / 1000, err
}

// find finds the folder of a chip by its name.
func (p Probe) find(sys fs.FS, under string) (string, error) {
	entries, err := fs.ReadDir(sys, under)
	if err != nil {
		return "", err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { // 2 before 10
		if d := len(a.Name()) - len(b.Name()); d != 0 {
			return d
		}
		return strings.Compare(a.Name(), b.Name())
	})
	seen := 0
	for _, e := range entries {
		folder := path.Join(under, e.Name())
		name, err := fs.ReadFile(sys, path.Join(folder, "name"))
		if err != nil || string(bytes.TrimSpace(name)) != p.Chip {
			continue
		}
		if seen++; seen == p.Which {
			return folder, nil
		}
	}
	return "", fmt.Errorf("%s: %w", p.Name(), fs.ErrNotExist)
}

func number(sys fs.FS, file string) (float64, error) {
	b, err := fs.ReadFile(sys, file)
	if err != nil {
		return 0, err
	}
	v, err := strconv.ParseFloat(string(bytes.TrimSpace(b)), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, fmt.Errorf("%s: no number: %.40q", file, b)
	}
	return v, nil
}

func optional(sys fs.FS, file string, otherwise float64) (float64, error) {
	v, err := number(sys, file)
	if errors.Is(err, fs.ErrNotExist) {
		return otherwise, nil
	}
	return v, err
}
