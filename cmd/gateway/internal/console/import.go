package console

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/linli-edge/gateway/devices/registry"
	"github.com/linli-edge/gateway/devices/registry/sheet"
	"github.com/linli-edge/gateway/devices/texts"
)

const (
	importPath, applyPath = "/import", "/import/apply"
	templatePath          = "/import/template.csv"
	importAPI             = "/api/import"
	// maxImport is what may be posted there: a file, or one that was shown and
	// comes back with the answer.
	maxImport = 2*sheet.MaxFile + 64<<10
	// mostShown is how many records of a file are listed.
	mostShown = 200
)

// importView is a file of records: not there yet, shown, or registered.
type importView struct {
	Name    string
	Content string // of a file that is shown, in Base64
	Digest  string // of what is shown
	Changes []changeView
	Count   int // of all that changes
	More    int // that is not listed
	Applied bool
	Secrets map[string]string
	Problem string
}

// changeView is what becomes of one record, in words.
type changeView struct {
	What   string
	Fields []string
}

func (v *importView) show(changes []sheet.Change, lang texts.Lang) {
	v.Count, v.More = len(changes), max(0, len(changes)-mostShown)
	for _, change := range changes[:v.Count-v.More] {
		line := texts.Device.Edited
		if change.What == registry.Added {
			line = texts.Device.Added
		}
		c := changeView{What: line.In(lang, registry.NameOf(change.Table), change.ID)}
		for _, f := range change.Fields {
			c.Fields = append(c.Fields, strings.TrimSpace(texts.Device.Field.In(lang, sheet.Heading(f.Name, lang), cmp.Or(plain(f.Old), "-"), cmp.Or(plain(f.New), "-"))))
		}
		v.Changes = append(v.Changes, c)
	}
}

// plain is a value as people read it: a text without its quotes.
func plain(value string) string {
	var text string
	if json.Unmarshal([]byte(value), &text) == nil {
		return text
	}
	return value
}

func (c *Console) importPage(w http.ResponseWriter, r *http.Request) {
	c.pages.show(w, language(w, r), http.StatusOK, "import", importView{})
}

// importTemplate is a table to be filled in.
func (c *Console) importTemplate(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="devices.csv"`)
	io.WriteString(w, sheet.Template(language(w, r))) // the reader may have gone
}

// importFile shows what a file would change.
func (c *Console) importFile(w http.ResponseWriter, r *http.Request) {
	none := texts.Errorf(texts.ConsoleDevices.ImportNone, sheet.MaxFile>>20)
	file, head, err := r.FormFile("file")
	if err != nil {
		c.refuseFile(w, r, none)
		return
	}
	defer file.Close()
	content, err := io.ReadAll(file)
	if err != nil {
		c.refuseFile(w, r, none)
		return
	}
	c.propose(w, r, http.StatusOK, importView{Name: head.Filename}, content)
}

// propose shows what a file would change now.
func (c *Console) propose(w http.ResponseWriter, r *http.Request, status int, v importView, content []byte) {
	lang := language(w, r)
	_, changes, err := sheet.Propose(v.Name, content, c.Registry)
	if err != nil {
		c.refuseFile(w, r, err)
		return
	}
	v.Content, v.Digest = base64.StdEncoding.EncodeToString(content), sheet.Digest(changes)
	v.show(changes, lang)
	c.pages.show(w, lang, status, "import", v)
}

// applyFile registers a file that was shown: all of it or nothing. If it would
// change something else by now, that is shown instead.
func (c *Console) applyFile(w http.ResponseWriter, r *http.Request) {
	lang := language(w, r)
	v := importView{Name: r.PostFormValue("name"), Applied: true}
	content, err := base64.StdEncoding.DecodeString(r.PostFormValue("content"))
	digest := r.PostFormValue("digest")
	if err != nil || len(content) == 0 || digest == "" {
		c.refuseFile(w, r, texts.Errorf(texts.ConsoleDevices.ImportNone, sheet.MaxFile>>20))
		return
	}
	var changes []sheet.Change
	s, err := sheet.Read(v.Name, content)
	if err == nil {
		changes, v.Secrets, err = s.Apply(c.Registry, pageAuthor(r), digest)
	}
	if err != nil {
		c.propose(w, r, http.StatusConflict, importView{Name: v.Name, Problem: texts.Of(err, lang)}, content)
		return
	}
	v.show(changes, lang)
	c.pages.show(w, lang, http.StatusOK, "import", v)
}

// refuseFile asks for another file and says what is wrong with this one.
func (c *Console) refuseFile(w http.ResponseWriter, r *http.Request, err error) {
	lang := language(w, r)
	c.pages.show(w, lang, http.StatusConflict, "import", importView{Problem: texts.Of(err, lang)})
}
