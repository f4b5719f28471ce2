package salvage

import (
	"encoding/binary"
	"io"
)

// Copy is a writer for bolt.Tx.WriteTo. That writes the newer meta page first,
// whichever transaction it is of, so that the next transaction may overwrite
// the newer one instead of the older; Copy puts each where bbolt has it, and
// [File.Check] expects it.
type Copy struct {
	To io.Writer

	metas []byte // until both have come
	done  bool
}

// Write passes b on, once the meta pages are complete.
func (c *Copy) Write(b []byte) (int, error) {
	if c.done {
		return c.To.Write(b)
	}
	c.metas = append(c.metas, b...)
	if len(c.metas) < headerSize+metaSize {
		return len(b), nil
	}
	page := int(binary.LittleEndian.Uint32(c.metas[headerSize+8:]))
	if len(c.metas) < 2*page {
		return len(b), nil
	}
	c.done = true
	if page >= minPage && page <= maxPage {
		first, second := c.metas[headerSize:headerSize+metaSize], c.metas[page+headerSize:page+headerSize+metaSize]
		if tx := binary.LittleEndian.Uint64(first[48:]); tx%2 == 1 {
			for i := range first {
				first[i], second[i] = second[i], first[i]
			}
		}
	}
	if _, err := c.To.Write(c.metas); err != nil {
		return 0, err
	}
	return len(b), nil
}
