package sheet

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"

	"github.com/linli-edge/gateway/devices"
	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/texts"
)

// Limits of a file.
const (
	MaxFile = 2 << 20 // bytes
	maxRows = 5000    // records
)

// Sheet is a file that was understood.
type Sheet struct {
	file string
	rows []row
}

// row is one record of the file.
type row struct {
	table  registry.Table
	id     string
	line   int // of the record
	fields map[string]field
}

// field is what the file says of one field.
type field struct {
	value any // as for encoding/json
	at    position
}

// position is where something stands: a line and a column, counted from 1; in
// a CSV file the column is that of the table, and has the name over it.
type position struct {
	line, column int
	name         string
}

// Read understands a file; its name tells the form: .yaml, .yml, else CSV. The
// error is a message with file, line and column.
func Read(name string, content []byte) (*Sheet, error) {
	s := &Sheet{file: name}
	if len(content) > MaxFile {
		return nil, s.wrong(position{line: 1}, texts.Errorf(texts.Sheet.TooLong, MaxFile>>20))
	}
	text, err := decode(content)
	if err != nil {
		return nil, s.wrong(position{line: 1}, err)
	}
	if lower := strings.ToLower(name); strings.HasSuffix(lower, ".yaml") || strings.HasSuffix(lower, ".yml") {
		err = s.readYAML(text)
	} else {
		err = s.readCSV(text)
	}
	if err != nil {
		return nil, err
	}
	if len(s.rows) == 0 {
		return nil, s.wrong(position{line: 1}, texts.Errorf(texts.Sheet.Empty))
	}
	return s, nil
}

// add takes a record in, unless it is one too many or was there before.
func (s *Sheet) add(r row) error {
	if len(s.rows) == maxRows {
		return s.wrong(position{line: r.line}, texts.Errorf(texts.Sheet.TooMany, maxRows))
	}
	if i := slices.IndexFunc(s.rows, func(o row) bool { return o.table == r.table && o.id == r.id }); i >= 0 {
		return s.wrong(r.place("id"), texts.Errorf(texts.Sheet.Twice, r.id, s.rows[i].line))
	}
	s.rows = append(s.rows, r)
	return nil
}

// place is where the file says what a field is, or else where the record is.
func (r row) place(name string) position {
	if f, ok := r.fields[name]; ok {
		return f.at
	}
	return position{line: r.line}
}

// Error is a mistake in a file.
type Error struct {
	// Line and Column are counted from 1; Column is 0 where a whole line is
	// meant.
	Line, Column int
	text         *texts.Error
}

// Error is the message in English.
func (e *Error) Error() string { return e.text.Error() }

// Unwrap gives the message in both languages.
func (e *Error) Unwrap() error { return e.text }

func (s *Sheet) wrong(at position, err error) *Error {
	switch {
	case at.column == 0:
		return &Error{at.line, 0, texts.Errorf(texts.Sheet.Line, s.file, at.line, err)}
	case at.name == "":
		return &Error{at.line, at.column, texts.Errorf(texts.Sheet.Place, s.file, at.line, at.column, err)}
	}
	return &Error{at.line, at.column, texts.Errorf(texts.Sheet.Cell, s.file, at.line, at.column, at.name, err)}
}

// Change is what becomes of one record.
type Change struct {
	Table registry.Table `json:"table"`
	ID    string         `json:"id"`
	// What is registry.Added or registry.Edited.
	What   string        `json:"what"`
	Fields []FieldChange `json:"fields,omitempty"`
}

// FieldChange is what becomes of one field: the JSON of its old and its new
// value, "" where there is none.
type FieldChange struct {
	Name string `json:"name"`
	Old  string `json:"old,omitempty"`
	New  string `json:"new,omitempty"`
}

// Propose is Read and Preview.
func Propose(name string, content []byte, r *registry.Registry) (*Sheet, []Change, error) {
	s, err := Read(name, content)
	if err != nil {
		return nil, nil, err
	}
	changes, err := s.Preview(r)
	return s, changes, err
}

// Preview says what Apply would change.
func (s *Sheet) Preview(r *registry.Registry) ([]Change, error) {
	var changes []Change
	err := r.Preview(func(tx *registry.Tx) (err error) {
		changes, err = s.change(tx)
		return err
	})
	if err != nil {
		return nil, s.refused(err)
	}
	return changes, nil
}

// change puts the records into a batch, and says what that changes.
func (s *Sheet) change(tx *registry.Tx) ([]Change, error) {
	if err := s.put(tx); err != nil {
		return nil, err
	}
	after, what, err := tx.Changes()
	if err != nil {
		return nil, err
	}
	changes := []Change{}
	for _, c := range what {
		change := Change{Table: c.Table, ID: c.ID, What: c.What}
		was, is := fieldsOf(tx.Before, c), fieldsOf(after, c)
		for _, name := range c.Fields {
			change.Fields = append(change.Fields, FieldChange{name, string(was[name]), string(is[name])})
		}
		changes = append(changes, change)
	}
	return changes, nil
}

