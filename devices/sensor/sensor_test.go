package sensor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"pgregory.net/rapid"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/condition"
	"github.com/linli-edge/gateway/devices/locker"
	"github.com/linli-edge/gateway/devices/pickup"
)

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s + "\n")} }

// What the kernel shows, as its drivers write it.
func TestRead(t *testing.T) {
	sys := fstest.MapFS{
		"bus/w1/devices/28-000000000001/w1_slave":               file("50 05 4b 46 7f ff 0c 10 1c : crc=1c YES\n50 05 4b 46 7f ff 0c 10 1c t=85000"),
		"bus/w1/devices/28-000000000002/w1_slave":               file("f1 ff 4b 46 7f ff 0f 10 02 : crc=02 YES\nf1 ff 4b 46 7f ff 0f 10 02 t=-937"),
		"bus/w1/devices/28-000000000003/w1_slave":               file("f1 ff 4b 46 7f ff 0f 10 03 : crc=02 NO\nf1 ff 4b 46 7f ff 0f 10 03 t=-937"),
		"bus/w1/devices/28-000000000004/w1_slave":               file("00 00 00 00 00 00 00 00 00 : crc=00 YES\n00 00 00 00 00 00 00 00 00 t=0"),
		"bus/w1/devices/28-000000000005/w1_slave":               file("f1 ff"),
		"class/hwmon/hwmon0/name":                               file("cpu_thermal"),
		"class/hwmon/hwmon0/temp1_input":                        file("48312"),
		"class/hwmon/hwmon2/name":                               file("lm75"),
		"class/hwmon/hwmon2/temp1_input":                        file("63500"),
		"class/hwmon/hwmon10/name":                              file("lm75"),
		"class/hwmon/hwmon10/temp1_input":                       file("4000"),
		"class/hwmon/hwmon10/temp2_input":                       file("nonsense"),
		"class/hwmon/hwmon10/humidity1_input":                   file("45500"),
		"bus/iio/devices/iio:device0/name":                      file("sht31"),
		"bus/iio/devices/iio:device0/in_temp_raw":               file("25000"),
		"bus/iio/devices/iio:device0/in_temp_scale":             file("2.670328"),
		"bus/iio/devices/iio:device0/in_temp_offset":            file("-16852"),
		"bus/iio/devices/iio:device0/in_humidityrelative_input": file("51200"),
		"bus/iio/devices/iio:device1/name":                      file("bme280"),
		"bus/iio/devices/iio:device1/in_temp_input":             file("21450"),
	}
	for s, want := range map[string]any{
		"temperature, c, 1-wire 28-000000000001": 85.0,
		"temperature, c, 1-wire 28-000000000002": -0.937,
		"temperature, c, 1-wire 28-000000000003": errCRC,
		"temperature, c, 1-wire 28-000000000004": errCRC,
		"temperature, c, 1-wire 28-000000000005": errCRC,
		"temperature, c, 1-wire 28-000000000006": fs.ErrNotExist,
		"temperature, c, hwmon cpu_thermal":      48.312,
		"temperature, c, hwmon lm75":             63.5,
		"temperature, c, hwmon lm75#2":           4.0,
		"temperature, c, hwmon lm75#2/2":         "no number",
		"temperature, c, hwmon lm75#3":           fs.ErrNotExist,
		"humidity, c, hwmon lm75#2":              45.5,
		"humidity, c, hwmon lm75":                fs.ErrNotExist,
		"temperature, c, iio sht31":              21.758,
		"humidity, c, iio sht31":                 51.2,
		"温度，c，iio bme280":                        21.45,
		"temperature, c, iio bme280/2":           fs.ErrNotExist,
	} {
		p, err := ParseProbe(s)
		if err != nil {
			t.Errorf("%s: %v", s, err)
			continue
		}
		got, err := p.read(sys)
		switch want := want.(type) {
		case float64:
			if err != nil || math.Abs(got-want) > 0.001 {
				t.Errorf("%s: %g, %v; want %g", s, got, err, want)
			}
		case string:
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %g, %v; want %q", s, got, err, want)
			}
		case error:
			if !errors.Is(err, want) {
				t.Errorf("%s: %g, %v; want %v", s, got, err, want)
			}
		}
	}
}

