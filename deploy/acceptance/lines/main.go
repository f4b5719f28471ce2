// Command lines runs in the virtual box and is what is wired to its pins: it
// makes a simulated GPIO chip of the kernel, pulls its inputs and looks at its
// outputs, as the world outside does. It is told what to do over HTTP.
//
//	POST /pull?line=0&up=true          the level of an input from outside
//	GET  /value?line=8                 the level on the wire: {"up":true}
//	POST /burst?line=0&n=1000          so many toggles, as fast as can be
//	POST /press?line=0&up=true&until=8 pulls, and waits until another line is high:
//	                                   {"pressed":…,"answered":…} in microseconds since boot
//	POST /live?on=false                takes the chip away, or puts it back
//	POST /hold?line=5&on=true          another program holds the line, or lets go
//	POST /link?up=false                the network cable, for a press: &press=0&until=8
//	POST /signal?name=KILL             to the gateway
//	GET  /trace                        what the kernel has set its lines to since the last time
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

const (
	chipLines = 16
	config    = "/sys/kernel/config/gpio-sim/linli"
	tracing   = "/sys/kernel/tracing"
	patience  = 20 * time.Second
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "lines:", err)
		os.Exit(1)
	}
}

func run() error {
	if err := os.MkdirAll(config+"/bank0", 0o755); err != nil {
		return err
	}
	err := errors.Join(
		put(config+"/bank0/label", "linli-sim"), put(config+"/bank0/num_lines", strconv.Itoa(chipLines)), put(config+"/live", "1"),
		put(tracing+"/events/gpio/gpio_value/enable", "1"), put(tracing+"/events/gpio/gpio_direction/enable", "1"))
	if err != nil {
		return err
	}
	fmt.Println("linli: lines are there")
	mux := http.NewServeMux()
	handle := func(pattern string, do func(*http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			answer, err := do(r)
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			_ = json.NewEncoder(w).Encode(answer)
		})
	}
	handle("POST /pull", func(r *http.Request) (any, error) { return nil, pull(r.FormValue("line"), r.FormValue("up") == "true") })
	handle("GET /value", func(r *http.Request) (any, error) {
		up, err := value(r.FormValue("line"))
		return map[string]bool{"up": up}, err
	})
	handle("POST /burst", burst)
	handle("POST /press", func(r *http.Request) (any, error) {
		return press(r.FormValue("line"), r.FormValue("up") == "true", r.FormValue("until"))
	})
	handle("POST /live", func(r *http.Request) (any, error) {
		return nil, put(config+"/live", map[bool]string{true: "1", false: "0"}[r.FormValue("on") == "true"])
	})
	handle("POST /hold", hold)
	handle("POST /link", func(r *http.Request) (any, error) {
		if err := exec.Command("ip", "link", "set", "eth0", "down").Run(); err != nil {
			return nil, err
		}
		answer, err := press(r.FormValue("press"), r.FormValue("up") == "true", r.FormValue("until"))
		return answer, errors.Join(err,
			exec.Command("ip", "link", "set", "eth0", "up").Run(),
			exec.Command("ip", "route", "add", "default", "via", "10.0.2.2").Run())
	})
	handle("POST /signal", func(r *http.Request) (any, error) {
		return nil, exec.Command("killall", "-"+r.FormValue("name"), "gateway").Run()
	})
	handle("GET /trace", func(*http.Request) (any, error) {
		first, err := base()
		if err != nil {
			return nil, err
		}
		b, err := os.ReadFile(tracing + "/trace")
		events := []string{}
		for line := range strings.Lines(string(b)) {
			if _, event, found := strings.Cut(strings.TrimSpace(line), "gpio_"); found {
				events = append(events, event)
			}
		}
		return map[string]any{"base": first, "events": events}, errors.Join(err, put(tracing+"/trace", ""))
	})
	return http.ListenAndServe("10.0.2.15:7001", mux)
}

func put(file, s string) error { return os.WriteFile(file, []byte(s), 0o644) }

// folder is where the kernel shows what the simulated chip's lines are.
func folder() (string, error) {
	device, err := os.ReadFile(config + "/dev_name")
	if err != nil {
		return "", err
	}
	chip, err := os.ReadFile(config + "/bank0/chip_name")
	return filepath.Join("/sys/devices/platform", strings.TrimSpace(string(device)), strings.TrimSpace(string(chip))), err
}

func attribute(line, name string) (string, error) {
	f, err := folder()
	return filepath.Join(f, "sim_gpio"+line, name), err
}

func pull(line string, up bool) error {
	file, err := attribute(line, "pull")
	if err != nil {
		return err
	}
	return put(file, map[bool]string{true: "pull-up", false: "pull-down"}[up])
}

func value(line string) (bool, error) {
	file, err := attribute(line, "value")
	if err != nil {
		return false, err
	}
	b, err := os.ReadFile(file)
	return strings.TrimSpace(string(b)) == "1", err
}

// burst toggles a line, which begins and ends low.
func burst(r *http.Request) (any, error) {
	n, err := strconv.Atoi(r.FormValue("n"))
	if err != nil {
		return nil, err
	}
	file, err := attribute(r.FormValue("line"), "pull")
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for i := range n {
		if _, err := f.WriteAt([]byte(map[bool]string{true: "pull-up", false: "pull-down"}[i%2 == 0]), 0); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

type pressed struct {
	Pressed  int64 `json:"pressed"`
	Answered int64 `json:"answered"`
}

func press(line string, up bool, until string) (any, error) {
	var p pressed
	p.Pressed = sinceBoot()
	if err := pull(line, up); err != nil {
		return nil, err
	}
	for end := time.Now().Add(patience); ; {
		on, err := value(until)
		p.Answered = sinceBoot()
		switch {
		case err != nil:
			return nil, err
		case on:
			return p, nil
		case time.Now().After(end):
			return nil, fmt.Errorf("line %s is not high within %s", until, patience)
		}
		time.Sleep(time.Millisecond) // or the looking would take the box from the gateway
	}
}

// sinceBoot is in microseconds.
func sinceBoot() int64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0
	}
	return t.Nano() / 1000
}

// hold takes a line as another program would, through the kernel's older
// interface.
func hold(r *http.Request) (any, error) {
	first, err := base()
	if err != nil {
		return nil, err
	}
	line, err := strconv.Atoi(r.FormValue("line"))
	if err != nil {
		return nil, err
	}
	file := "/sys/class/gpio/export"
	if r.FormValue("on") != "true" {
		file = "/sys/class/gpio/unexport"
	}
	return nil, put(file, strconv.Itoa(first+line))
}

// base is the number that the kernel gives the chip's first line.
func base() (int, error) {
	chips, err := filepath.Glob("/sys/class/gpio/gpiochip*")
	if err != nil {
		return 0, err
	}
	for _, chip := range chips {
		label, err := os.ReadFile(chip + "/label")
		if err != nil || strings.TrimSpace(string(label)) != "linli-sim" {
			continue
		}
		b, err := os.ReadFile(chip + "/base")
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(string(b)))
	}
	return 0, errors.New("no chip linli-sim")
}
