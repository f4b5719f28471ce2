package firmwareconfig

import (
	"embed"
	"io/fs"
)

//go:embed profiles/*.yaml
var profiles embed.FS

// Profiles is the folder of the device profiles that are shipped, for
// profile.Load.
func Profiles() fs.FS {
	sub, err := fs.Sub(profiles, "profiles")
	if err != nil {
		panic(err) // only for a malformed name
	}
	return sub
}
