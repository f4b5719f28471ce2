package discovery

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// mistake is what is wrong at an offset of a document. Its line and column are
// counted when it is told, and not of all that a long document may have.
type mistake struct {
	document []byte
	offset   int64
	what     string
}

func at(document []byte, offset int64, what string) error { return &mistake{document, offset, what} }

func (m *mistake) Error() string {
	before := m.document[:min(max(m.offset, 0), int64(len(m.document)))]
	line := 1 + bytes.Count(before, []byte("\n"))
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Sprintf("line %d, column %d: %s", line, column, m.what)
}

// mistakes are the first of a document, and how many more there are.
type mistakes struct {
	first []error
	more  int
}

func (m *mistakes) add(err error) {
	if len(m.first) < maxWrong {
		m.first = append(m.first, err)
	} else {
		m.more++
	}
}

// broken is where the decoder could not go on.
func broken(document []byte, offset int64, err error) error {
	return at(document, offset, "no JSON: "+err.Error()+": have it published again, whole")
}

// field is a field of a JSON object, and where in the document its value
// begins.
type field struct {
	name  string
	value json.RawMessage
	begin int64
}

// fields takes an object apart that begins at an offset of the document.
func fields(document []byte, object json.RawMessage, begin int64) ([]field, error) {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, at(document, begin, "must be a JSON object")
	}
	var all []field
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, broken(document, begin+d.InputOffset(), err)
		}
		f := field{}
		f.name, _ = name.(string)
		if err := d.Decode(&f.value); err != nil {
			return nil, broken(document, begin+d.InputOffset(), err)
		}
		f.begin = begin + d.InputOffset() - int64(len(f.value))
		all = append(all, f)
	}
	if _, err := d.Token(); err != nil {
		return nil, broken(document, begin+d.InputOffset(), err)
	}
	return all, nil
}