func TestParseProbeRefuses(t *testing.T) {
	for s, want := range map[string]string{
		"":                                     `"" is nothing that is measured`,
		"temp, c, hwmon x":                     `"temp" is nothing that is measured`,
		"temperature":                          "must stand the ID of the device",
		"temperature, Küche, hwmon x":          "must stand the ID of the device",
		"temperature, c":                       "say which sensor",
		"temperature, c, hwmon":                `"hwmon" is not understood`,
		"temperature, c, pin 3":                `"pin 3" is not understood`,
		"temperature, c, hwmon a/0":            `"a/0" is no sensor`,
		"temperature, c, hwmon ../../etc":      "is no sensor",
		"temperature, c, compartment 0, iio x": `"compartment 0" needs a number`,
		"humidity, c, 1-wire 28-1":             "measures temperatures only",
		"humidity, c, cold, iio x":             `"cold" is not for such a wire`,
	} {
		if _, err := ParseProbe(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", s, err, want)
		}
	}
}

func TestStep(t *testing.T) {
	p := Probe{Quantity: Temperature, Device: "c", Compartment: 3, Bus: OneWire}
	temperature := func(v float64) devices.Payload { return pickup.Temperature{Compartment: 3, Celsius: v} }
	fault := func(code string, cleared bool) devices.Payload {
		return locker.Fault{Compartment: 3, Code: code, Cleared: cleared}
	}
	gone := fs.ErrNotExist
	for _, c := range []struct {
		name     string
		readings []any // float64 or error, every ten seconds
		want     []devices.Payload
	}{
		{"little changes are not told", []any{4.0, 4.4, 3.6, 4.5, 4.6}, []devices.Payload{temperature(4), temperature(4.5)}},
		{"the first thing it shows is 85", []any{85.0, 85.0, 21.0, 21.1}, []devices.Payload{temperature(21)}},
		{"85 out of the blue", []any{60.0, 85.0, 61.0}, []devices.Payload{temperature(60), temperature(61)}},
		{"85 that was led up to", []any{79.0, 82.0, 85.0, 85.0, 86.0}, []devices.Payload{temperature(79), temperature(82), temperature(85), temperature(86)}},
		{"no power", []any{4.0, 85.0, 85.0, 85.0, 85.0}, []devices.Payload{temperature(4), fault("sensor_power", false)}},
		{"a loose contact now and then", []any{4.0, errCRC, errCRC, 4.1, errCRC}, []devices.Payload{temperature(4)}},
		{"unplugged, and mended", []any{4.0, gone, gone, gone, gone, 9.0, 9.0, gone, 9.0, 9.0, 9.0},
			[]devices.Payload{temperature(4), fault("sensor_gone", false), fault("sensor_gone", true), temperature(9)}},
		{"from bad to worse", []any{errCRC, errCRC, errCRC, gone}, []devices.Payload{fault("sensor_crc", false), fault("sensor_crc", true), fault("sensor_gone", false)}},
	} {
		var s state
		var got []devices.Payload
		for i, r := range c.readings {
			v, _ := r.(float64)
			err, _ := r.(error)
			var reports []devices.Payload
			s, reports = p.step(s, v, err, time.Duration(i)*readEvery)
			got = append(got, reports...)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s:\n got %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

// What was told is never far from what was read, nor old; and of 85 degrees
// without power nothing is ever told.
func TestWhatIsToldIsTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := Probe{Quantity: Temperature, Bus: OneWire}
		var s state
		var at time.Duration
		for range rapid.IntRange(1, 300).Draw(t, "readings") {
			at += readEvery
			v := float64(rapid.IntRange(0, 400).Draw(t, "tenths")) / 10
			if rapid.IntRange(0, 9).Draw(t, "none") == 0 {
				v = powerOn
			}
			var reports []devices.Payload
			s, reports = p.step(s, v, nil, at)
			for _, r := range reports {
				if temp, ok := r.(pickup.Temperature); ok && temp.Celsius > 45 {
					t.Errorf("told %g", temp.Celsius)
				}
			}
			if s.fault == "" && s.said && v != powerOn && (math.Abs(s.told-v) >= leastChange[Temperature] || at-s.toldAt >= tellEvery) {
				t.Errorf("read %g, told %g %s ago", v, s.told, at-s.toldAt)
			}
		}
	})
}