func fieldsOf(s *registry.Snapshot, c registry.Changed) (fields map[string]json.RawMessage) {
	r, ok := s.Record(c.Table, c.ID)
	if document, err := json.Marshal(r); ok && err == nil {
		_ = json.Unmarshal(document, &fields) // it was made just now
	}
	return fields
}

// Digest tells changes that somebody has seen from others.
func Digest(changes []Change) string {
	document, _ := json.Marshal(changes) // of strings, never refused
	sum := sha256.Sum256(document)
	return hex.EncodeToString(sum[:])
}

// Apply registers the records, all or none, and says what that has changed.
// seen is the Digest of the changes that somebody has agreed to, "" for
// whatever they are: if others have come of it meanwhile, nothing is changed.
// secrets are the logins of the devices that are new and speak for themselves,
// by ID, shown this once.
func (s *Sheet) Apply(r *registry.Registry, by registry.Author, seen string) (changes []Change, secrets map[string]string, err error) {
	secrets = map[string]string{}
	err = r.UpdateAs(by, func(tx *registry.Tx) (err error) {
		if changes, err = s.change(tx); err != nil {
			return err
		}
		if seen != "" && seen != Digest(changes) {
			return texts.Errorf(texts.Sheet.Outdated, s.file)
		}
		for _, row := range s.rows {
			d, ok := tx.Device(row.id)
			if row.table != registry.Devices || !ok || d.Retired || d.Bridge != "" || tx.Before.HasSecret(row.id) {
				continue
			}
			if secrets[row.id], err = tx.Issue(row.id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, s.refused(err)
	}
	return changes, secrets, nil
}

func (s *Sheet) put(tx *registry.Tx) error {
	for _, row := range s.rows {
		base, ok := tx.Before.Record(row.table, row.id)
		if !ok {
			if base, ok = registry.Blank(row.table, row.id); !ok {
				return s.wrong(row.place("id"), texts.Errorf(texts.Registry.ID, row.id))
			}
		}
		record, err := row.onto(base)
		if err != nil {
			return s.wrong(position{line: row.line}, err)
		}
		if err := tx.Put(record); err != nil {
			return err
		}
	}
	return nil
}

// onto is the record with what the file says of it.
func (r row) onto(base registry.Record) (registry.Record, error) {
	values := map[string]any{}
	for name, f := range r.fields {
		values[name] = f.value
	}
	document, err := json.Marshal(values)
	if err != nil {
		return nil, err
	}
	return registry.Merge(base, document)
}

// refused finds the line that a refusal is about.
func (s *Sheet) refused(err error) error {
	var mistake *Error
	var refusal *registry.Refusal
	if errors.As(err, &mistake) || !errors.As(err, &refusal) {
		return err
	}
	for _, row := range s.rows {
		if row.table == refusal.Table && row.id == refusal.ID {
			return s.wrong(row.place(refusal.Field), refusal.Reason())
		}
	}
	return s.wrong(position{line: 1}, err)
}

// columns are the fields of a table that fit into a cell, with their types.
func columns(t registry.Table) map[string]reflect.Type {
	r, ok := registry.Blank(t, "x")
	if !ok {
		return nil
	}
	types := map[string]reflect.Type{}
	for _, f := range reflect.VisibleFields(reflect.TypeOf(r)) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || !fits(f.Type) {
			continue
		}
		types[name] = f.Type
	}
	return types
}

func fits(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.String, reflect.Int, reflect.Bool:
		return true
	case reflect.Slice:
		return t.Elem().Kind() == reflect.String || t.Elem() == reflect.TypeFor[registry.Channel]()
	}
	return false
}

// kindOf is the kind that people call so, or by a name in which this is found
// and in no other's; else what they wrote.
func kindOf(s string, called map[string]devices.Kind) string {
	if k, ok := called[s]; ok {
		return string(k)
	}
	found := map[devices.Kind]bool{}
	for name, k := range called {
		if devices.CheckCode("kind", s) != nil && strings.Contains(name, s) {
			found[k] = true
		}
	}
	if len(found) == 1 {
		for k := range found {
			return string(k)
		}
	}
	return s
}

// goType is what a cell should hold, in words.
func goType(t reflect.Type) texts.Text {
	switch t.Kind() {
	case reflect.Int:
		return texts.Sheet.Number
	case reflect.Bool:
		return texts.Sheet.YesNo
	}
	return texts.Sheet.Text
}
