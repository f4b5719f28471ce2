package firmwareconfig

import (
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Size is a number of bytes. In the file it is written with a unit: KB, MB, GB
// and TB are powers of 1000, as on the label of a disk; KiB, MiB, GiB and TiB
// are powers of 1024.
type Size int64

var sizeUnits = []struct {
	suffix string
	bytes  int64
}{ // the longer ones first: "KB" ends in "B"
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"B", 1},
}

// parseSize reads "512MB" or "1.5 GiB".
func parseSize(s string) (Size, bool) {
	for _, u := range sizeUnits {
		number, found := strings.CutSuffix(s, u.suffix)
		if !found {
			continue
		}
		n, ok := decimal(strings.TrimSpace(number))
		if bytes := n * float64(u.bytes); ok && bytes < math.MaxInt64 {
			return Size(bytes), true
		}
		return 0, false
	}
	return 0, s == "0"
}

// String is the size in the largest power of 1000 that divides it.
func (s Size) String() string {
	for _, u := range []struct {
		suffix string
		bytes  Size
	}{{"GB", 1e9}, {"MB", 1e6}, {"KB", 1e3}} {
		if s != 0 && s%u.bytes == 0 {
			return strconv.FormatInt(int64(s/u.bytes), 10) + u.suffix
		}
	}
	return strconv.FormatInt(int64(s), 10) + "B"
}

// parseDuration reads what time.ParseDuration does, and days: "250ms", "90d",
// "1d12h". Never negative.
func parseDuration(s string) (time.Duration, bool) {
	var days time.Duration
	if number, rest, found := strings.Cut(s, "d"); found {
		n, ok := decimal(number)
		if !ok || n*float64(day) >= math.MaxInt64 {
			return 0, false
		}
		days = time.Duration(n * float64(day))
		if rest == "" {
			return days, true
		}
		s = rest
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || days+d < 0 {
		return 0, false
	}
	return days + d, true
}

// formatDuration writes what parseDuration reads, days as such.
func formatDuration(d time.Duration) string {
	if d != 0 && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// decimal reads digits with at most one point among them: none of the signs,
// exponents, underscores and infinities that strconv takes.
func decimal(s string) (float64, bool) {
	if strings.Trim(s, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}