// Through the driver: what could not be recorded is told with the next reading.
func TestDriver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sys := fstest.MapFS{
			"class/hwmon/hwmon0/name":            file("sht3x"),
			"class/hwmon/hwmon0/temp1_input":     file("4000"),
			"class/hwmon/hwmon0/humidity1_input": file("50000"),
		}
		var mu sync.Mutex
		var told []string
		failing := true
		report := func(_ context.Context, device string, r devices.Report) error {
			mu.Lock()
			defer mu.Unlock()
			if failing {
				return errors.New("no disk")
			}
			if !json.Valid(r.Data) {
				t.Errorf("%s", r.Data)
			}
			told = append(told, fmt.Sprint(device, " ", r.Type, " ", string(r.Data)))
			return nil
		}
		var probes []Probe
		for _, s := range []string{"temperature, pharmacy, cold, hwmon sht3x", "humidity, pharmacy, hwmon sht3x", "temperature, other, 1-wire 28-1"} {
			p, err := ParseProbe(s)
			if err != nil {
				t.Fatal(err)
			}
			probes = append(probes, p)
		}
		began := time.Now()
		clock := func() devices.Stamp { return devices.Stamp{Mono: time.Since(began), Wall: time.Now()} }
		d := New(probes, sys, report, clock, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- d.Run(ctx) }()
		time.Sleep(readEvery / 2)
		mu.Lock()
		failing = false
		mu.Unlock()
		time.Sleep(5 * readEvery)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		slices.Sort(told)
		want := []string{
			`other fault {"code":"sensor_gone"}`,
			`pharmacy humidity {"percent":50}`,
			`pharmacy temperature {"celsius":4,"cold":true}`,
		}
		if !slices.Equal(told, want) {
			t.Errorf("told %q", told)
		}
	})
}

func FuzzProbe(f *testing.F) {
	f.Add("temperature, c, 1-wire 28-1", "50 05 : crc=1c YES\n50 05 t=85000")
	f.Add("humidity, c, hwmon lm75#2/3", "45000")
	f.Add("温度，c，格口 3，iio sht31", "1e400")
	f.Fuzz(func(t *testing.T, s, content string) {
		p, err := ParseProbe(s)
		if err != nil {
			return
		}
		sys := fstest.MapFS{
			"bus/w1/devices/28-1/w1_slave":              file(content),
			"class/hwmon/hwmon0/name":                   file("lm75"),
			"class/hwmon/hwmon0/temp1_input":            file(content),
			"bus/iio/devices/iio:device0/name":          file("sht31"),
			"bus/iio/devices/iio:device0/in_temp_raw":   file(content),
			"bus/iio/devices/iio:device0/in_temp_scale": file("0.1"),
		}
		v, err := p.read(sys)
		var st state
		for i := range 4 {
			var reports []devices.Payload
			st, reports = p.step(st, v, err, time.Duration(i)*readEvery)
			for _, r := range reports {
				if c, ok := r.(condition.Fault); ok && c.Code == "" {
					t.Error("a fault without a code")
				}
			}
		}
	})
}
