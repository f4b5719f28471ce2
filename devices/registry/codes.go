package registry

import (
	"slices"
	"strings"
)

// Urban-rural classes of the National Bureau of Statistics.
var urbanRural = []string{"111", "112", "121", "122", "210", "220"}

// Provincial codes of GB/T 2260, the first two digits of every region.
var provinces = strings.Fields("11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82")

func isRegion(s string) bool {
	return len(s) == 12 && isDigits(s) && slices.Contains(provinces, s[:2])
}

func isIndustry(s string) bool { return (len(s) == 3 || len(s) == 4) && isDigits(s) }

// DefaultIndustryEdition is the year of the standard by which an Industry is
// meant where nothing else is said.
const DefaultIndustryEdition = 2017

func isEdition(year int) bool { return year >= 1984 && year <= 2099 }

func isDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}

// isCreditCode checks form and check character of GB 32100-2015: the value of
// the character at place i weighs 3^i mod 31.
func isCreditCode(s string) bool {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	if len(s) != 18 {
		return false
	}
	sum, weight := 0, 1
	for i := range 17 {
		value := strings.IndexByte(alphabet, s[i])
		if value < 0 {
			return false
		}
		sum += value * weight
		weight = weight * 3 % 31
	}
	return s[17] == alphabet[(31-sum%31)%31]
}
