package capture

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// What may be personal in what devices send. What is found is replaced by
// something of the same form, the same each time, so that a profile makes of
// it what it made before.
var (
	ethernet    = regexp.MustCompile(`\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b`)
	zigbee      = regexp.MustCompile(`\b0x[0-9a-fA-F]{16}\b`)
	named       = regexp.MustCompile(`("(?i:[a-z_]*(?:eui|mac|ieee|addr|address|serial|imei|iccid|imsi|ssid|bssid|hostname|phone|mobile|tel|email|id_?card|card|user|owner|person|name|title))"\s*:\s*")((?:[^"\\]|\\.)+)(")`)
	coordinates = regexp.MustCompile(`("(?i:lat|latitude|lon|lng|long|longitude|longitud|altitude|alt)"\s*:\s*"?)(-?[0-9]+(?:\.[0-9]+)?)`)
	mail        = regexp.MustCompile(`[\w.+-]+@[\w-]+(?:\.[\w-]+)+`)
	internet    = regexp.MustCompile(`\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b`)
	digits      = regexp.MustCompile(`\b[0-9]{17}[0-9xX]\b|\b(?:86)?1[3-9][0-9]{9}\b`)
	chinese     = regexp.MustCompile(`[\p{Han}·]+`)
)

// meant are names of what a device is, and not of whom it belongs to.
var meant = []string{"model_name", "event_name", "type_name", "deviceprofilename"}

// masker replaces what is personal. The zero value is not ready: newMasker.
type masker struct {
	given map[string]string // what stands for what
	made  map[string]bool   // what stands for something
	count map[string]int    // of each form
}

func newMasker() *masker {
	return &masker{given: map[string]string{}, made: map[string]bool{}, count: map[string]int{}}
}

// alias is what stands for a text of some form.
func (m *masker) alias(form, text string, like func(n int) string) string {
	key := form + "\x00" + text
	if known, ok := m.given[key]; ok {
		return known
	}
	m.count[form]++
	made := like(m.count[form])
	m.given[key], m.made[made] = made, true
	return made
}

// address is what stands for a device's address: level by level, and of the
// same form where it is a number.
func (m *masker) address(a string) string {
	levels := strings.Split(a, "/")
	for i, l := range levels {
		levels[i] = m.name(l)
	}
	return strings.Join(levels, "/")
}

// name is what stands for a name or a number of hexadecimal digits.
func (m *masker) name(s string) string {
	bare := strings.TrimPrefix(s, "0x")
	if len(bare) >= 6 && strings.Trim(bare, "0123456789abcdefABCDEF") == "" {
		return m.alias("hex", s, func(n int) string {
			format := "%0*x"
			if strings.ToUpper(bare) == bare {
				format = "%0*X"
			}
			return strings.TrimSuffix(s, bare) + fmt.Sprintf(format, len(bare), n)
		})
	}
	if s == "" || strings.Trim(s, "0123456789") == "" {
		return s // a port, a major number
	}
	return m.alias("name", s, func(n int) string { return fmt.Sprintf("device-%d", n) })
}

// text masks a topic or payload of the device of an address.
func (m *masker) text(s, address string) string {
	if address != "" {
		s = replaceWhole(s, address, m.address(address))
	}
	s = coordinates.ReplaceAllString(s, "${1}12.5")
	s = named.ReplaceAllStringFunc(s, func(found string) string {
		part := named.FindStringSubmatch(found)
		key := strings.ToLower(strings.Trim(strings.SplitN(part[1], `"`, 3)[1], `"`))
		if slices.Contains(meant, key) || m.made[part[2]] {
			return found
		}
		return part[1] + m.named(part[2]) + part[3]
	})
	s = zigbee.ReplaceAllStringFunc(s, m.name)
	s = ethernet.ReplaceAllStringFunc(s, func(a string) string {
		return m.alias("ethernet", a, func(n int) string {
			return fmt.Sprintf("02%[1]s00%[1]s00%[1]s00%[1]s%02[2]X%[1]s%02[3]X", a[2:3], n>>8&0xFF, n&0xFF)
		})
	})
	s = mail.ReplaceAllStringFunc(s, func(a string) string {
		return m.alias("mail", a, func(n int) string { return fmt.Sprintf("mail-%d@example.org", n) })
	})
	s = internet.ReplaceAllStringFunc(s, func(a string) string {
		return m.alias("internet", a, func(n int) string { return fmt.Sprintf("192.0.2.%d", n%256) })
	})
	s = digits.ReplaceAllStringFunc(s, func(a string) string {
		return m.alias("digits", a, func(n int) string { return fmt.Sprintf("%0*d", len(a), n) })
	})
	return chinese.ReplaceAllStringFunc(s, func(a string) string {
		return m.alias("chinese", a, func(n int) string { return fmt.Sprintf("name-%d", n) })
	})
}

// named masks the value of a field that names somebody or something.
func (m *masker) named(value string) string {
	if ethernet.MatchString(value) || zigbee.MatchString(value) || internet.MatchString(value) {
		return value // in its own form, later
	}
	return m.name(value)
}

// replaceWhole replaces a text where no letter or digit goes on beside it.
func replaceWhole(s, old, with string) string {
	var b strings.Builder
	for {
		i := strings.Index(s, old)
		if i < 0 {
			return b.String() + s
		}
		end := i + len(old)
		if i > 0 && wordy(s[i-1]) || end < len(s) && wordy(s[end]) {
			b.WriteString(s[:end])
		} else {
			b.WriteString(s[:i] + with)
		}
		s = s[end:]
	}
}

func wordy(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
