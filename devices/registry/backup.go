package registry

import (
	"fmt"
	"io"

	bolt "go.etcd.io/bbolt"

	"github.com/linli-edge/gateway/devices/salvage"
)

// WriteTo writes the file as it is now, for a backup. It holds up a large
// Update while it lasts: w should be quick.
func (r *Registry) WriteTo(w io.Writer) (n int64, err error) {
	defer recoverFault(&err)()
	err = r.db.View(func(tx *bolt.Tx) (err error) {
		n, err = tx.WriteTo(&salvage.Copy{To: w})
		return err
	})
	if err != nil {
		return n, fmt.Errorf("copy registry: %w", err)
	}
	return n, nil
}
